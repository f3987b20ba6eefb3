"""Official names of LightTrack's architectures, as the public code spells them: a codec of the chosen values, never their identity.

`back_` and a digit for each block of the backbone (the first and the last are fixed, four in front of the last belong to a stage that
only ImageNet classification uses: 20 digits at the published size); `cls_` and `reg_` with a digit for the width and one for each
layer; `_ops_` with stage and block of the exit. A family of another size puts its prefix in front.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from supernet.space import Value

_TAIL = "0000"
"""Digits of the stage that exists for classification only."""


@dataclass(frozen=True)
class Spelling:
    """How one family's architectures are spelled."""

    family: str
    prefix: str
    """Put in front of the official form; empty for the published size."""
    choices: Mapping[str, tuple[Value, ...]]
    back: tuple[str, ...]
    """Labels of the blocks of the backbone, in order."""
    towers: Mapping[str, tuple[str, ...]]
    """By head the labels of its width and of its layers, in order."""
    exits: tuple[tuple[int, int], ...]
    """Stage and block by the value of the choice `feature`."""

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
        """The official name of these chosen values."""

        def digits(labels: Sequence[str]) -> str:
            return "".join([self._digits[label][chosen[label]] for label in labels])

        towers = "+".join(f"{head}_{digits(labels)}" for head, labels in self.towers.items())
        stage, block = self.exits[int(chosen["feature"])]
        return f"{self.prefix}back_0{digits(self.back)}{_TAIL}0+{towers}_ops_{stage}{block}"

    def read(self, name: str) -> dict[str, Value]:
        """The chosen values that an official name means.

        Raises:
            ValueError: The text is not a name of this family.
        """
        match = self._pattern.fullmatch(name.removeprefix(f"{self.family}:"))
        if match is None or not name.startswith(self.prefix):
            blocks = len(self.back) + len(_TAIL)
            form = f"{self.prefix}back_0<{blocks} digits 0-5>0+cls_<9 digits 0-2>+reg_<9 digits 0-2>_ops_<{self._exits}>"
            raise ValueError(f"an architecture name of {self.family} has the form {form}, got {name!r:.200}")
        stage, block = (int(digit) for digit in match["exit"])
        digits = dict(zip(self.back, match["back"], strict=True))
        for head, labels in self.towers.items():
            if match[head][1] == "2":
                raise ValueError(f"the first layer of a head cannot be skipped (digit 2), got {head}_{match[head]} in {name!r}")
            digits |= zip(labels, match[head], strict=True)
        feature: dict[str, Value] = {"feature": self.exits.index((stage, block))}
        return feature | {label: self.choices[label][int(digit)] for label, digit in digits.items()}
