"""The place where a study is kept, for those who write it, read it, or look at it with Optuna's tools."""

from __future__ import annotations

from pathlib import Path

from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend

from search.study.storages.database import DATABASE, Address, DatabaseReader, DatabaseWriter, check_database, rdb_storage
from search.study.storages.journal import JOURNAL, JournalReader, JournalWriter
from search.study.storages.storage import Reader, Writer


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
        FileNotFoundError: There is no study.
        ConnectionError: Its database does not answer.
        ImportError: The database's driver is missing.
    """
    known = Address.read(folder)
    return DatabaseReader(known) if known else JournalReader(_journal_of(folder))


def optuna_storage(folder: Path) -> BaseStorage:
    """The study as Optuna's own storage, for its tools.

    Raises:
        FileNotFoundError: There is no study.
        ConnectionError: Its database does not answer.
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
