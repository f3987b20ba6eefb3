"""Where a study is kept: a journal file in the folder of its search, or a PostgreSQL server that many machines reach.

Both are Optuna's own formats, and its tools read them: `optuna.storages.JournalStorage` (journal.log) and `RDBStorage`. Optuna
itself would write a trial in forty pieces and keep all of them in memory; here a trial is one piece when it begins and one when it
ends, and reading is a stream. database.json names the server and the study where there is no journal.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout
from optuna.distributions import CategoricalDistribution, distribution_to_json, json_to_distribution
from optuna.exceptions import DuplicatedStudyError, StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from supernet.space import Value
from tracking.atomic import write_text
from tracking.records import read_record, texts

JOURNAL = "journal.log"
DATABASE = "database.json"
_STUDY = "search"
"""Name of the study in a journal, which holds no other."""
_METRIC_NAMES = "study:metric_names"
"""Where Optuna keeps the names of objectives."""
_PATIENCE_S = 3.0
"""How long a database may take to notice that a writer is dead."""
_CONNECTION = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000}


@dataclass(slots=True)
class Record:
    """A trial as it is kept."""

    number: int
    state: TrialState
    params: dict[str, Value]
    """What was sampled, by label."""
    attributes: dict[str, Any]
    """Optuna's user attributes."""
    system: dict[str, Any]
    """What Optuna's samplers and tools keep with it."""


class Reader(Protocol):
    """A study that may be growing meanwhile."""

    def notes(self) -> dict[str, Any]:
        """What is known of the study and, after its end, of single trials. Read before `records`: it knows no later trials."""
        ...

    def records(self) -> Iterator[Record]:
        """All trials, in no particular order."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Writer(Reader, Protocol):
    """A study that nobody else may write."""

    def create(self, directions: Sequence[StudyDirection], metric_names: Sequence[str]) -> None:
        """Make the study known; one that exists already is left as it is."""
        ...

    def begin(self, trial: FrozenTrial) -> None:
        """Add a trial that runs from now on; its number must be the next."""
        ...

    def finish(self, number: int, state: TrialState, values: Sequence[float] | None, attributes: Mapping[str, Any]) -> None:
        """End a trial. A kill may leave it running with the attributes set."""
        ...

    def note(self, name: str, content: Any) -> None:
        """Set one of the notes."""
        ...


def open_writer(folder: Path, database: str | None = None) -> Writer:
    """Open a study for writing, or begin one.

    Args:
        folder: The study's folder; made where it does not exist.
        database: URL of a PostgreSQL database for a study that begins; one that is continued knows its own.

    Raises:
        BlockingIOError: Another process writes it.
        ConnectionError: The database does not answer; nothing was written.
        ImportError: The database's driver is missing.
        ValueError: The URL is not of PostgreSQL, holds a password, or is not where the study began.
    """
    known = _database_of(folder)
    if database is not None:
        database = check_database(database)
        where = known["url"] if known else str(folder / JOURNAL) if (folder / JOURNAL).exists() else database
        if where != database:
            raise ValueError(f"a study stays where it began, {folder} is kept in {where}, not in {database}; leave the database out")
    url = known["url"] if known else database
    if url is None:
        return _JournalWriter(folder)
    return _DatabaseWriter(folder, url, known["study"] if known else f"{folder.absolute().parent.name}-{uuid.uuid4().hex[:12]}")


def open_reader(folder: Path) -> Reader:
    """Open a study for reading, also while it is being written.

    Raises:
        FileNotFoundError: There is no study.
        ConnectionError: Its database does not answer.
        ImportError: The database's driver is missing.
    """
    known = _database_of(folder)
    if known:
        return _Database(known["url"], known["study"])
    return _Journal(_journal_of(folder))


def optuna_storage(folder: Path) -> BaseStorage:
    """The study as Optuna's own storage, for its tools.

    Raises:
        FileNotFoundError: There is no study.
        ConnectionError: Its database does not answer.
        ImportError: The database's driver is missing.
    """
    known = _database_of(folder)
    if not known:
        return JournalStorage(JournalFileBackend(str(_journal_of(folder))))
    _Database(known["url"], known["study"]).close()
    from sqlalchemy import NullPool

    settings = {"connect_args": _CONNECTION, "poolclass": NullPool}  # threads that ask and end would leave connections behind
    return RDBStorage(_sqlalchemy_url(known["url"]), settings, skip_table_creation=True)


def check_database(url: str) -> str:
    """Refuse a URL that no study can be kept at, and a database that does not answer.

    Args:
        url: As `postgresql://user@host:port/database`.

    Returns:
        The same URL.

    Raises:
        ValueError: It is not of PostgreSQL, or holds a password.
        ConnectionError: The database does not answer.
        ImportError: The driver is missing.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername != "postgresql" or not parsed.database:
        shown = parsed.render_as_string(hide_password=True) if parsed else "another text"
        raise ValueError(f"a database must be of the form postgresql://user@host:port/database, got {shown}; without one a file is used")
    if parsed.password is not None or any("password" in name for name in parsed.query):
        shown = f"postgresql://{parsed.username}@{parsed.host}/{parsed.database}"
        raise ValueError(f"a database's URL is written down and must hold no password, that of {shown} does; use PGPASSWORD or ~/.pgpass")
    _Database(url, "").close()
    return url


