"""A study in a file: `journal.log` in the study's folder, in the format of `optuna.storages.JournalStorage`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from optuna.distributions import distribution_to_json
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from search.study.storages.storage import METRIC_NAMES, Record, as_written, choices_of, lock, position

JOURNAL = "journal.log"
_MOST_LINE = 8_000_000
"""Longest line that is read, in bytes."""
_STUDY = "search"
"""Name of the only study that a journal holds."""


class _Operation(IntEnum):
    """What a line of a journal does, by Optuna's codes."""

    CREATE_STUDY = 0
    SET_STUDY_USER_ATTR = 2
    SET_STUDY_SYSTEM_ATTR = 3
    CREATE_TRIAL = 4
    SET_TRIAL_STATE_VALUES = 6
    SET_TRIAL_USER_ATTR = 8

    @property
    def start(self) -> bytes:
        """The bytes with which such a line starts."""
        return b'{"op_code":%d,' % self


class JournalReader:
    """Reads a study from the lines of a journal; a finished trial takes three: its beginning, its outcome and its end."""

    def __init__(self, path: Path):
        self._path = path

    def notes(self) -> dict[str, Any]:
        found = {}
        start = _Operation.SET_STUDY_USER_ATTR.start
        with as_written(self._path):
            for line in self._lines():
                if line.startswith(start):
                    found |= json.loads(line)["user_attr"]
        return found

    def records(self) -> Iterator[Record]:
        with as_written(self._path):
            yield from self._records()

    def _records(self) -> Iterator[Record]:
        running: dict[int, Record] = {}
        count = 0
        start = _Operation.CREATE_TRIAL.start
        for line in self._lines():
            if line.startswith(start):
                running[count] = _begun(count, line)
                count += 1
                continue
            log = json.loads(line)
            match log["op_code"]:
                case _Operation.SET_TRIAL_USER_ATTR:
                    running[log["trial_id"]].attributes |= log["user_attr"]
                case _Operation.SET_TRIAL_STATE_VALUES:
                    record = running.pop(log["trial_id"])
                    record.state = TrialState(log["state"])
                    yield record
        yield from running.values()

    def close(self) -> None:
        pass

    def _lines(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while line := file.readline(_MOST_LINE):
                if len(line) == _MOST_LINE:
                    raise ValueError(f"a line is longer than {_MOST_LINE // 10**6} MB")
                if line.endswith(b"\n"):  # a last line without an end is still being written
                    yield line


def _begun(number: int, line: bytes) -> Record:
    """Read a running trial from the line that began it."""
    # most of the line lists the values of all choices; these are the same in every trial, so `_choices` caches them
    head, _, rest = line.partition(b'"distributions":')
    distributions, _, tail = rest.partition(b',"params":')
    choices = _choices(distributions)
    log = json.loads(head + b'"params":' + tail)
    params = {label: choices[label][position(index)] for label, index in log["params"].items()}
    return Record(number, TrialState.RUNNING, params, log["user_attrs"], log["system_attrs"])


@lru_cache(maxsize=4)
def _choices(distributions: bytes) -> dict[str, Sequence[Any]]:
    return {label: choices_of(text) for label, text in json.loads(distributions).items()}


class JournalWriter(JournalReader):
    """Appends lines to a journal. A killed writer may leave an incomplete line, which the next writer removes."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder / JOURNAL)
        self._lock = lock(folder)
        self._mend()
        self._backend = JournalFileBackend(str(self._path))

    def create(self, directions: Sequence[StudyDirection], metric_names: Sequence[str]) -> None:
        if not any(line.startswith(_Operation.CREATE_STUDY.start) for line in self._lines()):
            names = {"study_id": 0, "system_attr": {METRIC_NAMES: list(metric_names)}}
            study = {"study_name": _STUDY, "directions": list(directions)}
            self._append((_Operation.CREATE_STUDY, study), (_Operation.SET_STUDY_SYSTEM_ATTR, names))

    def begin(self, trial: FrozenTrial) -> None:
        distributions = trial.distributions
        content = {
            "study_id": 0,
            "datetime_start": _now(),
            "state": TrialState.RUNNING,
            "value": None,
            "values": None,
            "distributions": {label: distribution_to_json(each) for label, each in distributions.items()},
            "params": {label: distributions[label].to_internal_repr(value) for label, value in trial.params.items()},
            "user_attrs": trial.user_attrs,
            "system_attrs": trial.system_attrs,
            "intermediate_values": {},
        }
        self._append((_Operation.CREATE_TRIAL, content))

    def finish(self, number: int, state: TrialState, values: Sequence[float] | None, attributes: Mapping[str, Any]) -> None:
        known = [
            (_Operation.SET_TRIAL_USER_ATTR, {"trial_id": number, "user_attr": {name: content}}) for name, content in attributes.items()
        ]
        end = {"trial_id": number, "state": state, "values": values, "datetime_complete": _now()}
        self._append(*known, (_Operation.SET_TRIAL_STATE_VALUES, end))

    def note(self, name: str, content: Any) -> None:
        self._append((_Operation.SET_STUDY_USER_ATTR, {"study_id": 0, "user_attr": {name: content}}))

    def close(self) -> None:
        self._lock.release()

    def _append(self, *logs: tuple[_Operation, dict]) -> None:
        self._backend.append_logs([{"op_code": code, "worker_id": "chiptrack", **content} for code, content in logs])

    def _mend(self) -> None:
        """Remove what a killed writer may have left: an incomplete line, and Optuna's own lock file."""
        self._path.with_name(f"{JOURNAL}.lock").unlink(missing_ok=True)
        if self._path.is_file():
            with self._path.open("r+b") as file:
                file.truncate(_end_of_last_line(file))


def _end_of_last_line(file: Any) -> int:
    """Return the position after the last newline; 0 if there is none."""
    end = file.seek(0, 2)
    while end:
        start = max(0, end - 2**16)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
