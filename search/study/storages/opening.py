"""Opens a study in whichever storage it is kept: for writing, for reading, or for Optuna's own tools."""

from __future__ import annotations

from pathlib import Path

from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend

from search.study.storages.database import DATABASE, Address, DatabaseReader, DatabaseWriter, check_database, rdb_storage
from search.study.storages.journal import JOURNAL, JournalReader, JournalWriter
from search.study.storages.storage import Reader, Writer


def open_writer(folder: Path, database: str | None = None) -> Writer:
    """Open a study for writing, or begin a new one.

    Args:
        folder: The study's folder; it is made if it does not exist.
        database: URL of a PostgreSQL database for a new study. It is not needed to continue a study, whose folder says where it is kept.

    Raises:
        BlockingIOError: Another process writes the study.
        ConnectionError: The database does not answer; nothing was written.
        ImportError: The database's driver is missing.
        ValueError: The URL is not one of PostgreSQL, holds a password, or is not where the study began.
    """
    known = Address.read(folder)
    if database is not None:
        database = check_database(database)
        where = known.url if known else str(folder / JOURNAL) if (folder / JOURNAL).exists() else database
        if where != database:
            raise ValueError(f"a study stays where it began, {folder} is kept in {where}, not in {database}; leave the database out")
        known = known or Address.new(database, folder)
    return DatabaseWriter(folder, known) if known else JournalWriter(folder)


def open_reader(folder: Path) -> Reader:
    """Open a study for reading, also while it is being written.

    Raises:
        FileNotFoundError: The folder holds no study.
        ConnectionError: The study's database does not answer.
        ImportError: The database's driver is missing.
    """
    known = Address.read(folder)
    return DatabaseReader(known) if known else JournalReader(_journal_of(folder))


def optuna_storage(folder: Path) -> BaseStorage:
    """Open a study as one of Optuna's own storages, for Optuna's tools.

    Raises:
        FileNotFoundError: The folder holds no study.
        ConnectionError: The study's database does not answer.
        ImportError: The database's driver is missing.
    """
    known = Address.read(folder)
    return rdb_storage(known) if known else JournalStorage(JournalFileBackend(str(_journal_of(folder))))


def _journal_of(folder: Path) -> Path:
    if not (folder / JOURNAL).is_file():
        raise FileNotFoundError(
            f"a study must hold {JOURNAL} or {DATABASE}, {folder} does not; give a folder that `chiptrack search` wrote"
        )
    return folder / JOURNAL
