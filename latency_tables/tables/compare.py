"""How far two latency tables of one family agree: in scale, in order, and which rows differ most."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from latency_tables.tables.agreement import rank_agreement
from latency_tables.tables.table import LatencyTable
from supernet.operators import BRANCHES

_LARGEST = 10
"""Number of the largest differences that are listed."""


def compare(first: LatencyTable, second: LatencyTable) -> dict:
    """Compare two tables in milliseconds at each device's usual speed (see `LatencyTable.ms`).

    Returns:
        `profiles`: both values of each field in which the profiles differ. `only_in_first`, `only_in_second`: names of the rows
        that the other table lacks. `operators`, `networks_search`, `networks_template`: the agreement of the rows that both tables
        have, as a record with

        - `shared`: the number of these rows; below 2, a `note` stands in place of the rest;
        - `scale`: the median ratio second / first;
        - `spearman`, `kendall`: rank agreement;
        - `off_median`, `off_p90`: median and 90th percentile of |ratio / scale - 1|;
        - `largest`: up to 10 rows whose ratio / scale lies furthest from 1 (by its logarithm), with that number as `ratio`.

        Example: operators of 1, 2 and 4 ms in the first table, of 2, 4 and 12 ms in the second. The ratios are 2, 2 and 3, the
        scale is 2, and the third operator is the largest difference with a ratio of 1.5.

    Raises:
        ValueError: The families differ.
    """
    families = first.profile.family, second.profile.family
    if families[0] != families[1]:
        raise ValueError(f"tables to compare must be of one family, got {families[0]} and {families[1]}; choose two of one")
    rows, others = _names(first), _names(second)
    return {
        "profiles": first.profile.differences(second.profile),
        "operators": _compared(first.operator_ms(), second.operator_ms()),
        **{f"networks_{branch}": _compared(first.network_ms(branch), second.network_ms(branch)) for branch in BRANCHES},
        "only_in_first": [name for name in rows if name not in others],
        "only_in_second": [name for name in others if name not in rows],
    }


def _compared(first: Mapping[str, float], second: Mapping[str, float]) -> dict:
    """Agreement of the rows that both have, as `compare` describes it; arguments are milliseconds by row name."""
    names = [name for name in first if name in second]
    if len(names) < 2:
        return {"shared": len(names), "note": "nothing to compare, fewer than 2 rows are in both"}
    ms, other_ms = [first[name] for name in names], [second[name] for name in names]
    ratios = np.array(other_ms) / np.array(ms)
    scale = float(np.median(ratios))
    scaled = ratios / scale
    off = np.abs(scaled - 1)
    largest = np.argsort(-np.abs(np.log(scaled)), kind="stable")[:_LARGEST]
    return {
        "shared": len(names),
        "scale": scale,
        **rank_agreement(ms, other_ms),
        "off_median": float(np.median(off)),
        "off_p90": float(np.percentile(off, 90)),
        "largest": [{"row": names[i], "first_ms": ms[i], "second_ms": other_ms[i], "ratio": float(scaled[i])} for i in largest],
    }


def _names(table: LatencyTable) -> dict[str, None]:
    """Keys of the operators, then names of the networks with their branch, in the table's order."""
    return dict.fromkeys([*table.operators, *(f"{name} {branch}" for name, branch in table.networks)])
