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

from supernet.operators import Operator, Shape
from supernet.sharing.sharing import Sharing, Slotted
from supernet.sharing.sliced import bare, sliced
from supernet.slots import Slot
from supernet.space import Architecture, Value

os.environ.setdefault("NNI_FRAMEWORK", "none")  # else NNI wants pytorch-lightning
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=".*is found to be not a nn.Module", category=RuntimeWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    import nni
    from nni.nas.nn.pytorch import ModelSpace, MutableModule

WeightsKey = tuple[Any, ...]
"""Identity of the weights of an option within its slot: the value of the slot's own choice, the operator's kind and options, and its numbers
of channels. Heights and widths of feature maps are no part of it, so a layer has the same weights whatever the exit or the crop size."""


class SlotModule(MutableModule):
    """All options of a slot, with their weights."""

    def __init__(self, options: Mapping[WeightsKey, Operator], rows: Mapping[tuple[Value, ...], WeightsKey], slot: Slot, sharing: Sharing):
        """Declare the choices that decide between the options.

        Args:
            options: An operator for each option, by the identity of its weights.
            rows: Identity of the weights for each combination of values of `slot.labels`; combinations that leave the slot empty are
                left out.
            slot: The slot.
            sharing: How the options share weights.

        Raises:
            ValueError: An option is no slice of the largest one.
        """
        super().__init__()
        self._rows, self._labels, self._operators = dict(rows), slot.labels, dict(options)
        self._numbers = {key: str(i) for i, key in enumerate(options)}
        self._norms = sharing == "nested"
        self._cores: dict[str, str] = {}
        self.options = nn.ModuleDict()
        """Modules of the options, by number; those that own nothing are made when they are first needed."""
        kinds: dict[str, list[Operator]] = {}
        for op in options.values():
            kinds.setdefault(op.kind, []).append(op)
        for kind, some in kinds.items():
            if sharing != "separate" and len(some) > 1:
                self._cores[kind] = "core" if len(kinds) == 1 else f"core_{kind}"
                core = max(some, key=lambda op: op.counts.params).build()
                self.add_module(self._cores[kind], core if self._norms else bare(core))
        for key, op in options.items():
            if not (self._norms and op.kind in self._cores):
                self._make(key)

    def option(self, chosen: Mapping[str, Value] | Architecture) -> nn.Module:
        """The module that stands in the slot for these chosen values."""
        key = self._rows[tuple(chosen[label] for label in self._labels)]
        return self.options[self._numbers[key]] if self._numbers[key] in self.options else self._make(key)

    def freeze(self, sample: Mapping[str, Value]) -> nn.Module:
        return self.option(sample)

    def _make(self, key: WeightsKey) -> nn.Module:
        op = self._operators[key]
        if op.kind in self._cores:
            with torch.device("meta" if self._norms else "cpu"):
                option = op.build()
            option = sliced(option, self.get_submodule(self._cores[op.kind]), self._norms)
        else:
            option = op.build()
        self.options[self._numbers[key]] = option.train(self.training)
        return option


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
                held = SlotModule(options, {values: key for values, (key, _) in rows.items()}, slot, sharing)
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
    for values in product(*(family.choices[label] for label in slot.labels)):
        op = slot.fill(*values)
        if op is not None:
            own = values[-1] if slot.label is not None else None
            rows[values] = (own, op.kind, op.options, _channels(op.in_shape), _channels(op.out_shape)), op
    return rows


def _channels(shape: Shape) -> int:
    """Number of channels of a feature map (C, H, W), of tokens (N, C), or of a vector (C,)."""
    return shape[0] if len(shape) == 3 else shape[-1]


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
