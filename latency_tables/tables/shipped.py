"""Finds latency tables by path, or by name if they come with chiptrack."""

from __future__ import annotations

from pathlib import Path

from latency_tables.tables.table import manifest_path

SHIPPED = Path(__file__).resolve().parents[1] / "data"
"""Folder of the tables that come with chiptrack."""


def find(word: str) -> Path:
    """Path of a latency table.

    Args:
        word: Path of a .csv file, or the name of a table that comes with chiptrack, e.g. `nano-ncnn-fp32`.

    Raises:
        ValueError: There is no such file and no such name.
    """
    path = SHIPPED / f"{word}.csv" if Path(word).name == word and not word.endswith(".csv") else Path(word)
    if not path.is_file():
        shipped = ", ".join(file.stem for file in within(SHIPPED)) or "none"
        raise ValueError(f"a table must be a .csv file or one that comes with chiptrack ({shipped}), there is no {word!r}; check the name")
    return path


def within(folder: Path) -> list[Path]:
    """Paths of the latency tables directly in a folder, sorted by name: the .csv files that have a manifest beside them."""
    return sorted(path for path in folder.glob("*.csv") if manifest_path(path).is_file())
