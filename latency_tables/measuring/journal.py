"""The record of a measurement that is under way: one JSON line for each thing that is finished, never rewritten.

A killed process leaves at most one torn last line, which the next one drops.
"""

from __future__ import annotations

import json
from pathlib import Path

from tracking.files.records import parse_record

_FORMAT = 1
"""Of the records; others cannot be gone on with."""


class Journal:
    """Lines of a file; use it as a context."""

    def __init__(self, path: Path, settings: dict, resume: bool):
        """Open or begin a journal.

        Args:
            path: The file.
            settings: What the records are valid for; the first line.
            resume: Go on where the file ends.

        Raises:
            ValueError: The file exists and is not to be resumed, was begun with other settings, or is no journal.
        """
        settings = {"journal": _FORMAT, **json.loads(json.dumps(settings))}
        self.records: list[dict] = []
        """Everything recorded so far, in order."""
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = self._whole_lines(path) if path.exists() else []
        if lines:
            if not resume:
                raise ValueError(
                    f"an unfinished measurement must be resumed or removed, {path} exists; add --resume or choose another --out"
                )
            try:
                begun, *self.records = map(parse_record, lines)
            except ValueError as err:
                raise ValueError(
                    f"a journal must have a JSON object in each line, {path} has not ({err}); remove it to begin anew"
                ) from err
            check_settings(begun, settings, path)
        self._file = path.open("a", encoding="utf-8")
        if not lines:
            self._append(settings)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, record: dict) -> None:
        """Add a record; it outlives the process from here on."""
        self._append(record)
        self.records.append(record)

    def _append(self, record: dict) -> None:
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()

    @staticmethod
    def _whole_lines(path: Path) -> list[bytes]:
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            with path.open("r+b") as file:
                file.truncate(len(whole))
        return whole.splitlines()


def check_settings(before: dict, now: dict, path: Path) -> None:
    """Refuse to go on with other settings than those that a file was begun with.

    Raises:
        ValueError: They differ; the error names where.
    """
    differ = [f"{name} was {before.get(name)!r}, is {now.get(name)!r}" for name in {**before, **now} if before.get(name) != now.get(name)]
    if differ:
        raise ValueError(f"--resume must be given the same settings, {path} differs: {'; '.join(differ)}; choose another --out")
