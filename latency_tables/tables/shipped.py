"""The tables that come with chiptrack."""

from __future__ import annotations

from pathlib import Path

from latency_tables.tables.table import manifest_path

SHIPPED = Path(__file__).resolve().parents[1] / "data"
"""Folder of the tables that come with chiptrack."""


def find(word: str) -> Path:
    """A table by its path, or by its name where it comes with chiptrack.

    Raises:
        ValueError: There is none.
    """
    path = SHIPPED / f"{word}.csv" if Path(word).name == word and not word.endswith(".csv") else Path(word)
    if not path.is_file():
        shipped = ", ".join(file.stem for file in within(SHIPPED)) or "none"
        raise ValueError(f"a table must be a .csv file or one that comes with chiptrack ({shipped}), there is no {word!r}; check the name")
    return path


def within(folder: Path) -> list[Path]:
    """The tables directly in a folder, sorted by name."""
    return sorted(path for path in folder.glob("*.csv") if manifest_path(path).is_file())
