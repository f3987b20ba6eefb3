"""One network that holds the weights of every architecture of a family, declared with NNI's model-space API.

The model space follows from the family's slots. Each slot of the search branch is an NNI mutable module with the choices that decide
between its options (`nni.choice`). The remaining choices, such as a depth, decide which slots are built. `simplify()` gives the search
space and `freeze()` a network, as NNI documents (nni.nas 3.0). An architecture is activated by assembling its options into a network,
which takes a fraction of a millisecond and needs neither NNI's one-shot machinery nor pytorch-lightning.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from itertools import product
from operator import attrgetter
from typing import Any, cast

import torch
from torch import nn

from supernet.operators import Operator
from supernet.sharing.sharing import Sharing, Slotted
from supernet.sharing.sliced import bare, largest, sliced
from supernet.slots import Slot
from supernet.space import Architecture, Value

os.environ.setdefault("NNI_FRAMEWORK", "none")  # else NNI wants pytorch-lightning
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=".*is found to be not a nn.Module", category=RuntimeWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    import nni
    from nni.nas.nn.pytorch import ModelSpace, MutableModule

WeightsKey = tuple[Any, ...]
"""Identity of the weights of an option within its slot: the value of the slot's own choice, the operator's kind and options, and the shapes
of its parameters. Shapes of feature maps are no part of it, so a layer has the same weights whatever the exit or the crop size."""


class SlotModule(MutableModule):
    """All options of a slot, with their weights."""

    def __init__(self, options: Mapping[WeightsKey, nn.Module], rows: Mapping[tuple[Value, ...], WeightsKey], slot: Slot, sharing: Sharing):
        """Declare the choices that decide between the options.

        Args:
            options: The module of each option, by the identity of its weights.
            rows: Identity of the weights for each combination of values of `slot.labels`; combinations that leave the slot empty are
                left out.
            slot: The slot.
            sharing: How the options share weights.
        """
        super().__init__()
        keys = list(options)
        self._option = {values: keys.index(key) for values, key in rows.items()}
        self._labels = slot.labels
        if sharing == "sliced" and len(options) > 1:
            core = largest(list(options.values()))
            self.options = nn.ModuleList(sliced(option, core) for option in options.values())
            self.core = bare(core)
        else:
            self.options = nn.ModuleList(options.values())

    def option(self, chosen: Mapping[str, Value] | Architecture) -> nn.Module:
        """The module that stands in the slot for these chosen values."""
        return self.options[self._option[tuple(chosen[label] for label in self._labels)]]

    def freeze(self, sample: Mapping[str, Value]) -> nn.Module:
        return self.option(sample)


class Supernet(ModelSpace):
    """A family's NNI model space, which holds all weights and runs one active architecture; implements `families.family.Supernet`.

    Args:
        family: The family.
        sharing: How the options of a slot share weights; see `Sharing`.
    """

    def __init__(self, family: Slotted, sharing: Sharing):
        super().__init__()
        self.family: Any = family
        self.sharing: Sharing = sharing
        self._path: tuple[Any, ...] = ()
        self.held = nn.ModuleDict()
        """Options of every slot of the search branch, by the name of the slot with `-` in place of `.`."""
        declared = set()
        for slot in family.slots:
            if slot.branch == "search":
                rows = _rows(family, slot)
                options = dict(rows.values())  # one operator for each identity of weights, whatever the size of its feature maps
                held = SlotModule(
                    {key: op.build() for key, op in options.items()}, {values: key for values, (key, _) in rows.items()}, slot, sharing
                )
                for label in _deciding(slot, rows):
                    held.add_mutable(nni.choice(label, list(family.choices[label])))  # pyright: ignore[reportCallIssue]
                    declared.add(label)
                self.held[slot.name.replace(".", "-")] = held
        for label in family.choices.keys() - declared:  # such as a depth, which decides what is built
            self.add_mutable(nni.choice(label, list(family.choices[label])))
        self.activate(family.architecture({label: values[-1] for label, values in family.choices.items()}))

    def activate(self, arch: Architecture) -> None:
        if arch.family != self.family.name:
            raise ValueError(f"the supernet holds {self.family.name} architectures, got {arch.name!r} of {arch.family}")
        self.active = arch
        self._path = (self._assembled(arch),)  # in a tuple, so that its modules are not registered twice

    def forward(self, template: torch.Tensor, search: torch.Tensor):
        return cast(nn.Module, self._path[0])(template, search)

    def extract(self, arch: Architecture) -> nn.Module:
        filled = [(slot, op.build()) for slot, op in self._searched(arch)]
        for slot, target in filled:
            source = self._holder(slot).option(arch)
            for name, tensor in target.state_dict().items():
                tensor.copy_(attrgetter(name)(source))
        return self.family.assemble(filled).train(self.training)

    def freeze(self, sample: Mapping[str, Value]) -> nn.Module:
        self.validate(sample)  # pyright: ignore[reportArgumentType]
        return self._assembled(self.family.architecture(sample))

    def _assembled(self, arch: Architecture) -> nn.Module:
        return self.family.assemble((slot, self._holder(slot).option(arch)) for slot, _ in self._searched(arch))

    def _searched(self, arch: Architecture) -> list[tuple[Slot, Operator]]:
        return [(slot, op) for slot, op in self.family.filled(arch) if slot.branch == "search"]

    def _holder(self, slot: Slot) -> SlotModule:
        return self.held[slot.name.replace(".", "-")]  # pyright: ignore[reportReturnType]


def _rows(family: Slotted, slot: Slot) -> dict[tuple[Value, ...], tuple[WeightsKey, Operator]]:
    """Identity of the weights, and the operator, for each combination of values of a slot's choices that does not leave it empty."""
    rows = {}
    shapes: dict[str, tuple] = {}
    for values in product(*(family.choices[label] for label in slot.labels)):
        op = slot.fill(*values)
        if op is not None:
            if op.key not in shapes:
                with torch.device("meta"):
                    shapes[op.key] = tuple((name, tuple(tensor.shape)) for name, tensor in op.build().state_dict().items())
            own = values[-1] if slot.label is not None else None
            rows[values] = (own, op.kind, op.options, shapes[op.key]), op
    return rows


def _deciding(slot: Slot, rows: Mapping[tuple[Value, ...], tuple[WeightsKey, Operator]]) -> list[str]:
    """Labels of the choices that decide between the options of a slot: its own choice, and those of the context that change the weights."""
    found = []
    for i, label in enumerate(slot.labels):
        alike: dict[tuple, set] = {}
        for values, (key, _) in rows.items():
            alike.setdefault((*values[:i], *values[i + 1 :]), set()).add(key)
        if label == slot.label or any(len(keys) > 1 for keys in alike.values()):
            found.append(label)
    return found
