import dataclasses

import numpy as np
import pytest

from search.front.winner import front, recommend, shortlist
from search.metrics import Figure
from search.metrics.accuracy import AO, AUC
from search.metrics.counted import MACS
from search.metrics.predicted import LATENCY
from search.study.candidate import Candidate
from supernet.families import FAMILIES

ARCH = FAMILIES["nano"].space.sample(np.random.default_rng(0))
OBJECTIVES = (AO, LATENCY)


def candidate(number: int, ao: float, ms: float, spread: float = 0.0, **more) -> Candidate:
    """Half its sequences lie `spread` above `ao` and half below."""
    sequences = (ao + spread, ao - spread) * 4
    figures = {AO: Figure(ao), LATENCY: Figure(ms), MACS: Figure(1e6 / (ms or 1))}
    return Candidate(number, ARCH, figures, scores={"ao": sequences}, **more)


def rescored(member: Candidate, ao: float, spread: float = 0.0) -> Candidate:
    figures = {**member.figures, AO.found_again: Figure(ao)}
    return dataclasses.replace(member, figures=figures, rescored={"ao": (ao + spread, ao - spread) * 4})


def recommended(candidates, cost=LATENCY, calibration=0.0):
    return recommend(candidates, AO, cost, calibration)


def test_front_leaves_out_the_beaten_and_the_infeasible():
    everyone = [candidate(0, 0.5, 5), candidate(1, 0.6, 4), candidate(2, 0.4, 1), candidate(3, 0.9, 1, feasible=False)]
    assert [member.number for member in front(everyone, OBJECTIVES)] == [1, 2]


@pytest.mark.parametrize("members, size, chosen", [(3, 8, [0, 1, 2]), (5, 3, [0, 2, 4]), (9, 2, [0, 8]), (1, 8, [0])])
def test_shortlist_of_ties_spreads_and_keeps_both_ends(members, size, chosen):
    assert [c.number for c in shortlist([candidate(i, 0.5, 0) for i in range(members)], size, AO)] == chosen


def test_shortlist_takes_contenders_first():
    contenders = [candidate(i, 0.7, 9 - i, spread=0.01) for i in range(3)]
    others = [candidate(3 + i, 0.5 - i / 10, 5 - i) for i in range(4)]
    assert [c.number for c in shortlist([*contenders, *others], 5, AO)] == [0, 1, 2, 3, 6]
    assert [c.number for c in shortlist([*contenders, *others], 2, AO)] == [0, 2]


def test_a_clear_lead_wins():
    found = recommended([candidate(0, 0.7, 9), candidate(1, 0.5, 1)])
    assert (found.winner.number, found.ties) == (0, [])
    assert "highest AO" in found.why


def test_among_ties_the_fastest_wins():
    found = recommended([candidate(0, 0.70, 9, spread=0.2), candidate(1, 0.69, 4), candidate(2, 0.1, 1)])
    assert (found.winner.number, found.ties) == (1, [1])
    assert "44% of the time" in found.why


def test_the_fastest_may_be_the_best_too():
    found = recommended([candidate(0, 0.70, 3, spread=0.2), candidate(1, 0.69, 4)])
    assert found.winner.number == 0
    assert "none faster" in found.why


def test_only_rescored_figures_count():
    lucky, steady, other = candidate(0, 0.9, 5), candidate(1, 0.6, 4), candidate(2, 0.8, 3)
    found = recommended([rescored(lucky, 0.5), rescored(steady, 0.6), other])
    assert found.winner.number == 1
    assert 2 not in found.differences


def test_calibration_noise_makes_more_ties():
    a, b = candidate(0, 0.70, 9), candidate(1, 0.69, 4)
    assert recommended([a, b]).winner.number == 0
    assert recommended([a, b], calibration=0.01).winner.number == 1


def test_the_cost_that_counts_decides():
    """What takes longer has fewer multiply-adds here."""
    a, b = candidate(0, 0.70, 4, spread=0.2), candidate(1, 0.69, 9)
    assert recommended([a, b]).winner.number == 0
    found = recommended([a, b], MACS)
    assert found.winner.number == 1 and "cheapest of the 2" in found.why and "44% of the multiply-adds" in found.why


def test_the_cost_is_a_cost_where_there_are_two_accuracies():
    everyone = [candidate(number, 0.5, ms) for number, ms in enumerate((5, 3, 4))]
    everyone = [dataclasses.replace(each, figures={**each.figures, AUC: each.figures[LATENCY]}) for each in everyone]
    assert [member.number for member in front(everyone, (AO, AUC, LATENCY))] == [1, 2, 0]
