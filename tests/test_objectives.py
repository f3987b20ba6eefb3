from types import SimpleNamespace

import numpy as np
import pytest

from search.objectives import Constraint, multiply_adds, parse_macs, parse_ms, predicted_latency, unsupported
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]


@pytest.mark.parametrize(
    "parse, text, value",
    [
        (parse_macs, "600M", 6e8),
        (parse_macs, "1.2G", 1.2e9),
        (parse_macs, "1.2 g", 1.2e9),
        (parse_macs, "13e6", 13e6),
        (parse_macs, 500, 500),
        (parse_ms, "8ms", 8),
        (parse_ms, "8", 8),
        (parse_ms, 2.5, 2.5),
        (parse_ms, "0.5s", 500),
        (parse_ms, "900us", 0.9),
    ],
)
def test_units(parse, text, value):
    assert parse(text) == pytest.approx(value)


@pytest.mark.parametrize("parse", [parse_macs, parse_ms])
@pytest.mark.parametrize("text", ["0", "-5", "nan", "inf", "", "many", "1e999", "3 apples", "1.2.3"])
def test_impossible_figures_are_refused(parse, text):
    with pytest.raises(ValueError, match="must be a positive number"):
        parse(text)


def test_units_do_not_mix():
    with pytest.raises(ValueError, match="8ms"):
        parse_macs("8ms")


def test_multiply_adds_are_those_of_the_search_branch():
    arch = NANO.space.sample(np.random.default_rng(0))
    expected = sum(op.counts.macs for op in NANO.operators(arch) if op.branch == "search")
    assert multiply_adds(NANO).of([arch, arch]).tolist() == [expected, expected]


def test_a_network_is_predicted_once():
    asked = []

    def predict(architectures):
        asked.extend(architectures)
        value = np.arange(len(architectures)) + 2.0
        return SimpleNamespace(value=value, low=value - 0.5, high=value + 1.5)

    objective = predicted_latency(SimpleNamespace(predict=predict, missing=lambda archs: np.zeros(len(archs))))
    a, b = (NANO.space.sample(np.random.default_rng(seed)) for seed in (1, 2))
    assert objective.of([a, b, a]).tolist() == [2, 3, 2]
    assert objective.noise([b]).tolist() == [1]
    assert asked == [a, b]


def test_what_cannot_run_takes_for_ever_and_breaks_a_limit_of_none():
    a, b = (NANO.space.sample(np.random.default_rng(seed)) for seed in (1, 2))
    lacking = SimpleNamespace(
        predict=lambda archs: SimpleNamespace(value=np.ones(len(archs)), low=np.ones(len(archs)), high=np.ones(len(archs))),
        missing=lambda archs: np.array([2.0 if arch == a else 0.0 for arch in archs]),
    )
    assert predicted_latency(lacking).of([a, b]).tolist() == [np.inf, 1]
    assert Constraint(unsupported(lacking), 0).excess([a, b]).tolist() == [2, 0]


def test_excess_is_a_share_of_the_limit():
    arch = NANO.space.sample(np.random.default_rng(0))
    objective = multiply_adds(NANO)
    macs = objective.of([arch])[0]
    assert Constraint(objective, macs).excess([arch])[0] == 0
    assert Constraint(objective, macs / 2).excess([arch])[0] == pytest.approx(1)
