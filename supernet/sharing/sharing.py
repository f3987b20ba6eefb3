"""The two ways in which options share weights, and what a family must state for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, Protocol

from supernet.operators import Operator
from supernet.slots import Slot
from supernet.space import Architecture, Value

if TYPE_CHECKING:
    from torch import nn

Sharing = Literal["separate", "sliced"]
"""`separate`: every option has weights of its own (Single Path One-Shot, Guo et al., ECCV 2020; LightTrack).
`sliced`: options are slices of the largest one, BatchNorms stay apart (Once-for-All, Cai et al., ICLR 2020)."""


class Slotted(Protocol):
    """What a supernet needs to know of its family."""

    name: str
    choices: Mapping[str, tuple[Value, ...]]
    slots: tuple[Slot, ...]

    def filled(self, arch: Architecture) -> list[tuple[Slot, Operator]]: ...

    def architecture(self, chosen: Mapping[str, Value], name: str | None = None) -> Architecture: ...

    def assemble(self, filled: Iterable[tuple[Slot, nn.Module]]) -> nn.Module: ...