class _Journal:
    """The lines of a journal; one trial takes two or three."""

    def __init__(self, path: Path):
        self._path = path

    def notes(self) -> dict[str, Any]:
        found = {}
        for line in self._lines():
            if line.startswith(b'{"op_code":2,'):  # a study's user attribute
                found |= json.loads(line)["user_attr"]
        return found

    def records(self) -> Iterator[Record]:
        running: dict[int, Record] = {}
        count = 0
        for line in self._lines():
            if line.startswith(b'{"op_code":4,'):
                running[count] = _begun(count, line)
                count += 1
                continue
            log = json.loads(line)
            match log["op_code"]:
                case 8:
                    running[log["trial_id"]].attributes |= log["user_attr"]
                case 6:
                    record = running.pop(log["trial_id"])
                    record.state = TrialState(log["state"])
                    yield record
        yield from running.values()

    def close(self) -> None:
        pass

    def _lines(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):  # else somebody is writing it
                    yield line


def _begun(number: int, line: bytes) -> Record:
    # most of the line says what could have been chosen, which is the same in every trial
    head, _, rest = line.partition(b'"distributions":')
    distributions, _, tail = rest.partition(b',"params":')
    choices = _choices(distributions)
    log = json.loads(head + b'"params":' + tail)
    params = {label: choices[label][index] for label, index in log["params"].items()}
    return Record(number, TrialState.RUNNING, params, log["user_attrs"], log["system_attrs"])


@lru_cache(maxsize=4)
def _choices(distributions: bytes) -> dict[str, Sequence[Any]]:
    return {label: _choices_of(text) for label, text in json.loads(distributions).items()}


def _choices_of(distribution: str) -> Sequence[Any]:
    known = json_to_distribution(distribution)
    assert isinstance(known, CategoricalDistribution)
    return known.choices


