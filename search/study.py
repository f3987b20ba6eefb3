"""The study of a search: an Optuna study in a journal file, one trial a candidate, with all that is known of it.

Every trial carries user attributes: `architecture` (its JSON), `values`, `sources` and `noise` by name, `sequence_ao`, `seconds`,
and `rejected` (samples refused before it, by reason). Rescored candidates are attributes of the study, `rescored:NUMBER`,
because Optuna closes a trial when it ends. The journal is appended to line by line, so a kill loses at most unfinished trials.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import optuna
from filelock import FileLock, Timeout
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from search.candidate import Candidate, Source
from search.feasible import FeasibleSampler, Gate
from search.noise import standard_error
from search.objectives import Objective
from search.workers.jobs import Outcome
from supernet.catalogue import from_json
from supernet.space import Architecture

_NAME = "search"
_JOURNAL = "journal.log"


class Study:
    """The study while a search writes it; only one process may.

    Args:
        folder: Holds the journal; made where it does not exist, continued where it does.
        objectives: What is optimised, in this order.
        gate: What may be sampled; the networks of the study are made known to it.
        sampler: Draws architectures.

    Raises:
        BlockingIOError: Another process has opened the same study for writing.
    """

    def __init__(self, folder: Path, objectives: Sequence[Objective], gate: Gate, sampler: FeasibleSampler):
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(folder / "writer.lock")  # the kernel frees it when the process ends, however that happens
        try:
            self._lock.acquire(timeout=0)
        except Timeout as err:
            raise BlockingIOError(f"a study has one writer, {folder} is being written by another process; wait for it or end it") from err
        _mend(folder / _JOURNAL)
        self.folder = folder
        self._objectives = objectives
        self._gate = gate
        self._sampler = sampler
        self._open: dict[int, Trial] = {}
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(
            storage=_storage(folder),
            study_name=_NAME,
            sampler=sampler,
            directions=[objective.direction for objective in objectives],
            load_if_exists=True,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # names for optuna-dashboard; nothing here depends on them
            self._study.set_metric_names([objective.name for objective in objectives])
        if not self._study.get_trials(deepcopy=False):
            self._study.enqueue_trial(dict(gate.anchor.choices))  # the fast end of the front, which random samples hardly reach
        self._recover()
        gate.seen.update(
            trial.user_attrs["architecture"]["key"] for trial in self._trials(TrialState.COMPLETE, TrialState.FAIL) if _judged(trial)
        )

    def _recover(self) -> None:
        """Put what a dead run was working on at the head of the queue."""
        for trial in self._trials(TrialState.RUNNING):
            if trial.params.keys() == self._gate.distributions.keys():
                self._study.enqueue_trial(trial.params, {"again": trial.number})
            self._study.tell(trial.number, state=TrialState.FAIL)

    def ask(self) -> tuple[int, Architecture]:
        """Begin a trial: the number and a network that has not been in the study before."""
        while True:
            trial = self._study.ask()
            _ = trial.relative_params  # Optuna places a trial in a generation when it samples it, and would not sample a queued one
            for label, values in self._gate.space.choices.items():
                trial.suggest_categorical(label, values)
            arch = self._gate.space.make(trial.params)
            if arch.key not in self._gate.seen:
                break
            self._study.tell(trial, state=TrialState.FAIL)  # queued twice, by a run that was killed while it recovered
        self._gate.seen.add(arch.key)
        self._open[trial.number] = trial
        trial.set_user_attr("architecture", arch.to_json())
        trial.set_user_attr("rejected", dict(self._sampler.rejected))
        for constraint in self._gate.constraints:
            trial.set_constraint(constraint.name, float(constraint.excess([arch])[0]))
        return trial.number, arch

    def tell(self, number: int, arch: Architecture, outcome: Outcome) -> Candidate:
        """Finish a trial with what a worker found.

        Args:
            number: As `ask` gave it.
            arch: The architecture that `ask` gave.
            outcome: The worker's answer.
        """
        cheap = {o.name: o for o in (*self._objectives, *(c.objective for c in self._gate.constraints)) if o.cheap}
        values = {"ao": sum(outcome.sequence_ao) / len(outcome.sequence_ao)} | {name: float(o.of([arch])[0]) for name, o in cheap.items()}
        sources: dict[str, Source] = {"ao": "inherited weights", **{name: o.source for name, o in cheap.items()}}
        noises = {"ao": standard_error(outcome.sequence_ao)} | {
            name: float(o.noise([arch])[0]) for name, o in cheap.items() if o.noise is not None
        }
        trial = self._open.pop(number)
        attributes = {"values": values, "sources": sources, "noise": noises, "sequence_ao": outcome.sequence_ao, "seconds": outcome.seconds}
        for name, attribute in attributes.items():
            trial.set_user_attr(name, attribute)
        return _candidate(self._study.tell(trial, [values[objective.name] for objective in self._objectives]), {})

    def fail(self, number: int, reason: str) -> None:
        """Finish a trial whose evaluation failed; its network is not tried again."""
        trial = self._open.pop(number)
        trial.set_user_attr("error", reason)
        self._study.tell(trial, state=TrialState.FAIL)

    def rescored(self, number: int, sequence_ao: Sequence[float]) -> None:
        """Remember a finished candidate's AO on further sequences."""
        self._study.set_user_attr(f"rescored:{number}", list(sequence_ao))

    def candidates(self) -> list[Candidate]:
        """All finished candidates, in the order of their numbers."""
        return [_candidate(trial, self._study.user_attrs) for trial in self._trials(TrialState.COMPLETE)]

    def failures(self) -> list[str]:
        """Why evaluations failed."""
        return [trial.user_attrs["error"] for trial in self._trials(TrialState.FAIL) if "error" in trial.user_attrs]

    def rejected(self) -> Counter[str]:
        """Samples refused before any evaluation, by reason."""
        return sum((Counter(trial.user_attrs.get("rejected", {})) for trial in self._trials(TrialState.COMPLETE)), Counter())

    def close(self) -> None:
        """Let another process write."""
        self._lock.release()

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=states)


