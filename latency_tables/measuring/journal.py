"""The journal of a measurement under way: a file with one JSON line for each completed step, which is only ever appended to.

A killed process leaves at most one incomplete last line, which the next process removes.
"""

from __future__ import annotations

import json
from pathlib import Path

from tracking.files.records import parse_record, read_bytes

_FIGURES = ("time", "memory", "energy")
"""Kinds of records that hold measurements; the others are found again in seconds."""
_FORMAT = 1
"""Version of the records; a journal of another version cannot be resumed."""


class Journal:
    """A file of JSON records; use it as a context manager, which closes the file, and removes it after an error if it holds no figure."""

    def __init__(self, path: Path, settings: dict, resume: bool):
        """Open or begin a journal.

        Args:
            path: The journal file; its folder is made if necessary.
            settings: Settings that the records are valid for; they are the first line of the file.
            resume: Go on with an existing file.

        Raises:
            ValueError: The file has figures and `resume` is false, it was begun with other settings, or it is no journal.
        """
        self.path = path
        settings = {"journal": _FORMAT, **json.loads(json.dumps(settings))}
        self.records: list[dict] = []
        """All records so far, in order, without the settings."""
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = self._whole_lines(path) if path.exists() else []
        if lines:
            try:
                begun, *self.records = map(parse_record, lines)
            except ValueError as err:
                raise ValueError(
                    f"a journal must have a JSON object in each line, {path} has not ({err!s:.200}); remove it to begin anew"
                ) from err
            if "journal" in begun and not self._has_figures and (not resume or begun != settings):  # a start that failed
                path.unlink()
                lines, self.records = [], []
            elif not resume:
                raise ValueError(
                    f"an unfinished measurement must be resumed or removed, {path} exists; add --resume or choose another --out"
                )
            else:
                check_settings(begun, settings, path)
        self._file = path.open("a", encoding="utf-8")
        if not lines:
            self._append(settings)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        self._file.close()
        if error is not None and not self._has_figures:
            self.path.unlink(missing_ok=True)

    def write(self, record: dict) -> None:
        """Append a record; when this returns, the record outlives the process."""
        self._append(record)
        self.records.append(record)

    @property
    def _has_figures(self) -> bool:
        return any(record.get("kind") in _FIGURES for record in self.records)

    def _append(self, record: dict) -> None:
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()

    @staticmethod
    def _whole_lines(path: Path) -> list[bytes]:
        """The complete lines of a file, from which an incomplete last line is removed."""
        try:
            content = read_bytes(path)
        except ValueError as err:
            raise ValueError(f"a journal must be a short text, {path} is not ({err}); remove it to begin anew") from err
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            with path.open("r+b") as file:
                file.truncate(len(whole))
        return whole.splitlines()


def check_settings(before: dict, now: dict, path: Path) -> None:
    """Refuse to resume a measurement with other settings than those it was begun with.

    Args:
        before: Settings that the file was begun with.
        now: Settings now.
        path: The file, for the error.

    Raises:
        ValueError: The settings differ; the error names each difference.
    """
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if names:
        differ = "; ".join(f"{name:.40} was {before.get(name)!r:.60}, is {now.get(name)!r:.60}" for name in names)
        raise ValueError(f"--resume must be given the same settings, {path} differs: {differ:.300}; choose another --out")
