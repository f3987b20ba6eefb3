"""A campaign takes all measurements of one latency table and records each of them in a journal.

Its steps: memory is measured; a reference model is chosen; models are loaded and their outputs checked; samples are taken in rounds; the
least steady samples are taken again; energy is measured. A model is an operator, a chain of operators or one branch of a network, and the
journal calls it a graph. A sample summarises several runs of a model in a row, and in a round one sample of every model is taken. The
reference model is timed between the others, so that times can be stated as multiples of its time, however fast the device is at the moment.

An interrupted campaign is resumed where its journal ends: models are loaded again, but nothing that the journal holds is measured or checked
again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from latency_tables.measuring.journal import Journal
from latency_tables.measuring.protocol import REFERENCE, Protocol, check_record, samples, unsteady
from latency_tables.measuring.session import Session, Unsupported
from latency_tables.measuring.timing import Sample, summarise
from latency_tables.parity import TOLERANCES
from tracking.files.progress import progress, say


@dataclass
class Campaign:
    """All measurements of one latency table: those that the journal holds so far, and the steps that complete them."""

    journal: Journal
    protocol: Protocol
    clock: str
    """The clock that `Sample.low_ms` is taken from: `cpu` (processor time of the process) or `wall`; see `Profile.clock`."""
    precision: str
    """Precision of the runtime such as fp32 or int8, a key of `TOLERANCES`: it decides how far outputs may differ."""
    checked: bool
    """Whether the outputs of each model are compared with those of ONNX Runtime."""
    seed: int
    """Fixes the order in which models are timed."""
    runs: dict[str, int] = field(default_factory=dict)
    """Number of runs in each sample of a model, by name, for the models that were loaded."""
    reference: str = ""
    """Name of the reference model; empty until it is chosen."""
    networks: tuple[str, ...] = ()
    """Names of the branches of whole networks among the models that are timed."""

    def __post_init__(self):
        for number, record in enumerate(self.journal.records, 2):
            try:
                check_record(record, self.protocol)
            except ValueError as err:
                raise self._damaged(f"line {number} of", err) from err

    @property
    def unsupported(self) -> dict[str, str]:
        """The reason why the runtime cannot run a model, or computes it wrongly, by the model's name."""
        return {record["graph"]: record["reason"] for record in self._records("unsupported")}

    @property
    def memory_mb(self) -> dict[str, float]:
        """Growth of a process's peak memory, in megabytes, by name of the model, for the models for which it was measured."""
        return {record["graph"]: record["mb"] for record in self._records("memory")}

    @property
    def energy_mj(self) -> dict[str, float]:
        """Energy of one run in millijoules, by name of the model, for the models for which it was measured."""
        return {record["graph"]: record["mj"] for record in self._records("energy")}

    @property
    def meter(self) -> str | None:
        """Name of the meter that measured energy on the device; None if none was measured."""
        return next((record["meter"] for record in self._records("energy")), None)

    @property
    def largest_difference(self) -> float | None:
        """Largest difference of an accepted model's outputs from those of ONNX Runtime, see `parity`; None if none was compared."""
        return max((r["difference"] for r in self._records("ready") if r["difference"] is not None), default=None)

    @property
    def pauses(self) -> int:
        """Number of pauses in which the device was left to cool down."""
        return len(self._records("pause"))

    @property
    def timed(self) -> list[dict]:
        """The journal's records of all samples, those of the reference model included, in the order in which they were taken."""
        return self._records("time")

    def sha256(self) -> dict[str, str]:
        """SHA-256, in hexadecimal digits, of the files that the runtime loads, by the model's name."""
        return {record["graph"]: record["sha256"] for record in self._records("ready")}

    def samples(self) -> dict[str, dict[int, Sample]]:
        """The sample of each model in each round; among repeated ones, the one during which the reference model was steadiest."""
        return samples(self.timed)

    def run(
        self, session: Session, references: Sequence[str], models: Sequence[str], memory_of: Sequence[str], energy_of: Sequence[str]
    ) -> None:
        """Measure everything that the journal lacks; results are then read from the properties.

        Args:
            session: The device and its models.
            references: Names of candidates for the reference model, in order of preference; the first that the runtime can run is taken.
            models: Names of the models to time.
            memory_of: Names of the models whose memory is measured.
            energy_of: Names of the models whose energy is measured, among `models`.

        Raises:
            ValueError: The journal is about other models.
            ConnectionError: The device was lost and did not come back, or the runtime can run none of the candidates or none of the models.
        """
        strange = {record["graph"] for record in self.journal.records if "graph" in record}
        strange -= {REFERENCE, *references, *models, *memory_of}
        if strange:
            raise self._damaged("the models of", f"none is called {min(strange)!r:.60}")
        if memory_of:
            self._measure_memory(session, self._able(memory_of))
        self._choose_reference(session, references)
        self._load(session, self._able(models))
        able = self._able(models)
        if not able:
            raise _runs_none(models, self.unsupported)
        self.networks = tuple(name for name in able if name.startswith("network:"))
        self._take_samples(session, 0, [(name, r) for r in range(self.protocol.rounds) for name in self.protocol.order(able, r, self.seed)])
        for again in range(1, self.protocol.repeats + 1):
            before = [record for record in self.timed if record["again"] < again]
            found = samples(before)
            most = math.ceil(self.protocol.repeated * sum(map(len, found.values())))
            self._take_samples(session, again, sorted(unsteady(found)[:most], key=lambda sample: sample[1]))
        if energy_of:
            self._measure_energy(session, self._able(energy_of))

    def _damaged(self, part: str, reason: object) -> ValueError:
        """The error for a part of the journal that no measurement wrote."""
        return ValueError(
            f"a journal must hold what its measurement wrote, {part} {self.journal.path} do not fit ({reason}); remove it to begin anew"
        )

    def _records(self, kind: str) -> list[dict]:
        return [record for record in self.journal.records if record["kind"] == kind]

    def _able(self, models: Sequence[str]) -> list[str]:
        """The models that are not recorded as unsupported."""
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
                    pass  # the reason is recorded when the model is loaded for timing
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
        """Load the candidates until one runs and computes the right outputs; it becomes the reference model."""
        for name in self._able(references):
            self._load(session, [name])
            if self._able([name]):
                self.reference = name
                return
        raise _runs_none(references, self.unsupported)

    def _load(self, session: Session, models: Sequence[str]) -> None:
        """Load models, check the outputs of those not checked before, and record what the runtime cannot run or computes wrongly."""
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

    def _take_samples(self, session: Session, again: int, wanted: Sequence[tuple[str, int]]) -> None:
        """Take the samples that the journal lacks; the reference model is timed after every few of them and at the end.

        Args:
            session: The device and its models.
            again: 0 for the samples of the rounds, 1, 2, ... for those that are taken again.
            wanted: Name and round of each sample, in order.
        """
        before = [record for record in self.timed if record["again"] == again]
        done = {(record["graph"], record["round"]) for record in before}
        todo = [(name, r) for name, r in wanted if (name, r) not in done]
        if not todo and (not before or before[-1]["graph"] == REFERENCE):
            return
        with progress("measuring" if not again else "again where unsteady", len(wanted), len(wanted) - len(todo)) as report:
            for i, (name, r) in enumerate(todo):
                if not i or r != todo[i - 1][1]:
                    self._unload(session, r)
                if i % self.protocol.reference_every == 0:
                    self._cool(session, r, again)
                self._take(session, name, r, again)
                report(len(wanted) - len(todo) + i + 1, f"round {r + 1}")
            self._take(session, REFERENCE, wanted[-1][1], again)

    def _unload(self, session: Session, round: int) -> None:
        """Unload the reference model and, every `reload_every` rounds, the networks.

        Their next sample loads them again, elsewhere in memory, so that the influence of their place in memory averages out.
        """
        session.unload(self.reference)
        if round and round % self.protocol.reload_every == 0:
            for name in self.networks:
                session.unload(name)

    def _take(self, session: Session, name: str, round: int, again: int) -> float:
        """Take one sample of a model, record it, and return its `low_ms`; see `timing.Sample`."""
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
        """Time the reference model, and wait for the device to cool down if it has become much slower than at its best.

        After `Protocol.looks` slow timings in a row the device is left alone for `pause_s` and looked at again. Once there have been `pauses`
        pauses, measuring goes on regardless.
        """
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
    """The error for a runtime that can run none of these models, with the reason for the first one."""
    return ConnectionError(
        f"the runtime must run at least one of {len(models)} models, but runs none: {reasons[models[0]]}; is its installation complete?"
    )


def readings(records: Sequence[Mapping]) -> dict[str, list[float] | str]:
    """Range of the processor's clock frequencies and temperatures, which were read whenever the reference model was timed.

    Returns:
        `mhz` (clock in MHz) and `celsius` (temperature in degrees Celsius), each `[lowest, highest]`, or `unavailable`.
    """
    found: dict[str, list[float] | str] = {}
    for name in ("mhz", "celsius"):
        values = [record[name] for record in records if record.get(name) is not None]
        found[name] = [min(values), max(values)] if values else "unavailable"
    return found
