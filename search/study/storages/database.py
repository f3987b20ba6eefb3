"""A study in a PostgreSQL database that many machines can reach, in the tables of `optuna.storages.RDBStorage`.

`database.json` in the study's folder names the database and the study in it.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from optuna.exceptions import DuplicatedStudyError, StorageInternalError
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from search.study.storages.storage import METRIC_NAMES, Record, choices_of, lock, position
from tracking.files.atomic import write_text
from tracking.files.records import read_record, texts

DATABASE = "database.json"
_PATIENCE_S = 3.0
"""Seconds that a database may take to notice that a writer is dead."""
_CONNECTION = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000}


@dataclass(frozen=True)
class Address:
    """The database that a study is kept in, and the study's name there."""

    url: str
    """URL of the form `postgresql://user@host:port/database`, without a password."""
    study: str
    """Name of the study."""

    @classmethod
    def new(cls, url: str, folder: Path) -> Address:
        """Return the address of a new study in a database, with a name that no other study has."""
        return cls(url, f"{folder.absolute().parent.name}-{uuid.uuid4().hex[:12]}")

    @classmethod
    def read(cls, folder: Path) -> Address | None:
        """Return the address of the study of a folder; None if it is not kept in a database.

        Raises:
            ValueError: `database.json` is not as a search wrote it.
        """
        path = folder / DATABASE
        if not path.is_file():
            return None
        try:
            known = texts(read_record(path))
            return cls(_checked_url(known["url"]), known["study"])
        except (KeyError, ValueError) as err:
            raise ValueError(f"a study's database must be named as the search wrote it, {path} is not ({err!s:.200}); search anew") from err

    def write(self, folder: Path) -> None:
        """Write `database.json` into the folder, unless it is there."""
        if not (folder / DATABASE).is_file():
            write_text(folder / DATABASE, json.dumps(asdict(self), indent=1) + "\n")


def check_database(url: str) -> str:
    """Check that a study can be kept at a URL, and that the database answers.

    Args:
        url: URL of the form `postgresql://user@host:port/database`.

    Returns:
        The same URL.

    Raises:
        ValueError: The URL is not one of PostgreSQL, or holds a password.
        ConnectionError: The database does not answer.
        ImportError: The database's driver is missing.
    """
    DatabaseReader(Address(_checked_url(url), "")).close()
    return url


def _checked_url(url: str) -> str:
    """The same URL; raises `ValueError` if it is not one of PostgreSQL, or holds a password."""
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
    return url


def rdb_storage(address: Address) -> RDBStorage:
    """Open the database as one of Optuna's own storages, for Optuna's tools.

    Raises:
        ConnectionError: The database does not answer.
        ImportError: The database's driver is missing.
    """
    from sqlalchemy import NullPool

    DatabaseReader(address).close()
    settings = {"connect_args": _CONNECTION, "poolclass": NullPool}  # a pool would keep the connections of threads that have ended
    return RDBStorage(_sqlalchemy_url(address.url), settings, skip_table_creation=True)


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


class DatabaseReader:
    """Reads a study from the tables that Optuna makes in a PostgreSQL database."""

    def __init__(self, address: Address):
        import sqlalchemy

        self._url, self._study = address.url, address.study
        self._trial_ids: dict[int, int] = {}
        try:
            self._engine = sqlalchemy.create_engine(_sqlalchemy_url(self._url), connect_args=_CONNECTION)
        except ImportError as err:
            raise ImportError("a study in a database needs psycopg, which is not installed; pip install 'chiptrack[cluster]'") from err
        with self._answering():
            self._engine.connect().close()

    def notes(self) -> dict[str, Any]:
        with self._answering():
            return {name: json.loads(text) for name, text in self._rows(_NOTES)}

    def records(self) -> Iterator[Record]:
        with self._answering():
            choices = {label: choices_of(text) for label, text in self._rows(_DISTRIBUTIONS)}
            for trial_id, number, state, params, attributes, system in self._rows(_TRIALS):
                self._trial_ids[number] = trial_id
                yield Record(
                    number,
                    TrialState[state],
                    {label: choices[label][position(int(index))] for label, index in (params or {}).items()},
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
        """Turn errors of the database into a `ConnectionError` of one line."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (SQLAlchemyError, StorageInternalError) as err:
            cause = err.__cause__ if isinstance(err, StorageInternalError) and err.__cause__ else err
            said = " ".join(str(getattr(cause, "orig", cause)).split())
            raise ConnectionError(
                f"a study's database must answer, {self._url} does not: {said}; see to it, then --resume continues the search"
            ) from err


class DatabaseWriter(DatabaseReader):
    """Writes a study as Optuna's `RDBStorage` does. It holds a lock in the database, which is released when the connection ends."""

    def __init__(self, folder: Path, address: Address):
        super().__init__(address)
        with self._answering():
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            self._claim()
            with self._answering():
                # two processes that make the tables at once would fail
                self._ask("SELECT pg_advisory_lock(0, hashtext('chiptrack tables'))")
                self._storage = RDBStorage(_sqlalchemy_url(self._url), {"connect_args": _CONNECTION})
                self._ask("SELECT pg_advisory_unlock(0, hashtext('chiptrack tables'))")
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = lock(folder)
            address.write(folder)
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
            self._storage.set_study_system_attr(self._study_id, METRIC_NAMES, list(metric_names))

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
            self._ask("SELECT 1")  # a writer that has lost the connection has lost the lock
            yield

    def _claim(self) -> None:
        """Take the study's lock in the database, and wait a little if a dead writer may still hold it."""
        end = time.monotonic() + _PATIENCE_S
        with self._answering():
            while not self._ask("SELECT pg_try_advisory_lock(hashtextextended(:study, 0))"):
                if time.monotonic() > end:
                    raise BlockingIOError(
                        f"a study has one writer, {self._study} at {self._url} is being written by another process; wait for it or end it"
                    )
                time.sleep(0.1)

    def _ask(self, statement: str) -> Any:
        """Run a statement on the connection that holds the lock, and return a single value."""
        import sqlalchemy

        return self._connection.execute(sqlalchemy.text(statement), {"study": self._study}).scalar()


def _sqlalchemy_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)
