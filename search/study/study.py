"""The study of a search: an Optuna study, one trial a candidate, with all that is known of it.

Samplers work on a copy in memory, which is filled from what is kept (`search/storages`) when a study is continued. What a trial says
of its candidate stands in its attributes and in the study's notes (`search/trials.py`); beside that a trial carries `rejected` (samples
refused before it, by reason), and `sampler` where the sampler noted something in the study (NSGA-II its parents).
"""

from __future__ import annotations

import gc
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from search.judging.judge import Outcome
from search.problem.feasible import FeasibilityFilter
from search.problem.problem import Problem
from search.study.candidate import Candidate
from search.study.storages.opening import open_reader, open_writer
from search.study.storages.storage import Record, as_written
from search.study.trials import About, Kind, candidate_of, with_notes
from supernet.families.family import Family
from supernet.space import Architecture, Value

_NAME = "search"
_CONSTRAINTS = "constraints"
"""Where Optuna kept constraints before version 5, as a list, and optuna-dashboard 0.21 still looks."""


@contextmanager
def _keeping_all() -> Iterator[None]:
    """While many objects are made that stay: looking for garbage among them would take a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Study:
    """The study while a search writes it; only one process may.

    Args:
        folder: The study's folder; made where it does not exist, continued where it holds a study.
        problem: What the search is about.
        feasible: What may be sampled; the networks of the study are made known to it.
        strategy: What candidates of this run are said to come from, and what draws architectures.
        database: URL of a PostgreSQL database for a study that begins there; a file in the folder otherwise.

    Raises:
        BlockingIOError: Another process has opened the same study for writing.
        ConnectionError: The database does not answer. Every method may raise it; what was told before is kept.
        ImportError: The database's driver is missing.
        ValueError: The database is not one that a study can be kept in, or not the one where this study began.
    """

    def __init__(
        self, folder: Path, problem: Problem, feasible: FeasibilityFilter, strategy: tuple[str, BaseSampler], database: str | None = None
    ):
        self._problem = problem
        self._feasible = feasible
        self._strategy, sampler = strategy
        self._distributions = feasible.distributions
        self._about = About.of(problem)
        self._candidates: dict[int, Candidate] = {}
        self._open: dict[int, Architecture] = {}
        self._again: deque[int] = deque()
        self._over: Exception | None = None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._trials = InMemoryStorage()
        self._memory = optuna.create_study(
            storage=self._trials,
            study_name=_NAME,
            sampler=sampler,
            directions=[objective.metric.direction for objective in problem.objectives],
        )
        self._id = self._trials.get_study_id_from_name(_NAME)
        self._store = open_writer(folder, database)
        try:
            with as_written(folder):
                self._restore()
        except BaseException:
            self._store.close()
            raise

    @_keeping_all()
    def _restore(self) -> None:
        self._store.create(self._memory.directions, [objective.metric.name for objective in self._problem.objectives])
        self._notes = self._store.notes()
        if self._notes.get("about") != self._about.to_json():
            self._note("about", self._about.to_json())
        ended = []
        for record in sorted(self._store.records(), key=lambda record: record.number):
            self._trials.create_new_trial(self._id, self._restored(record))
            for name, content in record.attributes.get("sampler", {}).items():
                self._trials.set_study_system_attr(self._id, name, content)
            arch = self._problem.space.make(record.params)
            self._feasible.seen.add(arch.key)
            if record.state == TrialState.COMPLETE:
                self._candidates[record.number] = self._noted(candidate_of(record.number, arch, record.attributes, self._about))
            elif record.state == TrialState.RUNNING:
                self._open[record.number] = arch
                (ended if {"outcome", "error"} & record.attributes.keys() else self._again).append(record.number)
        for number in ended:  # the dead writer had only its last word left to say
            self._finish(number, {})
        if not self._memory.get_trials(deepcopy=False):
            self._memory.enqueue_trial(dict(self._feasible.anchor.choices))  # the fast end of the front, which random samples hardly reach

    def _restored(self, record: Record) -> FrozenTrial:
        values = self._values(record.attributes) if record.state == TrialState.COMPLETE else None
        return _Restored(
            number=record.number,
            trial_id=record.number,
            state=record.state,
            value=None,
            values=values,
            params=record.params,
            distributions=self._distributions,
            user_attrs=record.attributes,
            system_attrs={name: content for name, content in record.system.items() if name != _CONSTRAINTS},
            intermediate_values={},
            datetime_start=None,
            datetime_complete=None,
        )

    def ask(self) -> tuple[int, Architecture]:
        """Begin a trial, or one again that a dead run had begun.

        Returns:
            Its number, and a network that has not been in the study before.

        Raises:
            SearchConverged: The strategy expects nothing more; so do later calls.
            ValueError: There is no further network within the limits.
        """
        if self._again:
            number = self._again.popleft()
            return number, self._open[number]
        if self._over:
            raise self._over
        self._feasible.rejected.clear()
        known = self._trials.get_study_system_attrs(self._id)
        try:
            trial = self._sample()
        except Exception as err:  # the trial in memory has taken a number that the kept study does not know
            self._over = err
            raise
        arch = self._problem.space.make(trial.params)
        self._feasible.seen.add(arch.key)
        figures = {metric.name: figure for metric, figure in self._problem.figures(arch).items()}
        values = {name: figure.value for name, figure in figures.items()}
        noise = {name: figure.noise for name, figure in figures.items() if figure.noise is not None}
        attributes = {"strategy": self._strategy, "values": values, "noise": noise, "rejected": dict(self._feasible.rejected)}
        now = self._trials.get_study_system_attrs(self._id)
        if now != known:
            attributes["sampler"] = {name: content for name, content in now.items() if known.get(name) != content}
        for name, content in attributes.items():
            trial.set_user_attr(name, content)
        excess = {each.name: float(each.excess(np.array(values[each.objective.metric.name]))) for each in self._problem.constraints}
        for name, share in excess.items():
            trial.set_constraint(name, share)
        begun = copy(self._trial(trial.number))
        begun.system_attrs = begun.system_attrs | {_CONSTRAINTS: list(excess.values())}
        self._store.begin(begun)
        self._open[trial.number] = arch
        return trial.number, arch

    def tell(self, number: int, outcome: Outcome) -> Candidate:
        """Finish a trial with what a worker found.

        Args:
            number: As `ask` gave it.
            outcome: The worker's answer.

        Raises:
            ValueError: The trial is not one that runs.
        """
        scores = {name: list(each) for name, each in outcome.scores.items()}
        self._finish(number, {"outcome": {"scores": scores, "seconds": outcome.seconds}})
        return self._candidates[number]

    def fail(self, number: int, reason: str) -> None:
        """Finish a trial whose evaluation failed; its network is not tried again.

        Raises:
            ValueError: The trial is not one that runs.
        """
        self._finish(number, {"error": reason})

    def note(self, number: int, kind: Kind, record: Mapping[str, Any]) -> None:
        """Remember what was found of a finished candidate later; adds to what an earlier note of the same kind says.

        Args:
            number: Its trial.
            kind: What was done.
            record: Of a rescored one scores by kind of metric on each further sequence, of a recalibrated one for each draw of
                calibration pairs; of a measured one values by the metric's name.
        """
        known = {**self._notes.get(f"{kind}:{number}", {}), **record}
        self._note(f"{kind}:{number}", known)
        self._candidates[number] = self._noted(self._candidates[number])

    def candidates(self) -> list[Candidate]:
        """All finished candidates, in the order of their numbers."""
        return [self._candidates[number] for number in sorted(self._candidates)]

    def failures(self) -> list[str]:
        """Why evaluations failed."""
        failed = self._memory.get_trials(deepcopy=False, states=(TrialState.FAIL,))
        return [trial.user_attrs["error"] for trial in failed]

    def rejected(self) -> Counter[str]:
        """Samples refused before any evaluation, by reason."""
        total: Counter[str] = Counter()
        for trial in self._memory.get_trials(deepcopy=False):
            total.update(trial.user_attrs.get("rejected", {}))
        return total

    def close(self) -> None:
        """Let another process write."""
        self._store.close()

    def _sample(self) -> Trial:
        trial = self._memory.ask()
        _ = trial.relative_params  # samplers note things when they sample, e.g. a generation, and would not for the anchor
        for label, values in self._problem.space.choices.items():
            trial.suggest_categorical(label, values)
        return trial

    def _finish(self, number: int, found: Mapping[str, Any]) -> None:
        """End a trial with what was found, besides what its attributes say."""
        if number not in self._open:
            raise ValueError(f"a trial is finished once, after it was asked for, {number} is not running; give a number that ask returned")
        attributes = {**self._trial(number).user_attrs, **found}
        complete = "outcome" in attributes
        state = TrialState.COMPLETE if complete else TrialState.FAIL
        values = self._values(attributes) if complete else None
        self._store.finish(number, state, values, found)
        for name, content in found.items():
            self._trials.set_trial_user_attr(self._trial(number)._trial_id, name, content)
        self._memory.tell(number, values, state)
        arch = self._open.pop(number)
        if complete:
            self._candidates[number] = candidate_of(number, arch, attributes, self._about)

    def _values(self, attributes: Mapping[str, Any]) -> list[float]:
        """Of the objectives, from a finished trial's attributes."""
        return [self._about.value(objective.metric, attributes) for objective in self._problem.objectives]

    def _noted(self, candidate: Candidate) -> Candidate:
        return with_notes(candidate, self._notes, self._about)

    def _note(self, name: str, content: Any) -> None:
        self._store.note(name, content)
        self._notes[name] = content

    def _trial(self, number: int) -> FrozenTrial:
        return self._trials.get_trial(number)  # its only study: ids are numbers


