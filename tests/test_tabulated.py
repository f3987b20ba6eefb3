"""Tables of sub-spaces, and searches that are replayed on them."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import elastic_sub_space, search_efficiency, sub_space
from search.judging.judge import Outcome
from search.strategies import STRATEGIES

ELASTIC = elastic_sub_space.SUB_SPACE
FEW = replace(
    ELASTIC, free={**ELASTIC.free, **{label: ELASTIC.free[label][:1] for label in ("search", "2.depth", "3.depth", "3.0", "head")}}
)


def made_up(job):
    """Scores of groups that only the choices decide; the first group of two is the easier one."""
    digits = [int(digit) for digit in FEW.digits(job.architecture)]
    fit = 0.5 + 0.01 * sum(digits)
    return Outcome({"fit": (fit + 0.1, fit) * (len(job.pairs) // 2), "iou": (fit / 2,) * len(job.pairs)}, 1.0)


@pytest.mark.parametrize("space", [ELASTIC, sub_space.SUB_SPACE])
def test_rows_name_networks_and_half_of_them_are_within_the_limit(space):
    assert len({space.digits(each) for each in space.architectures}) == len({each.key for each in space.architectures})
    known = search_efficiency.known(space, {}, {})
    assert 0.35 < len(known.feasible) / len(space.architectures) < 0.65
    choices = space.family.space.indices(space.architectures[::101])
    assert (known.macs.of(choices) == search_efficiency.multiply_adds(space.family).of(choices)).all()


def test_a_table_is_written_in_parts(tmp_path):
    asked = []

    def until(count):
        def judge(job):
            if len(asked) == count:
                raise KeyboardInterrupt
            asked.append(job.architecture.key)
            return made_up(job)

        return judge

    with pytest.raises(KeyboardInterrupt):
        elastic_sub_space.write_table(until(7), 64, tmp_path / "table.csv", FEW)
    with (tmp_path / "table.csv.part").open("a") as file:
        file.write("000,0.5")  # killed in the midst of a line
    elastic_sub_space.write_table(until(16), 64, tmp_path / "table.csv", FEW)
    assert len(asked) == len(set(asked)) == len(FEW.architectures) == 16
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]
    fit, half, overlap = (FEW.read(tmp_path / "table.csv", kind) for kind in ("", "fit_half", "iou"))
    for each in FEW.architectures:
        expected = 0.5 + 0.01 * sum(map(int, FEW.digits(each)))
        assert (fit[each.key], half[each.key], overlap[each.key]) == pytest.approx(
            (expected + 0.05, expected + 0.1, expected / 2), abs=1e-5
        )
    with pytest.raises(ValueError, match="must hold every network of the sub-space"):
        ELASTIC.read(tmp_path / "table.csv")


def test_searches_are_replayed_on_a_table():
    score = {each.key: 0.5 + 0.01 * sum(map(int, FEW.digits(each))) for each in FEW.architectures}
    figures = search_efficiency.known(replace(FEW, max_macs=np.inf), score, {})
    figures = replace(figures, space=replace(FEW, max_macs=1e9))
    result = search_efficiency.summary(search_efficiency.growth(["random"], figures, figures.macs, 2, 16))
    assert result["feasible"] == 16 and result["strategies"]["random"]["marks"][16][0] == pytest.approx(1.0)
    assert "evaluations until the mean over seeds reaches 99% of the true front (0.9900):" in search_efficiency.show(result)
    assert set(search_efficiency.AFFORDABLE) <= set(STRATEGIES)
