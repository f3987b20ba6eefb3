"""What a family of architectures is, and what follows from its slots for every family alike.

A family states its choices and its slots; networks, supernets, operators, counts, features for predictors and the drawing on the page
are derived from that. Nothing here imports torch or NNI before a network is built, so that `describe` and `predict` start at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from supernet.counts import Counts
from supernet.operators import BRANCHES, Branch, Operator, Shape
from supernet.sharing.sharing import Sharing
from supernet.slots import Slot, SlotTable
from supernet.space import Architecture, SearchSpace, Value
from supernet.training.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from supernet.occurrences import Occurrences
    from tracking.losses import Loss
    from tracking.trackers.procedure import Settings


@dataclass(frozen=True)
class GraphSpec:
    """A part of a network that is exported as a graph of its own, since it runs at another time than the rest."""

    name: str
    """`template` and `search` are the two branches; further ones take inputs of another size, e.g. `search_288`."""
    inputs: Mapping[str, Shape]
    """Of every input by name, in order, the batch of one included."""
    outputs: tuple[str, ...]
    """Names of the outputs, in order."""
    module: Callable[[Any], nn.Module]
    """Takes a network and gives the module that is exported."""


class Supernet(Protocol):
    """One torch module that holds the weights of every architecture of a family."""

    family: Family
    sharing: Sharing
    active: Architecture
    """The architecture that a call of the module runs."""

    def activate(self, arch: Architecture) -> None:
        """Make one architecture the active one; touches no weight.

        Raises:
            ValueError: The architecture belongs to another family.
        """
        ...

    def extract(self, arch: Architecture) -> nn.Module:
        """A plain network with its own copy of an architecture's weights; equals the active path bit for bit."""
        ...


