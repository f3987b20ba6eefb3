"""Metrics that are counted from the operators alone: multiply-adds and parameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.metrics.amounts import parse_count
from search.metrics.metric import Known, Metric, MetricKind, Objective
from supernet.families.family import Family

MACS = Metric("macs", "multiply-adds")
PARAMS = Metric("params", "parameters")


def multiply_adds(family: Family) -> Objective:
    """The objective `macs`: multiply-adds of convolutions and matrix products in the search branch, which runs on every frame."""
    return _counted(family, MACS, [op.counts.macs for op in family.all_operators])


def parameters(family: Family) -> Objective:
    """The objective `params`: parameters of the search branch; the template branch shares them, so that they count once."""
    return _counted(family, PARAMS, [op.counts.params for op in family.all_operators])


def _counted(family: Family, metric: Metric, each: Sequence[float]) -> Objective:
    """An objective that adds up a number of each operator of the family over the search branch."""
    known = family.occurrences
    by_row = known.counts @ (np.array(each, float) * known.of_branch["search"])
    return Objective(metric, lambda choices: known.selection(choices) @ by_row)


def _macs(known: Known) -> list[Objective]:
    return [multiply_adds(known.family)]


def _params(known: Known) -> list[Objective]:
    return [parameters(known.family)]


KINDS = (
    MetricKind(
        "macs",
        "multiply-adds",
        _macs,
        parse_count,
        "multiply-adds per frame, such as 600M; by default the limit that the family declares",
        "multiply-adds",
    ),
    MetricKind("params", "parameters", _params, parse_count, "the number of parameters, such as 2M", "parameters"),
)