@_keeping_all()
def read_candidates(folder: Path) -> list[Candidate]:
    """Read the finished candidates of a study, also while it is being written.

    Args:
        folder: The study's folder.

    Raises:
        FileNotFoundError: There is no study.
        ValueError: What is there is something else.
        ConnectionError: Its database does not answer.
        ImportError: The database's driver is missing.
    """
    store = open_reader(folder)
    try:
        notes = store.notes()
        if "about" not in notes:
            raise ValueError(f"a study must say what it is about, {folder} is empty or something else; search anew")
        with as_written(folder):
            about, shared = About.from_json(notes["about"]), {}
            found = [
                with_notes(candidate_of(record.number, _architecture(record, about.family, shared), record.attributes, about), notes, about)
                for record in store.records()
                if record.state == TrialState.COMPLETE
            ]
    finally:
        store.close()
    return sorted(found, key=lambda candidate: candidate.number)


def _architecture(record: Record, family: Family, shared: dict[tuple[str, Value], tuple[str, Value]]) -> Architecture:
    """What was sampled; chosen values are shared among many, which halves the memory that candidates take."""
    arch = family.architecture(record.params)
    return replace(arch, choices=tuple(shared.setdefault(choice, choice) for choice in arch.choices))


class _Restored(FrozenTrial):
    """A trial that storages take over as it is: a deep copy of 50,000 takes half a minute."""

    def __deepcopy__(self, memo: dict) -> FrozenTrial:
        return self