class _JournalWriter(_Journal):
    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder / JOURNAL)
        self._lock = _lock(folder)
        self._mend()
        self._backend = JournalFileBackend(str(self._path))

    def create(self, directions: Sequence[StudyDirection], metric_names: Sequence[str]) -> None:
        if not any(line.startswith(b'{"op_code":0,') for line in self._lines()):
            names = {"study_id": 0, "system_attr": {_METRIC_NAMES: list(metric_names)}}
            self._append((0, {"study_name": _STUDY, "directions": list(directions)}), (3, names))

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
        self._append((4, content))

    def finish(self, number: int, state: TrialState, values: Sequence[float] | None, attributes: Mapping[str, Any]) -> None:
        known = [(8, {"trial_id": number, "user_attr": {name: content}}) for name, content in attributes.items()]
        self._append(*known, (6, {"trial_id": number, "state": state, "values": values, "datetime_complete": _now()}))

    def note(self, name: str, content: Any) -> None:
        self._append((2, {"study_id": 0, "user_attr": {name: content}}))

    def close(self) -> None:
        self._lock.release()

    def _append(self, *logs: tuple[int, dict]) -> None:
        self._backend.append_logs([{"op_code": code, "worker_id": "chiptrack", **content} for code, content in logs])

    def _mend(self) -> None:
        """Remove what a killed writer has left: half a line, and Optuna's own lock."""
        self._path.with_name(f"{JOURNAL}.lock").unlink(missing_ok=True)
        if self._path.is_file():
            with self._path.open("r+b") as file:
                file.truncate(_end_of_last_line(file))


def _end_of_last_line(file: Any) -> int:
    end = file.seek(0, 2)
    while end:
        start = max(0, end - 2**16)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


_TRIALS = """
SELECT t.trial_id, t.number, t.state::text,
    (SELECT json_object_agg(param_name, param_value) FROM trial_params p WHERE p.trial_id = t.trial_id),
    (SELECT json_object_agg(key, value_json) FROM trial_user_attributes a WHERE a.trial_id = t.trial_id),
    (SELECT json_object_agg(key, value_json) FROM trial_system_attributes a WHERE a.trial_id = t.trial_id)
FROM trials t JOIN studies USING (study_id) WHERE study_name = :study ORDER BY t.number
"""
_DISTRIBUTIONS = """
SELECT param_name, distribution_json FROM trial_params
WHERE trial_id = (SELECT min(trial_id) FROM trials JOIN studies USING (study_id) WHERE study_name = :study)
"""
_NOTES = "SELECT key, value_json FROM study_user_attributes JOIN studies USING (study_id) WHERE study_name = :study"


class _Database:
    """A study in a PostgreSQL database, in the tables that Optuna makes there."""

    def __init__(self, url: str, study: str):
        import sqlalchemy

        self._url = url
        self._study = study
        self._trial_ids: dict[int, int] = {}
        try:
            self._engine = sqlalchemy.create_engine(_sqlalchemy_url(url), connect_args=_CONNECTION)
        except ImportError as err:
            raise ImportError("a study in a database needs psycopg, which is not installed; pip install 'chiptrack[cluster]'") from err
        with self._answering():
            self._engine.connect().close()

    def notes(self) -> dict[str, Any]:
        with self._answering():
            return {name: json.loads(text) for name, text in self._rows(_NOTES)}

    def records(self) -> Iterator[Record]:
        with self._answering():
            choices = {label: _choices_of(text) for label, text in self._rows(_DISTRIBUTIONS)}
            for trial_id, number, state, params, attributes, system in self._rows(_TRIALS):
                self._trial_ids[number] = trial_id
                yield Record(
                    number,
                    TrialState[state],
                    {label: choices[label][int(index)] for label, index in (params or {}).items()},
                    {name: json.loads(text) for name, text in (attributes or {}).items()},
                    {name: json.loads(text) for name, text in (system or {}).items()},
                )

    def close(self) -> None:
        self._engine.dispose()

    def _rows(self, statement: str) -> Iterator[Any]:
        import sqlalchemy

        with self._engine.connect().execution_options(yield_per=1000) as connection:
            yield from connection.execute(sqlalchemy.text(statement), {"study": self._study})

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Say in one line what is wrong with the database."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (SQLAlchemyError, StorageInternalError) as err:
            cause = err.__cause__ if isinstance(err, StorageInternalError) and err.__cause__ else err
            said = " ".join(str(getattr(cause, "orig", cause)).split())
            raise ConnectionError(
                f"a study's database must answer, {self._url} does not: {said}; see to it, then --resume continues the search"
            ) from err


