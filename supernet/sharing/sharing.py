"""The two ways in which the options of a supernet share weights, and what a supernet needs from a family."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, Protocol

from supernet.operators import Operator
from supernet.slots import Slot
from supernet.space import Architecture, Value

if TYPE_CHECKING:
    from torch import nn

Sharing = Literal["separate", "sliced", "nested"]
"""How the options of a slot share weights.

`separate`: each option has weights of its own (Single Path One-Shot, Guo et al., ECCV 2020; LightTrack).
`sliced`: the convolutions of all options are slices of those of the largest one, and each option has its own BatchNorms (Once-for-All,
Cai et al., ICLR 2020).
`nested`: as `sliced`, but BatchNorms are slices of the largest option's as well. Their statistics mix those of all options, so a network
must be calibrated after it is extracted (Yu and Huang, Universally slimmable networks, ICCV 2019).
"""


class Slotted(Protocol):
    """What a supernet needs from its family; see `families.family.Family` for each member."""

    name: str
    choices: Mapping[str, tuple[Value, ...]]
    slots: tuple[Slot, ...]

    def filled(self, arch: Architecture) -> list[tuple[Slot, Operator]]: ...

    def architecture(self, chosen: Mapping[str, Value], name: str | None = None) -> Architecture: ...

    def assemble(self, filled: Iterable[tuple[Slot, nn.Module]]) -> nn.Module: ...
