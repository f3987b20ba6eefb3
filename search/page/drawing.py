"""Tables from which the page draws any architecture of a family and lists its operators, without asking Python again.

The operator of a slot depends on a few choices only. So one small table for each slot of the search branch, indexed by the values that
an architecture chooses, gives its operators in the order of execution. `search/page/page.js` reads the tables.

Worked example: a slot that depends on `kernel` (3, 5, 7) and `depth` (1, 2) has a table of six operators and the strides (2, 1). Kernel 7
and depth 2 have the indices 2 and 1, so their operator is entry 2 * 2 + 1 * 1 = 5.
"""

from __future__ import annotations

import numpy as np

from supernet.families.family import Family

_DIGITS = np.array(list("0123456789abcdefghijklmnopqrstuvwxyz"))


def digits(choices: np.ndarray, width: int = 1) -> list[str]:
    """Write each architecture as a text of digits to base 36, `width` digits for each of the L choices.

    Args:
        choices: (N, L) index of the chosen value of each choice.
        width: Number of digits for each choice.

    >>> digits(np.array([[0, 11, 2]])), digits(np.array([[0, 40]]), width=2)
    (['0b2'], ['0014'])
    """
    places = 36 ** np.arange(width)[::-1]
    written = np.ascontiguousarray(_DIGITS[choices[..., None] // places % 36].reshape(len(choices), choices.shape[1] * width))
    return written.view(f"<U{written.shape[1]}").ravel().tolist() if len(choices) else []


def plan(family: Family) -> dict:
    """Build the tables from which the page finds the operators of any architecture.

    Args:
        family: The family of the architectures.

    Returns:
        `labels` and `values` of the choices; `width`, the number of digits of a choice; `operators`, each with key, kind, shapes and
        options; and `slots` of the search branch in the order of execution. A slot has its `part` of the network, `choices` (positions of
        the choices that it depends on), `strides` (distance in the table between neighbouring values of each of these) and `table` (index
        of the operator; -1 for none).
    """
    tables = family.slot_table
    slots = []
    used: dict[int, int] = {-1: -1}
    for i, slot in enumerate(family.slots):
        if slot.branch == "search":
            lookup = tables.lookup(i)
            table = [used.setdefault(op, len(used) - 1) for op in lookup.table.tolist()]
            slots.append({"part": slot.part, "choices": lookup.choices.tolist(), "strides": lookup.strides.tolist(), "table": table})
    found = [tables.operators[op] for op in used if op >= 0]
    operators = [{"key": op.key, "kind": op.kind, "in": op.in_shape, "out": op.out_shape, "options": op.option} for op in found]
    labels, values = list(family.choices), list(family.choices.values())
    width = len(np.base_repr(max(map(len, values)) - 1, 36))
    return {"labels": labels, "values": values, "width": width, "operators": operators, "slots": slots}
