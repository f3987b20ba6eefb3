"""The study of a search: an Optuna study with one trial for each candidate, which holds everything that is known of the candidates.

Samplers work on a copy in memory, which is filled from the stored study (`search/study/storages`) when a search is continued. The
attributes of a trial and the study's notes describe its candidate (`search/study/trials.py`). In addition a trial carries `rejected`
(samples refused before it, by reason), and `sampler` if the sampler noted something in the study, as NSGA-II notes parents.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
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
from search.study.restored import keeping_all, restored
from search.study.storages.opening import open_reader, open_writer
from search.study.storages.storage import Record, as_written
from search.study.trials import PREDICTED, About, Kind, candidate_of, check_others, with_notes
from supernet.families.family import Family
from supernet.space import Architecture, Value

_NAME = "search"
_CONSTRAINTS = "constraints"
"""Attribute in which Optuna kept constraints as a list before version 5; optuna-dashboard 0.21 still reads it."""


class Study:
    """A study that is open for writing; only one process may write it at a time.

    Args:
        folder: The study's folder. It is made if it does not exist; a study that it holds is continued.
        problem: What the search optimises and limits.
        feasible: The filter that samples must pass; the networks that the study holds already are added to those it has seen.
        strategy: Name of the strategy, which new candidates carry, and the sampler that draws architectures.
        database: URL of a PostgreSQL database in which a new study begins; without it, the study is a file in the folder.

    Raises:
        BlockingIOError: Another process has opened the same study for writing.
        ConnectionError: The database does not answer. Most methods may raise it as well; results that were told before are kept.
        ImportError: The database's driver is missing.
        ValueError: A study cannot be kept in the database, this study began elsewhere, or its files are not as a search wrote them.
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

    @keeping_all()
    def _restore(self) -> None:
        self._store.create(self._memory.directions, [objective.metric.name for objective in self._problem.objectives])
        self._notes = self._store.notes()
        if self._notes.get("about") != self._about.to_json():
            self._note("about", self._about.to_json())
        ended = []
        for record in sorted(self._store.records(), key=lambda record: record.number):
            check_others(record.params, record.attributes, self._problem.family, failed=record.state == TrialState.FAIL)
            arch = self._problem.space.make(record.params)
            if record.state == TrialState.COMPLETE:
                self._candidates[record.number] = self._noted(candidate_of(record.number, arch, record.attributes, self._about))
            self._trials.create_new_trial(self._id, restored(record, self._known(record), self._distributions, {_CONSTRAINTS}))
            for name, content in record.attributes.get("sampler", {}).items():
                self._trials.set_study_system_attr(self._id, name, content)
            self._feasible.seen.add(arch.key)
            if record.state == TrialState.RUNNING:
                self._open[record.number] = arch
                (ended if {"outcome", "error"} & record.attributes.keys() else self._again).append(record.number)
        for number in ended:  # the last writer was killed after it had stored the result and before it ended the trial
            self._finish(number, {})
        if not self._memory.get_trials(deepcopy=False):
            self._memory.enqueue_trial(dict(self._feasible.anchor.choices))  # the fast end of the front, which random samples hardly reach

    def _known(self, record: Record) -> list[float] | None:
        """Return the objectives of a trial as strategies see them: by the predictors in use, and by measurement; None if it has none."""
        if record.state != TrialState.COMPLETE:
            return None
        candidate = self._candidates[record.number]
        again = self._notes.get(PREDICTED, {}).get("values", {})
        return [
            candidate.value(objective.metric) if objective.metric.name in again else self._about.value(objective.metric, record.attributes)
            for objective in self._problem.objectives
        ]

    def ask(self) -> tuple[int, Architecture]:
        """Begin a trial, or repeat one that an interrupted run had begun.

        Returns:
            The trial's number, and its architecture, whose network no other trial of the study has.

        Raises:
            SearchConverged: The strategy expects no further gain; later calls raise it again.
            ValueError: No further network within the limits was found; later calls raise it again.
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
        except Exception as err:  # the trial in memory has taken a number that the stored study lacks: no other may begin
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
        """Finish a trial with the scores that a worker found, and return its candidate.

        Args:
            number: The trial's number, as `ask` returned it.
            outcome: The worker's answer.

        Raises:
            ValueError: The trial is not running.
        """
        scores = {name: list(each) for name, each in outcome.scores.items()}
        self._finish(number, {"outcome": {"scores": scores, "seconds": outcome.seconds}})
        return self._candidates[number]

    def fail(self, number: int, reason: str) -> None:
        """Finish a running trial whose evaluation failed, for the given reason; its network is not tried again."""
        self._finish(number, {"error": reason})

    def note(self, number: int, kind: Kind, record: Mapping[str, Any]) -> None:
        """Record what was found out about a candidate after its trial ended; earlier notes of the same kind are updated.

        Args:
            number: Number of the candidate's trial.
            kind: What was done: the candidate was rescored, recalibrated or measured.
            record: For `rescored`, by kind of metric, the scores on each further sequence. For `recalibrated`, by kind of metric, the mean
                score under each draw of calibration pairs. For `measured`, values by the metric's name.
        """
        known = {**self._notes.get(f"{kind}:{number}", {}), **record}
        self._note(f"{kind}:{number}", known)
        self._candidates[number] = self._noted(self._candidates[number])

    def repredict(self, after: int, values: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
        """Record new predictions of candidates, by a predictor that was fitted again; nothing is done if that was recorded before.

        Strategies see them, and measured figures of the same metrics, when the study is opened the next time.

        Args:
            after: Number of evaluations after which the predictor was fitted.
            values: By name of the metric, then by number of the candidate: the prediction and its noise. What is not named keeps its
                former prediction.
        """
        known = self._notes.get(PREDICTED, {"after": 0, "values": {}})
        if known["after"] < after:
            merged = {name: {**known["values"].get(name, {}), **some} for name, some in values.items()}
            self._note(PREDICTED, {"after": after, "values": merged})
            self._candidates = {number: self._noted(candidate) for number, candidate in self._candidates.items()}

    def remember(self, name: str, content: Any) -> None:
        """Keep a note that is about the whole study, as JSON."""
        self._note(name, content)

    def recall(self, name: str, default: Any) -> Any:
        """Return the content of a note, or `default` if there is none."""
        return self._notes.get(name, default)

    def candidates(self) -> list[Candidate]:
        """Return all finished candidates, in the order of their numbers."""
        return [self._candidates[number] for number in sorted(self._candidates)]

    def failures(self) -> list[str]:
        """Return the reason of each failed evaluation."""
        failed = self._memory.get_trials(deepcopy=False, states=(TrialState.FAIL,))
        return [trial.user_attrs["error"] for trial in failed]

    def rejected(self) -> Counter[str]:
        """Count the samples that were refused before any evaluation, by reason."""
        total: Counter[str] = Counter()
        for trial in self._memory.get_trials(deepcopy=False):
            total.update(trial.user_attrs.get("rejected", {}))
        return total

    def close(self) -> None:
        """Close the study, so that another process may write it."""
        self._store.close()

    def _sample(self) -> Trial:
        trial = self._memory.ask()
        _ = trial.relative_params  # makes the sampler note what it notes when it samples, e.g. a generation, also for the anchor
        for label, values in self._problem.space.choices.items():
            trial.suggest_categorical(label, values)
        return trial

    def _finish(self, number: int, found: Mapping[str, Any]) -> None:
        """End a trial with what was found, which is added to its attributes."""
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
        return [self._about.value(objective.metric, attributes) for objective in self._problem.objectives]

    def _noted(self, candidate: Candidate) -> Candidate:
        return with_notes(candidate, self._notes, self._about)

    def _note(self, name: str, content: Any) -> None:
        self._store.note(name, content)
        self._notes[name] = content

    def _trial(self, number: int) -> FrozenTrial:
        return self._trials.get_trial(number)  # ids equal numbers, since the storage holds a single study


@keeping_all()
def read_candidates(folder: Path) -> list[Candidate]:
    """Read the finished candidates of a study, also while it is being written.

    Args:
        folder: The study's folder.

    Raises:
        FileNotFoundError: The folder holds no study.
        ValueError: The study is not as a search wrote it.
        ConnectionError: The study's database does not answer.
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
    """Return the sampled architecture. Equal choices are shared among architectures, which halves the memory that candidates take."""
    family.space.check(record.params)
    arch = family.architecture(record.params)
    return replace(arch, choices=tuple(shared.setdefault(choice, choice) for choice in arch.choices))
