"""Writes and reads the official names of LightTrack's architectures, as the public code spells them.

Example: back_04502514044521042540+cls_211000022+reg_100000111_ops_32.

`back_` has a digit for each block of the backbone, here 20. The first and the last are 0, for fixed blocks. The four before the last belong
to a stage that only ImageNet classification uses; they are ignored when a name is read and written as 0000. The others choose the kernel
and expansion of a layer. `cls_` and `reg_` have a digit for the width and one for each of the eight layers of a head. `_ops_` has stage and
block of the exit, counted from 0. A family of another size puts its prefix in front.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from supernet.space import Value

_TAIL = "0000"
"""Digits that are written for the stage that only classification uses."""


@dataclass(frozen=True)
class Spelling:
    """How one family's architectures are spelled."""

    family: str
    """Name of the family."""
    prefix: str
    """Text in front of the official form; empty for the published size."""
    choices: Mapping[str, tuple[Value, ...]]
    """Possible values of each choice by its label, in the order of the official digits."""
    back: tuple[str, ...]
    """Labels of the searched blocks of the backbone, in order."""
    towers: Mapping[str, tuple[str, ...]]
    """Labels of the width and of the layers of each head, in order, by head."""
    exits: tuple[tuple[int, int], ...]
    """(stage, block) of the exit for each value of the choice `feature`, which is the position in this tuple."""

    @property
    def _exits(self) -> str:
        return "|".join(f"{stage}{block}" for stage, block in self.exits)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        back = f"back_0(?P<back>[0-5]{{{len(self.back)}}})[0-5]{{{len(_TAIL)}}}0"
        return re.compile(rf"{back}\+cls_(?P<cls>[0-2]{{9}})\+reg_(?P<reg>[0-2]{{9}})_ops_(?P<exit>{self._exits})")

    @cached_property
    def _digits(self) -> dict[str, dict[Value, str]]:
        return {label: {value: str(i) for i, value in enumerate(values)} for label, values in self.choices.items()}

    def spell(self, chosen: Mapping[str, Value]) -> str:
        """Write the official name of these chosen values."""

        def digits(labels: Sequence[str]) -> str:
            return "".join([self._digits[label][chosen[label]] for label in labels])

        towers = "+".join(f"{head}_{digits(labels)}" for head, labels in self.towers.items())
        stage, block = self.exits[int(chosen["feature"])]
        return f"{self.prefix}back_0{digits(self.back)}{_TAIL}0+{towers}_ops_{stage}{block}"

    def read(self, name: str) -> dict[str, Value]:
        """Read the chosen values from an official name.

        Raises:
            ValueError: The text is not a name of this family.
        """
        match = self._pattern.fullmatch(name.removeprefix(f"{self.family}:"))
        if match is None or not name.startswith(self.prefix):
            blocks = len(self.back) + len(_TAIL)
            form = f"{self.prefix}back_0<{blocks} digits 0-5>0+cls_<9 digits 0-2>+reg_<9 digits 0-2>_ops_<{self._exits}>"
            raise ValueError(f"an architecture name of {self.family} has the form {form}, got {name!r:.120}")
        stage, block = (int(digit) for digit in match["exit"])
        digits = dict(zip(self.back, match["back"], strict=True))
        for head, labels in self.towers.items():
            if match[head][1] == "2":
                raise ValueError(f"the first layer of a head cannot be skipped (digit 2), got {head}_{match[head]} in {name!r:.120}")
            digits |= zip(labels, match[head], strict=True)
        feature: dict[str, Value] = {"feature": self.exits.index((stage, block))}
        return feature | {label: self.choices[label][int(digit)] for label, digit in digits.items()}
