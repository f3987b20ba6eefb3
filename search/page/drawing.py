"""What the page needs to draw any architecture of a family and to list its operators, without asking Python again.

Which operators an architecture has depends on few choices at a time (`LightTrackFamily.contexts`); so small tables of operators, looked up
with the architecture's digits, give the search branch in the order of execution. `search/page/page.js` reads them.
"""

from __future__ import annotations

import numpy as np

from supernet.families.lighttrack.space import LightTrackFamily
from supernet.operators import Operator
from supernet.space import Value

_DIGITS = np.array(list("0123456789abcdefghijklmnopqrstuvwxyz"))


def digits(choices: np.ndarray) -> list[str]:
    """Architectures as texts of L digits to base 36, one for each choice.

    Args:
        choices: (N, L) index of the chosen value of each choice.

    >>> digits(np.array([[0, 11, 2]]))
    ['0b2']
    """
    written = np.ascontiguousarray(_DIGITS[choices])
    return written.view(f"<U{choices.shape[1]}").ravel().tolist() if len(choices) else []


def plan(family: LightTrackFamily) -> dict:
    """Tables from which the operators of every architecture follow.

    Returns:
        `labels` and `values` of the choices; `operators`, each with key, kind, shapes and options; and indices of
        these: `start`, then `blocks` by layer and digit, of which the digit of `feature` leaves the first `depth`, `join` by the digit of
        `feature`, and `towers` by head and the digits of `feature` and its width: `layers` by place and digit (-1: none) and `last`.
    """
    choices = family.space.choices
    first = {label: values[0] for label, values in choices.items()}
    exits = choices["feature"]
    places: dict[Operator, int] = {}

    def found(*kinds: str, **changes: Value) -> list[int]:
        operators = family.operators(family.architecture({**first, **changes}))
        return [places.setdefault(op, len(places)) for op in operators if op.branch == "search" and op.kind in kinds]

    def tower(head: str, feature: Value, width: Value) -> dict:
        kernels = choices[f"{head}.0"]
        labels = [label for label in choices if label.startswith(f"{head}.") and choices[label][: len(kernels)] == kernels]
        fixed = {"feature": feature, f"{head}.width": width}
        built = [found("head", "cls", "reg", **fixed, **dict.fromkeys(labels, kernel)) for kernel in kernels]
        built = [ids[: len(labels) + 1] if head == "cls" else ids[-len(labels) - 1 :] for ids in built]
        layers = [[ids[i] for ids in built] + [-1] * (len(choices[label]) - len(kernels)) for i, label in enumerate(labels)]
        return {"layers": layers, "last": built[0][-1]}

    back = [found("mbconv", feature=exits[-1], **dict.fromkeys(family.back_labels, block)) for block in choices[family.back_labels[0]]]
    tables = {
        "start": found("stem", "dsconv"),
        "blocks": list(zip(*back, strict=True)),
        "depth": [family.depth(int(feature)) for feature in exits],
        "join": [found("join", feature=feature)[0] for feature in exits],
        "towers": {head: [[tower(head, f, width) for width in choices[f"{head}.width"]] for f in exits] for head in ("cls", "reg")},
    }
    operators = [{"key": op.key, "kind": op.kind, "in": op.in_shape, "out": op.out_shape, **dict(op.options)} for op in places]
    return {"labels": list(choices), "values": list(choices.values()), "operators": operators, **tables}