class Family(Protocol):
    """A space of networks for one task: what can be chosen, what is built, how it is trained and how it tracks.

    Subclass it: the methods with a body follow from the attributes and methods without one.
    """

    name: str
    max_macs: int
    """Budget of a search when the user gives none, in multiply-adds of the search branch."""
    recipe: Recipe
    """How to train when the user does not say."""
    sharing: Sharing
    """How the options of the supernet share weights when the user does not say."""
    tracker: str
    """Name in `TRACKERS` of the procedure that these networks track with."""
    settings: Settings
    """Sizes and constants of that procedure for a network that brings none."""
    presets: Mapping[str, str] = MappingProxyType({})
    """Published architectures by short name: how the family spells them."""

    @property
    def choices(self) -> Mapping[str, tuple[Value, ...]]:
        """Values by label. A test holds them against the NNI model space of the supernet."""
        ...

    @property
    def slots(self) -> tuple[Slot, ...]:
        """What the networks consist of, in the order of execution: first the template branch, then the search branch."""
        ...

    def assemble(self, filled: Iterable[tuple[Slot, nn.Module]]) -> nn.Module:
        """Make a network of modules.

        Args:
            filled: Slots of the search branch with the module that stands there, in the order of execution.
        """
        ...

    def graphs(self, arch: Architecture, settings: Settings | None = None) -> tuple[GraphSpec, ...]:
        """What of a network is exported.

        Args:
            arch: Of this family.
            settings: Sizes of the crops; by default the family's.
        """
        ...

    def loss(self) -> Loss:
        """What training minimises."""
        ...

    def spell(self, chosen: Mapping[str, Value]) -> str:
        """The name of an architecture; `parse` reads it.

        By default `NAME:LABEL=VALUE,LABEL=VALUE`.
        """
        return f"{self.name}:" + ",".join(f"{label}={value}" for label, value in chosen.items())

    def parse(self, name: str) -> Architecture:
        """Read a name that `spell` wrote.

        Raises:
            ValueError: The text is not a name of this family.
        """
        pairs = (word.partition("=") for word in name.removeprefix(f"{self.name}:").split(","))
        words = {label: value for label, _, value in pairs}
        texts = {label: {str(value): value for value in values} for label, values in self.choices.items()}
        wrong = words.keys() != texts.keys() or any(word not in texts[label] for label, word in words.items())
        if wrong or not self.recognises(name):
            form = ",".join(f"{label}={'|'.join(values)}" for label, values in texts.items())
            raise ValueError(f"an architecture name of {self.name} has the form {self.name}:{form}, got {name!r:.200}")
        return self.architecture({label: texts[label][word] for label, word in words.items()}, name)

    def recognises(self, text: str) -> bool:
        """Whether a text looks like a name of this family, right or wrong."""
        return text.startswith(f"{self.name}:")

    def import_weights(self, arch: Architecture, tensors: Mapping[str, Tensor], source: str) -> tuple[nn.Module, Settings]:
        """Make a network of weights that somebody else trained and named.

        Args:
            arch: Of this family.
            tensors: By their foreign names.
            source: Where they come from, for the error.

        Raises:
            ValueError: They do not fit, or there are no foreign weights for this family.
        """
        raise ValueError(f"weights can be imported for families that others have trained, {self.name} is none of them; train it")

    def architecture(self, chosen: Mapping[str, Value], name: str | None = None) -> Architecture:
        """The architecture with these chosen values; choices that change nothing are set to their first value.

        Args:
            chosen: A value for each choice.
            name: How it was spelled; by default as `spell` does.
        """
        listed = self.slot_table.canonical_one([self._digits[label][chosen[label]] for label in self.choices])
        choices = tuple((label, values[digit]) for digit, (label, values) in zip(listed, self.choices.items(), strict=True))
        return Architecture(self.name, choices, name or self.spell(dict(choices)))

    @cached_property
    def _digits(self) -> dict[str, dict[Value, int]]:
        return {label: {value: i for i, value in enumerate(values)} for label, values in self.choices.items()}

    @cached_property
    def slot_table(self) -> SlotTable:
        """The operator of every slot for every combination of the choices that it depends on."""
        return SlotTable(self.choices, self.slots)

    @cached_property
    def occurrences(self) -> Occurrences:
        """How often each operator occurs, for many architectures at once."""
        from supernet.occurrences import Occurrences

        return Occurrences(self.slot_table)

    @cached_property
    def space(self) -> SearchSpace:
        """All architectures."""
        return SearchSpace(self.choices, self.architecture)

    @property
    def all_operators(self) -> tuple[Operator, ...]:
        """Every different operator, in the order of their keys."""
        return self.slot_table.operators

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of operators, in the order in which they first occur."""
        tables = self.slot_table
        return tuple(dict.fromkeys(op.kind for i in range(len(self.slots)) for op in tables.offered(i)))

    @property
    def branches(self) -> tuple[Branch, ...]:
        """The branches that its networks have, the search branch first."""
        return tuple(branch for branch in BRANCHES if any(slot.branch == branch for slot in self.slots))

    def filled(self, arch: Architecture) -> list[tuple[Slot, Operator]]:
        """The slots of an architecture where something stands, with the operator, in the order of execution."""
        return self.slot_table.filled([self._digits[label][value] for label, value in arch.choices])

    def operators(self, arch: Architecture) -> tuple[Operator, ...]:
        """Operators in the order of execution: the template branch, then the search branch."""
        return tuple(op for _, op in self.filled(arch))

    def counts(self, arch: Architecture, branch: Branch) -> Counts:
        """Work and size of one branch; the search branch holds all parameters of the network."""
        return reduce(add, (op.counts for op in self.operators(arch) if op.branch == branch))

    def output_stride(self, arch: Architecture) -> int:
        """Pixels of the search crop per cell of the score map."""
        return self.settings.search_size // self.operators(arch)[-1].out_shape[-1]

    def network(self, arch: Architecture) -> nn.Module:
        """A plain network of the architecture with random weights."""
        return self.assemble((slot, op.build()) for slot, op in self.filled(arch) if slot.branch == "search")

    def supernet(self, sharing: Sharing | None = None) -> Supernet:
        """All architectures and all their weights.

        Args:
            sharing: How options share weights; by default the family's.
        """
        from supernet.sharing import supernet

        made: Any = supernet.Supernet(self, sharing or self.sharing)
        return made
