"""What to measure, and how the costs of operators and networks follow from what was timed."""

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
    """What to measure, and where."""

    family: Family
    operators: tuple[Operator, ...]
    architectures: tuple[Architecture, ...]
    setup: Setup = Setup()
    seed: int = 0
    protocol: Protocol = Protocol()
    times_only: bool = False
    """Leave out memory and energy, which take longer than the times of a few networks."""

    @cached_property
    def models(self) -> dict[str, Model]:
        """Every model to be timed, by name."""
        chains = {chain for op in self.operators for _, chain in recipe(op, self.family)}
        whole = [
            networks.model(self.family, architecture, branch) for architecture in self.architectures for branch in self.family.branches
        ]
        return {model.name: model for model in [*sorted((chain.model for chain in chains), key=lambda model: model.name), *whole]}

    @cached_property
    def references(self) -> dict[str, Model]:
        """Candidates for the reference model, by name; the first that runs is taken.

        A busy neighbour must slow it as it slows what is measured, so it is a typical network of the family: caches and memory count
        as much as the clock. Uniform networks follow, for runtimes that lack operators.
        """
        candidates = [*networks.typical(self.family), *networks.uniform(self.family)]
        models = [networks.model(self.family, architecture, "search") for architecture in candidates]
        return {f"{REFERENCE}:{model.name}": replace(model, name=f"{REFERENCE}:{model.name}") for model in models}

    @property
    def memory_of(self) -> list[str]:
        """Names of the models whose memory is measured: whole networks, where a process of its own does the work."""
        return self.energy_of if self.setup.own_process else []

    @property
    def energy_of(self) -> list[str]:
        """Names of the models whose energy is measured: whole networks."""
        return [] if self.times_only else [networks.name(a, branch) for a in self.architectures for branch in self.family.branches]

    def settings(self) -> dict:
        """What a resumed measurement must share with the one that it goes on with."""
        content = hashlib.sha256("\n".join(self.models).encode()).hexdigest()[:12]
        counts = {"networks": len(self.architectures), "operators": len(self.operators)}
        return {**asdict(self.protocol), "warm_ups": WARM_UPS, "seed": self.seed, **counts, "graphs": content}

    def table(self, profile: Profile, done: Campaign, about: Mapping) -> LatencyTable:
        """Costs of operators and networks from what was timed."""
        samples, unsupported, memory_mb, energy_mj = done.samples(), done.unsupported, done.memory_mb, done.energy_mj

        def cost(*terms: tuple[float, str]) -> Measurement | str:
            """A weighted sum of models, or why one of them cannot run."""
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
    return [samples[r] for r in sorted(samples)]


def _simulated(cost: Measurement | str) -> Measurement | str:
    """A cost that says that it was not measured."""
    return cost if isinstance(cost, str) else replace(cost, flag="+".join(filter(None, ("simulated", cost.flag))))
