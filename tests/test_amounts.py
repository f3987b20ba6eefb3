import pytest

from search.metrics.amounts import parse_amount, parse_count, parse_ms


@pytest.mark.parametrize(
    "parse, text, value",
    [
        (parse_count, "600M", 6e8),
        (parse_count, "1.2G", 1.2e9),
        (parse_count, "1.2 g", 1.2e9),
        (parse_count, "13e6", 13e6),
        (parse_count, 500, 500),
        (parse_ms, "8ms", 8),
        (parse_ms, "8", 8),
        (parse_ms, 2.5, 2.5),
        (parse_ms, "0.5s", 500),
        (parse_ms, "900us", 0.9),
        (parse_amount, "12MB", 12),
        (parse_amount, "3.5 mJ", 3.5),
    ],
)
def test_units(parse, text, value):
    assert parse(text) == pytest.approx(value)


@pytest.mark.parametrize("parse", [parse_count, parse_ms, parse_amount])
@pytest.mark.parametrize("text", ["0", "-5", "nan", "inf", "", "many", "1e999", "3 apples", "1.2.3"])
def test_impossible_figures_are_refused(parse, text):
    with pytest.raises(ValueError, match="must be a positive number"):
        parse(text)


def test_units_do_not_mix():
    with pytest.raises(ValueError, match="8ms"):
        parse_count("8ms")
