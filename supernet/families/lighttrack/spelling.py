"""Official names of LightTrack's architectures, as the public code spells them: a codec of the chosen values, never their identity.

`back_` and 20 digits, one for each block of the backbone (the first and the last are fixed, four in front of the last belong to a
stage that only ImageNet classification uses); `cls_` and `reg_` with a digit for the width and one for each layer; `_ops_` with
stage and block of the exit. A family of another size puts its prefix in front.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from supernet.space import Value

_TAIL = "0000"
"""Digits of the stage that exists for classification only."""
_SPELLING = re.compile(r"back_0(?P<back>[0-5]{14})[0-5]{4}0\+cls_(?P<cls>[0-2]{9})\+reg_(?P<reg>[0-2]{9})_ops_(?P<exit>[1-3][0-3])")


class Spelled(Protocol):
    """What a name leaves to be known of its family."""

    @property
    def name(self) -> str: ...
    @property
    def prefix(self) -> str: ...
    @property
    def choices(self) -> Mapping[str, tuple[Value, ...]]: ...
    @property
    def back_labels(self) -> Sequence[str]: ...
    @property
    def exits(self) -> Sequence[tuple[int, int]]: ...


def spell(family: Spelled, chosen: Mapping[str, Value]) -> str:
    """The official name of these chosen values."""
    digits = {label: str(values.index(chosen[label])) for label, values in family.choices.items()}
    back = "".join(digits[label] for label in family.back_labels)
    towers = "+".join(f"{head}_" + "".join(digits[label] for label in _tower(family, head)) for head in _heads(family))
    stage, layer = family.exits[int(chosen["feature"])]
    return f"{family.prefix}back_0{back}{_TAIL}0+{towers}_ops_{stage}{layer}"


def read(family: Spelled, name: str) -> dict[str, Value]:
    """The chosen values that an official name means.

    Raises:
        ValueError: The text is not a name of this family.
    """
    match = _SPELLING.fullmatch(name.removeprefix(f"{family.name}:"))
    if match is None or not name.startswith(family.prefix):
        form = f"{family.prefix}back_0<18 digits 0-5>0+cls_<9 digits 0-2>+reg_<9 digits 0-2>_ops_<stage><block>"
        raise ValueError(f"an architecture name of {family.name} has the form {form}, got {name!r}")
    stage, layer = (int(digit) for digit in match["exit"])
    chosen: dict[str, Value] = {"feature": family.exits.index((stage, layer))}
    digits = dict(zip(family.back_labels, match["back"], strict=True))
    for head in _heads(family):
        if match[head][1] == "2":
            raise ValueError(f"the first layer of a head cannot be skipped (digit 2), got {head}_{match[head]} in {name!r}")
        digits |= zip(_tower(family, head), match[head], strict=True)
    return chosen | {label: family.choices[label][int(digit)] for label, digit in digits.items()}


def _heads(family: Spelled) -> list[str]:
    return [label.removesuffix(".width") for label in family.choices if label.endswith(".width")]


def _tower(family: Spelled, head: str) -> list[str]:
    """Labels of a head: its width, then its layers."""
    return [label for label in family.choices if label.startswith(f"{head}.")]
