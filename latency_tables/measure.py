"""Measuring a latency table: load everything, warm up, then rounds in random order with a reference model in between."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import math
import platform
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from latency_tables import networks as whole
from latency_tables.agent import WARM_UPS
from latency_tables.chains import REFERENCE, all_operators, recipe
from latency_tables.connection import Connection
from latency_tables.journal import Journal, check_settings
from latency_tables.profile import Profile
from latency_tables.runtimes import RUNTIMES
from latency_tables.table import LatencyTable, manifest_path
from latency_tables.timing import Measurement, Sample, combine, summarise
from latency_tables.transports import TRANSPORTS
from latency_tables.transports.local import Local
from supernet.families import FAMILIES, LightTrackFamily
from supernet.operators import Branch, Operator
from supernet.space import Architecture
from tracking.atomic import check_target, sole_writer
from tracking.progress import progress, say

BRANCHES: tuple[Branch, ...] = ("search", "template")
_REFERENCE = "reference"


@dataclass(frozen=True)
class Protocol:
    """How often and for how long everything is timed."""

    rounds: int = 5
    min_runs: int = 10
    """In each round."""
    max_runs: int = 500
    min_ms: float = 10.0
    """Short graphs run more often, until a round of them takes this long."""
    reference_every: int = 16
    """Graphs between two timings of the reference model."""
    warm_ups: int = WARM_UPS

    def runs(self, one_ms: float) -> int:
        """Runs in a round of a graph that takes `one_ms`."""
        return min(self.max_runs, max(self.min_runs, math.ceil(self.min_ms / one_ms)))


@dataclass(frozen=True)
class Plan:
    """What to measure, where, and with what."""

    family: LightTrackFamily
    operators: tuple[Operator, ...]
    architectures: tuple[Architecture, ...]
    device: str = "local"
    runtime: str = "onnxruntime"
    threads: int = 1
    precision: str = "fp32"
    seed: int = 0
    protocol: Protocol = Protocol()

    def graphs(self) -> dict[str, Callable[[], bytes]]:
        """Every graph to be timed, by name: how to make it."""
        family = self.family
        neighbours = all_operators(family) if self.operators else ()
        chains = {chain for op in self.operators for _, chain in recipe(op, neighbours)}
        graphs: dict[str, Callable[[], bytes]] = {chain.name: chain.onnx for chain in sorted(chains, key=lambda chain: chain.name)}
        for architecture in self.architectures:
            for branch in BRANCHES:
                graphs[_network(architecture, branch)] = lambda a=architecture, b=branch: whole.onnx(family, a, b)
        return graphs

    def settings(self, graphs: Iterable[str]) -> dict:
        """What a resumed measurement must share with the one that it goes on with."""
        content = hashlib.sha256("\n".join(graphs).encode()).hexdigest()[:12]
        return {"seed": self.seed, "networks": len(self.architectures), "operators": len(self.operators), "graphs": content}


def measure(
    *,
    family: str,
    out: Path,
    device: str = "local",
    runtime: str = "onnxruntime",
    threads: int = 1,
    precision: str = "fp32",
    networks: int = 30,
    seed: int = 0,
    resume: bool = False,
) -> dict:
    """Measure the latency of every operator of a family, inside chains, and of some whole networks.

    Single-thread times are ranked by the process's CPU clock, which other programs disturb least, relative to a reference model
    timed every few graphs. Rows are flagged where that reference is unsteady.

    Args:
        family: Family of architectures, e.g. lighttrack or nano.
        device: Where to measure; this version knows local.
        runtime: What runs the networks; listed by the devices command.
        out: The table, a .csv file; its manifest is written beside it as .json.
        threads: Threads that the runtime may use.
        precision: Number format; this version knows fp32.
        networks: Random whole networks to measure as well; a predictor is fitted on them.
        seed: Fixes the random networks and the order of measuring.
        resume: Go on with an interrupted measurement of the same settings.

    Returns:
        `table` (its path), numbers of `operators` and `networks`, how many rows are `flagged`, `reference_ms` and `profile`.

    Raises:
        ValueError: A name is unknown, a number is out of range, or `out` is in the way.
    """
    if family not in FAMILIES:
        raise ValueError(f"unknown family {family!r}; known: {', '.join(sorted(FAMILIES))}")
    for name, value, least in (("threads", threads, 1), ("networks", networks, 0), ("seed", seed, 0)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    _check(device, runtime, precision, Path(out), resume)
    known = FAMILIES[family]
    plan = Plan(known, all_operators(known), tuple(whole.draw(known, networks, seed)), device, runtime, threads, precision, seed)
    table = carry_out(plan, out=out, resume=resume)
    return {
        "table": str(out),
        "operators": len(table.operators),
        "networks": networks,
        "flagged": table.flagged,
        "reference_ms": table.reference_ms,
        "profile": table.profile.to_json(),
    }


def measure_networks(architectures: Sequence[Architecture], table: Path, seed: int = 1) -> list[float]:
    """Measure whole networks anew, to compare with what a table's predictor says.

    Args:
        architectures: All of the table's family.
        table: A measured table; the networks run where and as its rows did.
        seed: Fixes the order of measuring.

    Returns:
        Milliseconds per frame of each, at the speed that the device had when the table was measured.

    Raises:
        ValueError: An architecture is of another family, or the device is no longer what it was.
    """
    rows = LatencyTable.load(table)
    profile = rows.profile
    strangers = [a.name for a in architectures if a.family != profile.family]
    if strangers:
        raise ValueError(f"networks must be of the table's family {profile.family}, {strangers[0]} is not; measure a table of its family")
    different = tuple({a.name: a for a in architectures}.values())
    plan = Plan(FAMILIES[profile.family], (), different, profile.device, profile.runtime, profile.threads, profile.precision, seed)
    with tempfile.TemporaryDirectory() as scratch:
        anew = carry_out(plan, out=Path(scratch) / "networks.csv")
    if anew.profile != profile:
        raise ValueError(
            f"networks must be measured under the profile of the table, {profile} is now {anew.profile}; measure the table again"
        )
    return [anew.networks[a.name, "search"].reference_units * rows.reference_ms for a in architectures]


def carry_out(plan: Plan, *, out: Path, resume: bool = False) -> LatencyTable:
    """Measure what a plan lists, and write it; see `measure`.

    Returns:
        The table, as written to `out`.

    Raises:
        ValueError: Device, runtime or precision is unknown, or `out` is in the way.
    """
    out = Path(out)
    transport = _check(plan.device, plan.runtime, plan.precision, out, resume)
    with sole_writer(out):
        return _carry_out(plan, transport, out, resume)


def _carry_out(plan: Plan, transport: Local, out: Path, resume: bool) -> LatencyTable:
    graphs = plan.graphs()
    part = out.with_name(out.name + ".part")
    with Connection(transport.open_agent(plan.runtime, plan.threads)) as device:
        info = device.info()
        profile = Profile(
            plan.family.name, plan.device, plan.runtime, info["version"], plan.threads, plan.precision, info["chip"], info["os"]
        )
        settings = {**asdict(profile), **asdict(plan.protocol), **plan.settings(graphs)}
        if out.exists():
            table = LatencyTable.load(out)
            check_settings(table.about["settings"], settings, out)
            part.unlink(missing_ok=True)
            say(f"{out} is complete")
            return table
        with Journal(part, settings, resume) as journal:
            _fill(journal, device, graphs, plan, profile.clock)
    table = _table(plan, profile, journal.records, {**_about(info), "settings": settings})
    table.save(out)
    part.unlink()
    return table


def _check(device: str, runtime: str, precision: str, out: Path, resume: bool):
    """Refuse what cannot be measured before anything slow begins; returns the way to the device."""
    place, _, address = device.partition("://")
    if place not in TRANSPORTS:
        raise ValueError(f"device {device!r} is not available in this version; known: {', '.join(sorted(TRANSPORTS))}")
    if runtime not in RUNTIMES:
        raise ValueError(f"unknown runtime {runtime!r}; known: {', '.join(sorted(RUNTIMES))}")
    if precision not in RUNTIMES[runtime].precisions:
        raise ValueError(f"precision of {runtime} must be one of {', '.join(RUNTIMES[runtime].precisions)}, got {precision!r}")
    manifest = manifest_path(out)
    check_target(out)
    for path in (out, manifest, out.with_name(out.name + ".part")):
        if path.exists() and not resume:
            raise ValueError(f"a measurement must not replace another, {path} exists; add --resume or choose another --out")
    return TRANSPORTS[place](address)


def _fill(journal: Journal, device: Connection, graphs: dict[str, Callable[[], bytes]], plan: Plan, clock: str) -> None:
    """Time every graph in every round that the journal lacks."""
    protocol = plan.protocol
    done = {(record["graph"], record["round"]) for record in journal.records}
    orders = [np.random.default_rng([plan.seed, r]).permutation(list(graphs)) for r in range(protocol.rounds)]
    todo = [(str(name), r) for r, order in enumerate(orders) for name in order if (str(name), r) not in done]
    runs = _load(device, {_REFERENCE: REFERENCE.onnx, **{name: graphs[name] for name in dict.fromkeys(name for name, _ in todo)}}, protocol)

    def take(name: str, r: int) -> None:
        journal.write({"graph": name, "round": r, **_recorded(summarise(device.time(name, runs[name]), clock))})

    with progress("measuring", len(graphs) * protocol.rounds, len(graphs) * protocol.rounds - len(todo)) as report:
        for i, (name, r) in enumerate(todo):
            if i % protocol.reference_every == 0:
                take(_REFERENCE, r)
            take(name, r)
            report(len(graphs) * protocol.rounds - len(todo) + i + 1, f"round {r + 1}")
        take(_REFERENCE, protocol.rounds)


def _load(device: Connection, graphs: dict[str, Callable[[], bytes]], protocol: Protocol) -> dict[str, int]:
    """Make and load graphs; returns how often each is to be run in a round."""
    runs = {}
    with progress("loading graphs", len(graphs)) as report:
        for i, (name, make) in enumerate(graphs.items(), 1):
            runs[name] = protocol.runs(device.load(name, make()))
            report(i, "")
    return runs


def _recorded(sample: Sample) -> dict:
    return {"cpu_ms": sample.cpu_ms, "wall_ms": sample.wall_ms, "p95_ms": sample.p95_ms, "runs": sample.runs}


def _samples(records: Sequence[dict], clock: str) -> dict[str, list[Sample]]:
    """Samples by graph, in the order of the rounds, each with the reference timed around it: median of two before and two after."""
    ranked = f"{clock}_ms"
    places = [i for i, record in enumerate(records) if record["graph"] == _REFERENCE]
    samples: dict[str, dict[int, Sample]] = {}
    for k, (start, end) in enumerate(pairwise(places), 1):
        before, after = ([records[i][ranked] for i in near] for near in (places[max(0, k - 2) : k], places[k : k + 2]))
        reference_ms = float(np.median(before + after))
        drift = abs(float(np.mean(after) - np.mean(before))) / reference_ms
        for record in records[start + 1 : end]:
            sample = Sample(record["cpu_ms"], record["wall_ms"], record["p95_ms"], record["runs"], reference_ms, drift)
            samples.setdefault(record["graph"], {})[record["round"]] = sample
    return {name: [by_round[r] for r in sorted(by_round)] for name, by_round in samples.items()}


def _table(plan: Plan, profile: Profile, records: Sequence[dict], about: dict) -> LatencyTable:
    clock = profile.clock
    samples = _samples(records, clock)
    neighbours = all_operators(plan.family) if plan.operators else ()
    operators = {
        op.key: combine([(weight, samples[chain.name]) for weight, chain in recipe(op, neighbours)], clock) for op in plan.operators
    }
    networks: dict[tuple[str, Branch], Measurement] = {
        (a.name, branch): combine([(1.0, samples[_network(a, branch)])], clock) for a in plan.architectures for branch in BRANCHES
    }
    reference_ms = float(np.median([record[f"{clock}_ms"] for record in records if record["graph"] == _REFERENCE]))
    return LatencyTable(profile, reference_ms, operators, networks, about)


def _about(info: dict[str, str]) -> dict:
    versions = {name: importlib.metadata.version(name) for name in ("torch", "numpy")}
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {"date": date, "governor": info["governor"], "versions": {"python": platform.python_version(), **versions}}


def _network(architecture: Architecture, branch: Branch) -> str:
    return f"network:{architecture.name}:{branch}"
