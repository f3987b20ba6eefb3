"""Measured latencies of NAS-Bench-201 cells on several chips, and which of the chips are probably the same hardware."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.nas_bench_201 import features, parse

COLUMN = "arch_str"
MIN_NETWORKS = 20
"""Fewest measured networks of a chip, so that there are some to train on, some to choose from and some to score on."""
SIBLING_SPEARMAN = 0.99


@dataclass(frozen=True)
class Table:
    """Latencies of different cells on several chips."""

    cells: np.ndarray
    """(N, 6) as `nas_bench_201.parse` returns them."""
    ms: pd.DataFrame
    """(N, C) milliseconds, a column for each chip; NaN where not measured."""

    @cached_property
    def features(self) -> np.ndarray:
        """(N, F) see `nas_bench_201.features`."""
        return features(self.cells)


def read(path: Path) -> Table:
    """Read a table; a cell that has several rows gets the mean of its milliseconds.

    Raises:
        ValueError: The table cannot be read, lacks cells, chips or networks, or has milliseconds that are not positive.
    """
    readers = {".parquet": pd.read_parquet, ".csv": pd.read_csv}
    if path.suffix not in readers:
        raise ValueError(f"a table must be a .parquet or .csv file, got {path}; convert it")
    try:
        frame = readers[path.suffix](path)
    except (OSError, ValueError, ImportError) as err:
        raise ValueError(f"a table must be readable, {path} is not ({' '.join(str(err).split()):.150}); check path and contents") from err
    if COLUMN not in frame:
        raise ValueError(f"a table must have a column {COLUMN}, {path} has {', '.join(map(str, frame)):.150}; name the column of cells so")
    listed = frame.drop(columns=COLUMN)
    if listed.empty:
        raise ValueError(f"a table must have networks and at least one chip, {path} has {len(frame)} and {listed.shape[1]}; add them")
    for name, column in listed.items():
        if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            raise ValueError(f"columns beside {COLUMN} must hold milliseconds, {name!r} holds {column.dtype}; drop that column")
    ms = listed.astype(float)
    wrong = ms.notna() & ~((ms > 0) & np.isfinite(ms))
    if wrong.any(axis=None):
        row, chip = np.argwhere(wrong.to_numpy())[0]
        raise ValueError(
            f"milliseconds must be positive, {ms.columns[chip]!r} has {ms.iat[row, chip]:g} in row {row}; leave it empty or drop the column"
        )
    cells, place = np.unique(np.array([parse(text) for text in frame[COLUMN]]), axis=0, return_inverse=True)
    table = Table(cells, ms.groupby(place).mean().rename(columns=str))
    few = table.ms.notna().sum()
    if few.min() < MIN_NETWORKS:
        raise ValueError(
            f"a chip must have at least {MIN_NETWORKS} different measured networks, {few.idxmin()!r} has {few.min()}; measure more or drop it"
        )
    return table


def siblings(table: Table) -> dict[str, list[str]]:
    """Return, for each chip, the other chips that must not help to predict it, because they are probably the same hardware.

    Two chips are siblings if their names agree in the first two words (`adreno_640_tflite`, `adreno_640_sd855`), or if they order the
    networks almost equally (Spearman's correlation at least 0.99).
    """
    order = table.ms.corr("spearman")

    def related(a: str, b: str) -> bool:
        return a.split("_")[:2] == b.split("_")[:2] or float(order.at[a, b]) >= SIBLING_SPEARMAN

    return {chip: [other for other in table.ms if other != chip and related(chip, other)] for chip in table.ms}
