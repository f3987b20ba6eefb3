"""The protocol of families, and what follows from the choices and slots of a family in the same way for all of them.

A family states its choices and its slots. Networks, supernets, operators, counts, features for predictors and the drawing on the page are
derived from these. Nothing here imports torch or NNI before a network is built, so that `describe` and `predict` start at once.
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
    from tracking.losses import Imitation, Loss
    from tracking.trackers.procedure import Settings


@dataclass(frozen=True)
class GraphSpec:
    """A part of a network that is exported as a graph of its own, since it runs at another time or input size than other parts."""

    name: str
    """Name of the graph: `template` or `search` for the two branches, or e.g. `search_288` for the search branch at another input size."""
    inputs: Mapping[str, Shape]
    """Shape of every input by name, in order, including the batch of one."""
    outputs: tuple[str, ...]
    """Names of the outputs, in order."""
    module: Callable[[Any], nn.Module]
    """Called with a network; returns the module to export."""


class Supernet(Protocol):
    """One torch module that holds the weights of every architecture of a family."""

    family: Family
    sharing: Sharing
    """How the options of a slot share weights."""
    active: Architecture
    """The architecture that a call of the module runs."""

    def activate(self, arch: Architecture) -> None:
        """Make one architecture the active one; no weight changes.

        Raises:
            ValueError: The architecture belongs to another family.
        """
        ...

    def extract(self, arch: Architecture) -> nn.Module:
        """A plain network with a copy of the architecture's weights; its outputs equal those of the supernet bit for bit."""
        ...


