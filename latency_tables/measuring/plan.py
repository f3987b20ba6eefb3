"""What to measure, and how the latencies of operators and networks follow from the times of the models."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np

from latency_tables.agent.serving import WARM_UPS
from latency_tables.measuring import networks
from latency_tables.measuring.campaign import Campaign
from latency_tables.measuring.chains import recipe
from latency_tables.measuring.protocol import REFERENCE, Protocol
from latency_tables.measuring.setup import Setup
from latency_tables.measuring.timing import Sample, combine
from latency_tables.tables.measurement import Measurement
from latency_tables.tables.profile import Profile
from latency_tables.tables.table import LatencyTable
from supernet.deploy.model import Model
from supernet.families.family import Family
from supernet.operators import Branch, Operator
from supernet.space import Architecture


@dataclass(frozen=True)
class Plan:
    """What to measure, where, and how often."""

    family: Family
    operators: tuple[Operator, ...]
    """Operators of the family to measure, inside chains."""
    architectures: tuple[Architecture, ...]
    """Architectures of the family to measure as whole networks, each branch alone."""
    setup: Setup = Setup()
    seed: int = 0
    """Fixes the order in which models are timed."""
    protocol: Protocol = Protocol()
    times_only: bool = False
    """Leave out memory and energy, which take longer than timing a few networks."""

    @cached_property
    def models(self) -> dict[str, Model]:
        """Every model to be timed, by name: the chains of all operators, then each branch of the whole networks."""
        chains = {chain for op in self.operators for _, chain in recipe(op, self.family)}
        whole = [
            networks.model(self.family, architecture, branch) for architecture in self.architectures for branch in self.family.branches
        ]
        return {model.name: model for model in [*sorted((chain.model for chain in chains), key=lambda model: model.name), *whole]}

    @cached_property
    def references(self) -> dict[str, Model]:
        """Candidates for the reference model, by name; the first that the runtime can run is taken.

        The candidates are typical networks of the family, so that whatever slows the measured networks, such as a busy neighbour in
        shared caches, slows the reference model alike. Uniform networks follow, for runtimes that lack some operators.
        """
        candidates = [*networks.typical(self.family), *networks.uniform(self.family)]
        models = [networks.model(self.family, architecture, "search") for architecture in candidates]
        return {f"{REFERENCE}:{model.name}": replace(model, name=f"{REFERENCE}:{model.name}") for model in models}

    @property
    def memory_of(self) -> list[str]:
        """Names of the models whose memory is measured: whole networks, if a process of its own runs them, else none."""
        return self.energy_of if self.setup.own_process else []

    @property
    def energy_of(self) -> list[str]:
        """Names of the models whose energy is measured: whole networks."""
        return [] if self.times_only else [networks.name(a, branch) for a in self.architectures for branch in self.family.branches]

    def settings(self) -> dict:
        """Settings in which a resumed measurement must agree with the interrupted one."""
        content = hashlib.sha256("\n".join(self.models).encode()).hexdigest()[:12]
        counts = {"networks": len(self.architectures), "operators": len(self.operators)}
        return {**asdict(self.protocol), "warm_ups": WARM_UPS, "seed": self.seed, **counts, "graphs": content}

    def table(self, profile: Profile, done: Campaign, about: Mapping) -> LatencyTable:
        """The latency table that follows from a completed measurement.

        Args:
            profile: What the table is valid for.
            done: The completed measurement.
            about: Further fields of the manifest.
        """
        samples, unsupported, memory_mb, energy_mj = done.samples(), done.unsupported, done.memory_mb, done.energy_mj

        def cost(*terms: tuple[float, str]) -> Measurement | str:
            """The weighted sum of models' times, or the reason why the runtime cannot run one of them."""
            reasons = [unsupported[name] for _, name in terms if name in unsupported]
            return reasons[0] if reasons else combine([(w, _by_round(samples[name])) for w, name in terms], profile.clock)

        costs: dict[tuple[str, Branch], Measurement | str] = {}
        for op in self.operators:
            costs[op.key, op.branch] = cost(*((weight, chain.name) for weight, chain in recipe(op, self.family)))
        for architecture in self.architectures:
            for branch in self.family.branches:
                name = networks.name(architecture, branch)
                whole = cost((1.0, name))
                beside = {"memory_mb": memory_mb.get(name), "energy_mj": energy_mj.get(name)}
                costs[architecture.name, branch] = whole if isinstance(whole, str) else replace(whole, **beside)
        if profile.runtime == "simulated":
            costs = {row: _simulated(m) for row, m in costs.items()}
        operators = {op.key for op in self.operators}
        return LatencyTable(
            profile,
            float(np.median([record[f"{profile.clock}_ms"] for record in done.timed if record["graph"] == REFERENCE])),
            {name: m for (name, _), m in costs.items() if name in operators and isinstance(m, Measurement)},
            {row: m for row, m in costs.items() if row[0] not in operators and isinstance(m, Measurement)},
            about,
            {row: reason for row, reason in costs.items() if isinstance(reason, str)},
        )


def _by_round(samples: Mapping[int, Sample]) -> list[Sample]:
    """The samples in the order of their rounds."""
    return [samples[r] for r in sorted(samples)]


def _simulated(cost: Measurement | str) -> Measurement | str:
    """A measurement with the flag `simulated`; a reason stays as it is."""
    return cost if isinstance(cost, str) else replace(cost, flag="+".join(filter(None, ("simulated", cost.flag))))
