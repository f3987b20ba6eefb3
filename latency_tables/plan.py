"""What to measure, where and with what, and how the costs of operators and networks follow from what was timed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import numpy as np

from latency_tables import networks
from latency_tables.agent import WARM_UPS, cache_folder
from latency_tables.board import parse_cores
from latency_tables.campaign import Campaign
from latency_tables.chains import all_operators, recipe
from latency_tables.connection import Connection, open_agent
from latency_tables.devices import find_device, find_runtime
from latency_tables.model import Model
from latency_tables.profile import Profile
from latency_tables.programs import PROGRAMS, ProgramConnection
from latency_tables.protocol import REFERENCE, Protocol
from latency_tables.runtime import Runtime
from latency_tables.table import LatencyTable
from latency_tables.timing import Measurement, Sample, combine
from supernet.families import LightTrackFamily
from supernet.operators import Branch, Operator
from supernet.space import Architecture

BRANCHES: tuple[Branch, ...] = ("search", "template")
_MOST_THREADS = 1024


@dataclass(frozen=True)
class Place:
    """Where to measure, and with what."""

    device: str = "local"
    runtime: str = "onnxruntime"
    threads: int = 1
    precision: str = "fp32"
    cores: str = ""
    python: str | None = None
    """Of the device; None for the usual one."""
    binary: Path | None = None
    """The benchmark program, where the runtime is one."""
    wait_s: float = 1800.0
    """How long to wait for a device that was lost."""

    @classmethod
    def of(cls, profile: Profile) -> Place:
        """Where and with what a table was measured."""
        return cls(profile.device, profile.runtime, profile.threads, profile.precision, profile.cores)

    def check(self) -> None:
        """Refuse what cannot be measured before anything slow begins.

        Raises:
            ValueError: Something is unknown or out of range.
        """
        find_device(self.device)
        precisions = find_runtime(self.runtime).precisions
        if self.precision not in precisions:
            raise ValueError(f"precision of {self.runtime} must be one of {', '.join(precisions)}, got {self.precision!r}")
        if (self.binary is not None) != (self.runtime in PROGRAMS):
            raise ValueError(f"--binary goes with the runtimes {', '.join(PROGRAMS)}, got {self.binary} for {self.runtime}; add or drop it")
        if self.binary is not None and not self.binary.is_file():
            raise ValueError(f"binary must be a program, there is no file {self.binary}")
        if not 1 <= self.threads <= _MOST_THREADS:
            raise ValueError(f"threads must be from 1 to {_MOST_THREADS}, got {self.threads}")
        if self.cores:
            parse_cores(self.cores)
            if self.runtime in PROGRAMS:
                raise ValueError(
                    f"cores are for runtimes in Python, got {self.cores} for {self.runtime}; give a script with taskset as --binary"
                )

    @property
    def clock(self) -> str:
        """What ranks: `cpu` for one thread of a processor, else `wall`."""
        return "cpu" if self.threads == 1 and find_runtime(self.runtime).clock == "cpu" else "wall"

    @property
    def checked(self) -> bool:
        """Whether outputs are compared with those of ONNX Runtime: unless it is ONNX Runtime that runs."""
        return (self.runtime, self.precision) != ("onnxruntime", "fp32")

    def host(self) -> Runtime:
        """The host's half of the runtime."""
        return find_runtime(self.runtime)(self.precision)

    def profile(self, family: str, info: Mapping[str, str]) -> Profile:
        """What a table of a family is valid for, on a device that says `info` of itself."""
        settings = (self.threads, self.precision, self.cores, self.clock)
        return Profile(family, self.device, self.runtime, info["version"], *settings, info["chip"], info["os"])

    def connect(self, run: str) -> Connection | ProgramConnection:
        """Start an agent, or put a benchmark program in place, for a measurement."""
        if self.binary is not None:
            folder = cache_folder() / "devices" / quote(self.device, safe="")
            return ProgramConnection(find_device(self.device), self.runtime, self.binary, self.threads, folder, run)
        return open_agent(find_device(self.device), self.runtime, self.precision, self.threads, self.cores, run, self.python)


@dataclass(frozen=True)
class Plan:
    """What to measure, and where."""

    family: LightTrackFamily
    operators: tuple[Operator, ...]
    architectures: tuple[Architecture, ...]
    place: Place = Place()
    seed: int = 0
    protocol: Protocol = Protocol()
    times_only: bool = False
    """Leave out memory and energy, which take longer than the times of a few networks."""

    @cached_property
    def models(self) -> dict[str, Model]:
        """Every model to be timed, by name."""
        chains = {chain for op in self.operators for _, chain in recipe(op, self._neighbours)}
        whole = [networks.model(self.family, architecture, branch) for architecture in self.architectures for branch in BRANCHES]
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
    def weighed(self) -> list[str]:
        """Names of the models whose memory is measured: whole networks, where a process of its own does the work."""
        return self.metered if find_runtime(self.place.runtime).clock == "cpu" else []

    @property
    def metered(self) -> list[str]:
        """Names of the models whose energy is measured: whole networks."""
        return [] if self.times_only else [networks.name(a, branch) for a in self.architectures for branch in BRANCHES]

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
            costs[op.key, op.branch] = cost(*((weight, chain.name) for weight, chain in recipe(op, self._neighbours)))
        for architecture in self.architectures:
            for branch in BRANCHES:
                name = networks.name(architecture, branch)
                whole = cost((1.0, name))
                beside = {"memory_mb": memory_mb.get(name), "energy_mj": energy_mj.get(name)}
                costs[architecture.name, branch] = whole if isinstance(whole, str) else replace(whole, **beside)
        if profile.runtime == "simulated":
            costs = {place: _simulated(m) for place, m in costs.items()}
        operators = {op.key for op in self.operators}
        return LatencyTable(
            profile,
            float(np.median([record[f"{profile.clock}_ms"] for record in done.timed if record["graph"] == REFERENCE])),
            {name: m for (name, _), m in costs.items() if name in operators and isinstance(m, Measurement)},
            {place: m for place, m in costs.items() if place[0] not in operators and isinstance(m, Measurement)},
            about,
            {place: reason for place, reason in costs.items() if isinstance(reason, str)},
        )

    @property
    def _neighbours(self) -> tuple[Operator, ...]:
        return all_operators(self.family) if self.operators else ()


def _by_round(samples: Mapping[int, Sample]) -> list[Sample]:
    return [samples[r] for r in sorted(samples)]


def _simulated(cost: Measurement | str) -> Measurement | str:
    """A cost that says that it was not measured."""
    return cost if isinstance(cost, str) else replace(cost, flag="+".join(filter(None, ("simulated", cost.flag))))
