"""Collects the measured networks of a latency table that a predictor is fitted on, and refuses tables that are unfit for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from latency_tables.tables.table import LatencyTable
from supernet.catalogue import find_family, is_named
from supernet.operators import Branch
from supernet.space import Architecture

MIN_NETWORKS = 3
"""Fewest networks that a predictor of latency is fitted on."""
_NAMED = 3
"""Most names that an error lists."""


@dataclass(frozen=True)
class MeasuredNetworks:
    """Measurements of one branch of N different networks."""

    architectures: tuple[Architecture, ...]
    """The networks. One that was measured under several names is here once, under the first of them."""
    ms: np.ndarray
    """(N,) measured milliseconds; the mean if a network was measured under several names."""
    left_out: tuple[str, ...]
    """Names of networks left out, since they have operators that the runtime cannot run alone: the table has no sum for them."""


def measured_networks(table: LatencyTable, branch: Branch) -> MeasuredNetworks:
    """Collect the networks of a table that a predictor can be fitted on.

    Raises:
        ValueError: There are fewer than 3 different ones, or some of their operators have no row in the table.
    """
    family, unsupported = find_family(table.profile.family), table.unsupported_operators
    times: dict[Architecture, list[float]] = {}
    gaps: dict[Architecture, set[str]] = {}
    left_out = []
    for name, ms in table.network_ms(branch).items():
        architecture = family.parse(name)
        keys = {op.key for op in family.operators(architecture) if op.branch == branch}
        if keys & unsupported.keys():
            left_out.append(name)
        else:
            times.setdefault(architecture, []).append(ms)
            gaps[architecture] = keys - table.operators.keys()
    if len(times) < MIN_NETWORKS:
        names = sum(map(len, times.values()))
        under = f" under {names} names" if names > len(times) else ""
        raise ValueError(
            f"a predictor needs at least {MIN_NETWORKS} different measured networks, the table has {len(times)}{under} ({branch} branch); "
            "measure with --networks 30 (the sum of the operators alone was 1 to 9 % too low on the tables that are shipped)"
        )
    missing = sorted(set().union(*gaps.values()))
    if missing:
        raise ValueError(
            f"a predictor needs a row for every operator of the measured networks, {len(missing)} that "
            f"{sum(map(bool, gaps.values()))} of {len(gaps)} networks have are missing ({_some(missing)}); measure the table again"
        )
    return MeasuredNetworks(tuple(times), np.array([np.mean(ms) for ms in times.values()]), tuple(left_out))


def check_family(table: LatencyTable) -> None:
    """Refuse a table with rows of another family.

    Raises:
        ValueError: The family is unknown, or a row is no operator or architecture of it.
    """
    family = find_family(table.profile.family, "the latency table")
    keys = {op.key for op in family.all_operators}
    operators = {*table.operators, *table.unsupported_operators}
    networks = {name for name, _ in (*table.networks, *table.unsupported)} - operators
    strangers = sorted(operators - keys) + sorted(name for name in networks if not is_named(family, name))
    if strangers:
        raise ValueError(
            f"rows of a latency table must be operators and architectures of its family {family.name}, {len(strangers)} are not "
            f"({_some(strangers)}); keep the tables of two families apart"
        )


def _some(names: Sequence[str]) -> str:
    """The first few names, for an error."""
    return " ".join([*(f"{name!r:.120}" for name in names[:_NAMED]), *(["..."] if len(names) > _NAMED else [])])
