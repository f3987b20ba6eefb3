"""Checks whether a latency table is complete and plausible."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from latency_tables.tables.agreement import rank_agreement
from latency_tables.tables.excluded import excluded
from latency_tables.tables.table import LatencyTable
from supernet.catalogue import find_family, is_named
from supernet.families.family import Family
from supernet.operators import Branch, Operator

FAR = 0.2
"""Sums of operators may differ from the latencies of whole networks by this share in the mean; a larger difference is a problem."""
CHEAPER = 0.8
"""An operator is suspicious if it costs less than this share of an operator that does less of the same work."""
_ORIGINS = ("simulated", "imported")
"""Flags that say where a row comes from; rows without one of them were measured."""


def validate(table: LatencyTable) -> dict:
    """Check a table that could be loaded.

    Returns:
        A record with

        - `family`;
        - `complete`: whether every operator of the family has a latency, or a reason why the runtime cannot run it;
        - `operators`: how many have, e.g. `410 of 412`;
        - `rows`: number of rows by origin: measured, simulated, imported;
        - `sums`: by branch, how the sum of a network's operators compares with the network measured whole: number of `networks`,
          mean relative error (`bias`), mean absolute relative error (`mape`) and rank agreement. Below two networks there is only
          their number;
        - `excludes`: what `excluded` returns, empty if the runtime supports all operators;
        - `problems`: records of `row` and `problem`.

    Raises:
        ValueError: The table's family is unknown.
    """
    family = find_family(table.profile.family, "the table")
    known = {op.key: op for op in family.all_operators}
    unsupported = table.unsupported_operators
    gaps = [key for key in known if key not in table.operators and key not in unsupported]
    strangers = {name for name, _ in table.networks if not is_named(family, name)}
    sums = {branch: _sums(table, family, branch, strangers) for branch in family.branches}
    problems = [(key, "no row") for key in gaps]
    problems += [(key, f"not an operator of {family.name}") for key in (*table.operators, *unsupported) if key not in known]
    problems += [(name, f"not an architecture of {family.name}") for name in sorted(strangers)]
    problems += [(key, f"the runtime cannot run it: {reason}") for key, reason in unsupported.items()]
    problems += [
        (f"{name} {branch}", f"the runtime cannot run it: {reason}")
        for (name, branch), reason in table.unsupported.items()
        if name not in unsupported
    ]
    problems += _flagged(table)
    problems += _suspicious({op: table.ms(table.operators[key]) for key, op in known.items() if key in table.operators})
    problems += [
        (f"networks {branch}", f"sums of operators are {said['mape']:.0%} off in the mean, {FAR:.0%} are allowed")
        for branch, said in sums.items()
        if said.get("mape", 0) > FAR
    ]
    rows = [*table.operators.values(), *table.networks.values()]
    origins = [next((word for word in _ORIGINS if word in m.flag.split("+")), "measured") for m in rows]
    return {
        "family": family.name,
        "complete": not gaps,
        "operators": f"{len(known) - len(gaps)} of {len(known)}",
        "rows": {origin: origins.count(origin) for origin in ("measured", *_ORIGINS)},
        "sums": sums,
        "excludes": excluded(table) if unsupported else {},
        "problems": [{"row": row, "problem": problem} for row, problem in problems],
    }


def _flagged(table: LatencyTable) -> list[tuple[str, str]]:
    """(row, problem) of the rows with a flag other than the origins."""
    named = [*table.operators.items(), *((f"{name} {branch}", m) for (name, branch), m in table.networks.items())]
    words = [(name, [word for word in m.flag.split("+") if word and word not in _ORIGINS]) for name, m in named]
    return [(name, f"flagged {', '.join(said)}") for name, said in words if said]


def _sums(table: LatencyTable, family: Family, branch: Branch, without: set[str]) -> dict:
    """How sums of operators compare with networks that were measured whole, as `validate` describes it.

    Args:
        table: The table.
        family: Family of the table.
        branch: Branch that is compared.
        without: Names of networks to leave out, since they are not of the family.
    """
    pairs = []
    for name, ms in table.network_ms(branch).items():
        operators = [] if name in without else [op for op in family.operators(family.parse(name)) if op.branch == branch]
        if operators and all(op.key in table.operators for op in operators):
            pairs.append((table.latency_ms(operators), ms))
    if len(pairs) < 2:
        return {"networks": len(pairs)}
    summed, measured = np.array(pairs).T
    error = summed / measured - 1
    return {"networks": len(pairs), "bias": float(error.mean()), "mape": float(np.abs(error).mean()), **rank_agreement(summed, measured)}


def _suspicious(ms: Mapping[Operator, float]) -> list[tuple[str, str]]:
    """(row, problem) of operators that cost much less than another of the same kind and shapes with, e.g., a smaller kernel."""
    alike: dict[tuple, list[Operator]] = {}
    for op in ms:
        alike.setdefault((op.kind, op.branch, op.in_shape, op.out_shape, *(name for name, _ in op.options)), []).append(op)
    found = []
    for group in alike.values():
        for op in group:
            smaller = max((other for other in group if _does_less(other, op)), key=ms.__getitem__, default=None)
            if smaller is not None and ms[op] < CHEAPER * ms[smaller]:
                found.append((op.key, f"suspicious: {ms[op]:.4g} ms, while the smaller {smaller.key} takes {ms[smaller]:.4g} ms"))
    return found


def _does_less(a: Operator, b: Operator) -> bool:
    """Whether a, an operator of b's kind and shapes, does less work: no number in its options is larger, other options are equal."""
    pairs = [(one, two) for (_, one), (_, two) in zip(a.options, b.options, strict=True)]
    numbers = [isinstance(one, int | float) and isinstance(two, int | float) for one, two in pairs]
    return a != b and all(one <= two if number else one == two for (one, two), number in zip(pairs, numbers, strict=True))  # pyright: ignore