class _DatabaseWriter(_Database):
    """Writes as Optuna's `RDBStorage` does; holds a lock in the database, which frees it when the connection ends."""

    def __init__(self, folder: Path, url: str, study: str):
        super().__init__(url, study)
        with self._answering():
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            self._claim()
            with self._answering():
                self._ask("SELECT pg_advisory_lock(0, hashtext('chiptrack tables'))")  # two that make the tables at once would fail
                self._storage = RDBStorage(_sqlalchemy_url(url), {"connect_args": _CONNECTION})
                self._ask("SELECT pg_advisory_unlock(0, hashtext('chiptrack tables'))")
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(folder)
            if not (folder / DATABASE).is_file():
                write_text(folder / DATABASE, json.dumps({"url": url, "study": study}, indent=1) + "\n")
        except BaseException:
            self._connection.close()
            super().close()
            raise

    def create(self, directions: Sequence[StudyDirection], metric_names: Sequence[str]) -> None:
        with self._answering():
            try:
                self._study_id = self._storage.create_new_study(directions, self._study)
            except DuplicatedStudyError:
                self._study_id = self._storage.get_study_id_from_name(self._study)
            self._storage.set_study_system_attr(self._study_id, _METRIC_NAMES, list(metric_names))

    def begin(self, trial: FrozenTrial) -> None:
        with self._writing():
            self._trial_ids[trial.number] = self._storage.create_new_trial(self._study_id, trial)

    def finish(self, number: int, state: TrialState, values: Sequence[float] | None, attributes: Mapping[str, Any]) -> None:
        with self._writing():
            for name, content in attributes.items():
                self._storage.set_trial_user_attr(self._trial_ids[number], name, content)
            self._storage.set_trial_state_values(self._trial_ids[number], state, values)

    def note(self, name: str, content: Any) -> None:
        with self._writing():
            self._storage.set_study_user_attr(self._study_id, name, content)

    def close(self) -> None:
        self._storage.remove_session()
        self._storage.engine.dispose()
        self._connection.close()
        super().close()
        self._lock.release()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._answering():
            self._ask("SELECT 1")  # who has lost the connection has lost the lock
            yield

    def _claim(self) -> None:
        end = time.monotonic() + _PATIENCE_S
        with self._answering():
            while not self._ask("SELECT pg_try_advisory_lock(hashtextextended(:study, 0))"):
                if time.monotonic() > end:
                    raise BlockingIOError(
                        f"a study has one writer, {self._study} at {self._url} is being written by another process; wait for it or end it"
                    )
                time.sleep(0.1)

    def _ask(self, statement: str) -> Any:
        import sqlalchemy

        return self._connection.execute(sqlalchemy.text(statement), {"study": self._study}).scalar()


def _lock(folder: Path) -> FileLock:
    lock = FileLock(folder / "writer.lock")  # the kernel frees it when the process ends, however that happens
    try:
        lock.acquire(timeout=0)
    except Timeout as err:
        raise BlockingIOError(f"a study has one writer, {folder} is being written by another process; wait for it or end it") from err
    return lock


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _sqlalchemy_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _database_of(folder: Path) -> dict[str, str] | None:
    path = folder / DATABASE
    if not path.is_file():
        return None
    try:
        known = texts(read_record(path))
        return {"url": known["url"], "study": known["study"]}
    except (KeyError, ValueError) as err:
        raise ValueError(f"a study's database must be named as the search wrote it, {path} is not ({err}); search anew") from err


def _journal_of(folder: Path) -> Path:
    if not (folder / JOURNAL).is_file():
        raise FileNotFoundError(
            f"a study must hold {JOURNAL} or {DATABASE}, {folder} does not; give a folder that `chiptrack search` wrote"
        )
    return folder / JOURNAL
