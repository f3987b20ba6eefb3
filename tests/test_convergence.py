import numpy as np
import pytest

from search.metrics import Figure, Metric
from search.metrics.accuracy import AO
from search.page.convergence import curves
from search.study.candidate import Candidate
from supernet.families import FAMILIES

ARCH = FAMILIES["nano"].architecture({label: values[0] for label, values in FAMILIES["nano"].space.choices.items()})


MS = Metric("time", "ms", source="predicted")


def candidates(rows, metrics, strategies):
    return [
        Candidate(i, ARCH, dict(zip(metrics, map(Figure, row), strict=True)), feasible=row[0] >= 0, strategy=strategies[i])
        for i, row in enumerate(rows)
    ]


def test_shares_of_the_box_are_counted_on_fingers():
    # the box reaches from AO 0 to 1 and from 0 to 4 ms
    rows = [(0.0, 0.0), (0.5, 2.0), (1.0, 4.0), (0.5, 1.0)]
    [curve] = curves(candidates(rows, (AO, MS), ["s"] * 4), (AO, MS))
    assert curve.shares.tolist() == pytest.approx([0, 0.25, 0.25, 0.375])


def test_strategies_share_the_box_but_not_their_evaluations():
    rows = [(0.0, 0.0), (0.5, 2.0), (1.0, 4.0), (0.5, 1.0)]
    found = curves(candidates(rows, (AO, MS), ["a", "b", "a", "b"]), (AO, MS))
    assert {curve.strategy: curve.shares.tolist() for curve in found} == {"a": [0, 0], "b": pytest.approx([0.25, 0.375])}


def test_what_is_not_feasible_or_cannot_run_adds_nothing():
    rows = [(0.0, 0.0), (-0.5, 0.0), (1.0, np.inf), (0.5, 2.0), (1.0, 4.0)]
    [curve] = curves(candidates(rows, (AO, MS), ["s"] * 5), (AO, MS))
    assert curve.shares.tolist() == pytest.approx([0, 0, 0, 0.25, 0.25])


def test_without_a_feasible_candidate_nothing_is_dominated():
    assert curves([], (AO, MS)) == []
    [curve] = curves(candidates([(-1.0, 1.0)], (AO, MS), ["s"]), (AO, MS))
    assert curve.shares.tolist() == [0]


def test_many_objectives_are_sampled():
    corners = [(1.0, 1.0, 1.0, 1.0), (0.0, 0.0, 0.0, 0.0)]
    rows = [*corners, (0.5, 0.5, 0.5, 0.5)]
    metrics = (AO, *(Metric(kind) for kind in "abc"))
    [curve] = curves(candidates(rows, metrics, ["s"] * 3), metrics)
    assert curve.shares == pytest.approx([0, 0, 1 / 16], abs=0.02)