class Family(Protocol):
    """A space of networks for one task: what can be chosen, what is built, how it is trained and how it tracks.

    Subclass it: the methods with a body follow from the attributes and methods without one.
    """

    name: str
    """Name of the family in `FAMILIES`."""
    max_macs: int
    """Default budget of a search, in multiply-adds of the search branch."""
    recipe: Recipe
    """Default recipe of training."""
    sharing: Sharing
    """Default for how the options of the supernet share weights."""
    paths: str = "uniform"
    """Default sampling rule of the supernet's training, by its name in `supernet.training.paths.PATHS`."""
    tracker: str
    """Name in `TRACKERS` of the procedure that these networks track with."""
    settings: Settings
    """Default sizes and constants of that procedure. If architectures differ in the sizes of their crops, these are the sizes at which
    training pairs are rendered: large enough for all of them."""
    negatives: float = 0.0
    """Share of the training pairs whose search crop does not show the target, 0 to 1."""
    presets: Mapping[str, str] = MappingProxyType({})
    """Full names of published architectures, as `spell` writes them, by short name."""

    @property
    def choices(self) -> Mapping[str, tuple[Value, ...]]:
        """Possible values of each choice, by its label. A test compares them with the NNI model space of the supernet."""
        ...

    @property
    def slots(self) -> tuple[Slot, ...]:
        """All slots of the networks, in the order of execution: first the template branch, then the search branch."""
        ...

    def assemble(self, filled: Iterable[tuple[Slot, nn.Module]]) -> nn.Module:
        """Build a network from modules.

        Args:
            filled: The slots of the search branch that are not empty, each with its module, in the order of execution.
        """
        ...

    def graphs(self, arch: Architecture, settings: Settings | None = None) -> tuple[GraphSpec, ...]:
        """The graphs as which the networks of an architecture are exported.

        Args:
            arch: An architecture of this family.
            settings: Settings that give the sizes of the crops; by default those of the architecture.
        """
        ...

    def settings_of(self, arch: Architecture) -> Settings:
        """Sizes and constants with which an architecture tracks."""
        return self.settings

    def loss(self) -> Loss:
        """The loss that training minimises."""
        ...

    def imitation(self) -> Imitation:
        """The loss of a network against the answers of another one of the family; sampling rules with distillation use it."""
        ...

    def spell(self, chosen: Mapping[str, Value]) -> str:
        """Write the name of an architecture, which `parse` reads.

        By default the name has the form `FAMILY:LABEL=VALUE,LABEL=VALUE`.
        """
        return f"{self.name}:" + ",".join(f"{label}={value}" for label, value in chosen.items())

    def parse(self, name: str) -> Architecture:
        """Turn a name that `spell` wrote into an architecture.

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
        """Whether a text looks like a name of this family; `parse` may still refuse it."""
        return text.startswith(f"{self.name}:")

    def import_weights(self, arch: Architecture, tensors: Mapping[str, Tensor], source: str) -> tuple[nn.Module, Settings]:
        """Build a network from weights that somebody else trained.

        Args:
            arch: The architecture of the weights, of this family.
            tensors: The weights, by the names that they have there.
            source: Where the weights come from, for the error message.

        Returns:
            The network, and the settings with which it tracks.

        Raises:
            ValueError: The weights do not fit the architecture, or nobody else trains networks of this family.
        """
        raise ValueError(f"weights can be imported for families that others have trained, {self.name} is none of them; train it")

    def architecture(self, chosen: Mapping[str, Value], name: str | None = None) -> Architecture:
        """The architecture with these chosen values, in canonical form: choices that have no effect are set to their first value.

        Args:
            chosen: A value for each choice, by label.
            name: Name to give it, e.g. as the user typed it; by default the one that `spell` writes for the canonical form.
        """
        canonical = self.slot_table.canonical_one([self._indices[label][chosen[label]] for label in self.choices])
        choices = tuple((label, values[i]) for i, (label, values) in zip(canonical, self.choices.items(), strict=True))
        return Architecture(self.name, choices, name or self.spell(dict(choices)))

    @cached_property
    def _indices(self) -> dict[str, dict[Value, int]]:
        return {label: {value: i for i, value in enumerate(values)} for label, values in self.choices.items()}

    @cached_property
    def slot_table(self) -> SlotTable:
        """The operator of every slot for every combination of the choices that it depends on."""
        return SlotTable(self.choices, self.slots)

    @cached_property
    def occurrences(self) -> Occurrences:
        """Counts how often each operator occurs, in many architectures at once."""
        from supernet.occurrences import Occurrences

        return Occurrences(self.slot_table)

    @cached_property
    def space(self) -> SearchSpace:
        """The search space of all architectures of the family."""
        return SearchSpace(self.choices, self.architecture)

    @property
    def all_operators(self) -> tuple[Operator, ...]:
        """All different operators of the family, in the order of their keys."""
        return self.slot_table.operators

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """All kinds of operators, in the order in which they first occur in the slots."""
        tables = self.slot_table
        return tuple(dict.fromkeys(op.kind for i in range(len(self.slots)) for op in tables.offered(i)))

    @property
    def branches(self) -> tuple[Branch, ...]:
        """The branches that networks of the family have; the search branch comes first."""
        return tuple(branch for branch in BRANCHES if any(slot.branch == branch for slot in self.slots))

    def filled(self, arch: Architecture) -> list[tuple[Slot, Operator]]:
        """The slots of an architecture that are not empty, each with its operator, in the order of execution."""
        return self.slot_table.filled([self._indices[label][value] for label, value in arch.choices])

    def operators(self, arch: Architecture) -> tuple[Operator, ...]:
        """Operators of an architecture in the order of execution: the template branch, then the search branch."""
        return tuple(op for _, op in self.filled(arch))

    def counts(self, arch: Architecture, branch: Branch) -> Counts:
        """Multiply-adds, parameters and live elements of one branch; the search branch has all parameters of the network."""
        return reduce(add, (op.counts for op in self.operators(arch) if op.branch == branch))

    def output_stride(self, arch: Architecture) -> int:
        """Stride of the score map: pixels of the search crop per cell."""
        maps = [op.out_shape for op in self.operators(arch) if len(op.out_shape) == 3]
        return self.settings_of(arch).search_size // maps[-1][-1]

    def network(self, arch: Architecture) -> nn.Module:
        """A plain network of the architecture with random weights."""
        return self.assemble((slot, op.build()) for slot, op in self.filled(arch) if slot.branch == "search")

    def supernet(self, sharing: Sharing | None = None) -> Supernet:
        """Build a supernet of the family, with random weights.

        Args:
            sharing: How options share weights; by default as the family says.
        """
        from supernet.sharing import supernet

        made: Any = supernet.Supernet(self, sharing or self.sharing)
        return made