def read_candidates(folder: Path) -> list[Candidate]:
    """Read the finished candidates of a study, also while it is being written.

    Args:
        folder: The study's folder.

    Raises:
        FileNotFoundError: There is no study.
    """
    if not (folder / _JOURNAL).is_file():
        raise FileNotFoundError(f"a study must hold {_JOURNAL}, {folder} does not; give a folder that `chiptrack search` wrote")
    try:
        study = optuna.load_study(study_name=_NAME, storage=_storage(folder))
    except KeyError as err:
        raise ValueError(f"a study must be an Optuna journal, {folder / _JOURNAL} is empty or something else; search anew") from err
    return [_candidate(trial, study.user_attrs) for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]


def _storage(folder: Path) -> JournalStorage:
    return JournalStorage(JournalFileBackend(str(folder / _JOURNAL)))


def _mend(journal: Path) -> None:
    """Remove what a killed writer has left: half a line, and Optuna's own lock. Only for the holder of the writer's lock."""
    (journal.parent / f"{journal.name}.lock").unlink(missing_ok=True)
    if journal.is_file():
        whole = journal.read_bytes().rfind(b"\n") + 1
        with journal.open("r+b") as file:
            file.truncate(whole)


def _judged(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.COMPLETE or "error" in trial.user_attrs


def _candidate(trial: FrozenTrial, study_attributes: Mapping) -> Candidate:
    known = trial.user_attrs
    values, sources, noise = dict(known["values"]), dict(known["sources"]), dict(known["noise"])
    rescored = tuple(study_attributes.get(f"rescored:{trial.number}", ()))
    if rescored:
        values["ao_rescored"], sources["ao_rescored"] = sum(rescored) / len(rescored), "inherited weights"
        noise["ao_rescored"] = standard_error(rescored)
    return Candidate(
        number=trial.number,
        architecture=from_json(known["architecture"], f"trial {trial.number}"),
        values=values,
        sources=sources,
        noise=noise,
        feasible=all(excess <= 0 for excess in trial.constraints.values()),
        sequence_ao=tuple(known["sequence_ao"]),
        rescored_ao=rescored,
        seconds=known["seconds"],
    )
