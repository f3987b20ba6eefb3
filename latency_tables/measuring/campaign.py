"""One measurement, from the first model to the last sample taken again; every step goes through the journal.

A campaign that is interrupted goes on where its journal ends: models that were checked are not checked again, samples that were
taken are not taken again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from latency_tables.measuring.journal import Journal
from latency_tables.measuring.protocol import REFERENCE, Protocol, samples, unsteady
from latency_tables.measuring.session import Session, Unsupported
from latency_tables.measuring.timing import Sample, summarise
from latency_tables.parity import TOLERANCES
from tracking.files.progress import progress, say


@dataclass
class Campaign:
    """What was found out so far, and how to go on."""

    journal: Journal
    protocol: Protocol
    clock: str
    """`cpu` or `wall`, the one that ranks."""
    precision: str
    checked: bool
    """Whether outputs are compared with those of ONNX Runtime."""
    seed: int
    runs: dict[str, int] = field(default_factory=dict)
    """How often each loaded model is run in a round."""
    reference: str = ""
    """Name of the reference model."""
    networks: tuple[str, ...] = ()
    """Names of the models that are whole networks."""

    @property
    def unsupported(self) -> dict[str, str]:
        """Why the runtime cannot run a model, by its name."""
        return {record["graph"]: record["reason"] for record in self._records("unsupported")}

    @property
    def memory_mb(self) -> dict[str, float]:
        """Peak memory of the models for which it was measured, by name."""
        return {record["graph"]: record["mb"] for record in self._records("memory")}

    @property
    def energy_mj(self) -> dict[str, float]:
        """Energy of a run of the models for which it was measured, by name."""
        return {record["graph"]: record["mj"] for record in self._records("energy")}

    @property
    def meter(self) -> str | None:
        """What measured energy on the device."""
        return next((record["meter"] for record in self._records("energy")), None)

    @property
    def largest_difference(self) -> float | None:
        """Of all checked models, from ONNX Runtime's outputs."""
        return max((r["difference"] for r in self._records("ready") if r["difference"] is not None), default=None)

    @property
    def pauses(self) -> int:
        """How often the device was left to cool down."""
        return len(self._records("pause"))

    @property
    def timed(self) -> list[dict]:
        """Samples, and those of the reference model, in order."""
        return self._records("time")

    def sha256(self) -> dict[str, str]:
        """Of the prepared models, by name."""
        return {record["graph"]: record["sha256"] for record in self._records("ready")}

    def samples(self) -> dict[str, dict[int, Sample]]:
        """The best sample of every model in every round."""
        return samples(self.timed)

    def run(
        self, session: Session, references: Sequence[str], models: Sequence[str], memory_of: Sequence[str], energy_of: Sequence[str]
    ) -> None:
        """Measure what the journal lacks.

        Args:
            session: The device.
            references: Names of models, of which the first that runs is the reference.
            models: Names of the models to time.
            memory_of: Names of those whose memory is measured.
            energy_of: Names of those whose energy is measured.
        """
        if memory_of:
            self._measure_memory(session, self._able(memory_of))
        self._choose_reference(session, references)
        self._load(session, self._able(models))
        able = self._able(models)
        if not able:
            raise _runs_none(models, self.unsupported)
        self.networks = tuple(name for name in able if name.startswith("network:"))
        self._pass(session, 0, [(name, r) for r in range(self.protocol.rounds) for name in self.protocol.order(able, r, self.seed)])
        for again in range(1, self.protocol.repeats + 1):
            before = [record for record in self.timed if record["again"] < again]
            found = samples(before)
            most = math.ceil(self.protocol.repeated * sum(map(len, found.values())))
            self._pass(session, again, sorted(unsteady(found)[:most], key=lambda sample: sample[1]))
        if energy_of:
            self._measure_energy(session, self._able(energy_of))

    def _records(self, kind: str) -> list[dict]:
        return [record for record in self.journal.records if record["kind"] == kind]

    def _able(self, models: Sequence[str]) -> list[str]:
        unsupported = self.unsupported
        return [name for name in models if name not in unsupported]

    def _measure_memory(self, session: Session, models: Sequence[str]) -> None:
        before = self.memory_mb
        todo = [name for name in models if name not in before]
        with progress("memory", len(todo)) as report:
            for i, name in enumerate(todo, 1):
                try:
                    self.journal.write({"kind": "memory", "graph": name, "mb": session.memory_mb(name)})
                except Unsupported:
                    pass  # loading says why
                report(i, "")

    def _measure_energy(self, session: Session, models: Sequence[str]) -> None:
        before = self.energy_mj
        todo = [name for name in models if name not in before]
        with progress("energy", len(todo)) as report:
            for i, name in enumerate(todo, 1):
                answer = session.energy(name)
                if answer is None:
                    say("the device has no meter of energy that may be read")
                    return
                self.journal.write({"kind": "energy", "graph": name, "meter": answer[0], "mj": answer[1]})
                report(i, "")

    def _choose_reference(self, session: Session, references: Sequence[str]) -> None:
        for name in self._able(references):
            self._load(session, [name])
            if self._able([name]):
                self.reference = name
                return
        raise _runs_none(references, self.unsupported)

    def _load(self, session: Session, models: Sequence[str]) -> None:
        ready = {record["graph"] for record in self._records("ready")}
        with progress("loading", len(models)) as report:
            for i, name in enumerate(models, 1):
                try:
                    self.runs[name] = self.protocol.runs(session.load(name), reference=name.startswith(f"{REFERENCE}:"))
                    if name not in ready:
                        difference = session.difference(name) if self.checked else None
                        if difference is not None and not difference <= TOLERANCES[self.precision]:
                            raise Unsupported(f"outputs differ from ONNX Runtime's by {difference:.1%}")
                        self.journal.write({"kind": "ready", "graph": name, "sha256": session.sha256[name], "difference": difference})
                except Unsupported as err:
                    self.journal.write({"kind": "unsupported", "graph": name, "reason": " ".join(str(err).split())[:300]})
                report(i, "")

    def _pass(self, session: Session, again: int, wanted: Sequence[tuple[str, int]]) -> None:
        """Time models in rounds, in the order given, the reference in between."""
        before = [record for record in self.timed if record["again"] == again]
        done = {(record["graph"], record["round"]) for record in before}
        todo = [(name, r) for name, r in wanted if (name, r) not in done]
        if not todo and (not before or before[-1]["graph"] == REFERENCE):
            return
        with progress("measuring" if not again else "again where unsteady", len(wanted), len(wanted) - len(todo)) as report:
            for i, (name, r) in enumerate(todo):
                if not i or r != todo[i - 1][1]:
                    self._scatter(session, r)
                if i % self.protocol.reference_every == 0:
                    self._cool(session, r, again)
                self._take(session, name, r, again)
                report(len(wanted) - len(todo) + i + 1, f"round {r + 1}")
            self._take(session, REFERENCE, wanted[-1][1], again)

    def _scatter(self, session: Session, round: int) -> None:
        """Put models away that are to be loaded elsewhere in memory: the reference, and in some rounds the whole networks."""
        session.unload(self.reference)
        if round and round % self.protocol.reload_every == 0:
            for name in self.networks:
                session.unload(name)

    def _take(self, session: Session, name: str, round: int, again: int) -> float:
        """Time a model once, write it down, and return its `low_ms`."""
        model = self.reference if name == REFERENCE else name
        sample = summarise(session.time(model, self.runs[model]), self.clock)
        times = {
            "cpu_ms": sample.cpu_ms,
            "wall_ms": sample.wall_ms,
            "low_ms": sample.low_ms,
            "quantiles": sample.quantiles,
            "runs": sample.runs,
        }
        readings = session.readings() if name == REFERENCE else {}
        self.journal.write({"kind": "time", "graph": name, "round": round, "again": again, **times, **readings})
        return sample.low_ms

    def _cool(self, session: Session, round: int, again: int) -> None:
        """Time the reference; while it stays much slower than at its best, the device throttles and is left to cool down."""
        best = min((record["low_ms"] for record in self.timed if record["graph"] == REFERENCE), default=float("inf"))
        looks = 0
        while (slowed := self._take(session, REFERENCE, round, again) / best) > self.protocol.throttled:
            looks += 1
            if looks >= self.protocol.looks:
                if self.pauses >= self.protocol.pauses:
                    return
                say(f"the device runs {slowed:.2f} times slower than at its best; cooling down for {self.protocol.pause_s:g} s")
                self.journal.write({"kind": "pause"})
                time.sleep(self.protocol.pause_s)


def _runs_none(models: Sequence[str], reasons: Mapping[str, str]) -> ConnectionError:
    return ConnectionError(
        f"the runtime must run one of {len(models)} networks, it runs none: {reasons[models[0]]}; is it installed whole?"
    )


def readings(records: Sequence[Mapping]) -> dict[str, list[float] | str]:
    """Lowest and highest of the clocks and temperatures that were read beside the reference model."""
    found: dict[str, list[float] | str] = {}
    for name in ("mhz", "celsius"):
        values = [record[name] for record in records if record.get(name) is not None]
        found[name] = [min(values), max(values)] if values else "unavailable"
    return found
