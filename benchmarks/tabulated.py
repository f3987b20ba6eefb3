"""A small part of a family in which the score of every network is known, so that whole searches can be replayed in seconds.

A table has a row for each network: the indices of the values that were chosen for the free choices, as digits, and its scores. While a
table is written, rows are kept in `<table>.part`, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

import pandas as pd

from supernet.families.family import Family
from supernet.space import Architecture, SearchSpace, Value
from tracking.files.atomic import write_text


@dataclass(frozen=True)
class SubSpace:
    """A part of a family's space, and the table of its scores."""

    family: Family
    free: Mapping[str, tuple[Value, ...]]
    """Values of the free choices, at most ten of each."""
    pinned: Mapping[str, Value]
    """Values of the other choices."""
    table: Path
    """The table that `benchmarks/data` holds, or that is to be written there."""
    score: str
    """Kind of metric that ranks networks: a column of the table."""
    max_macs: float
    """Limit of multiply-adds of the searches that are replayed, which about half of the networks meet."""

    @cached_property
    def space(self) -> SearchSpace:
        """The same choices with fewer values."""
        choices = self.family.space.choices
        return SearchSpace({label: self.free.get(label) or (self.pinned[label],) for label in choices}, self.family.space.make)

    @cached_property
    def architectures(self) -> tuple[Architecture, ...]:
        """All architectures of the part, in the order of the table."""
        choices = self.space.choices
        return tuple(self.space.make(dict(zip(choices, values, strict=True))) for values in product(*choices.values()))

    def digits(self, architecture: Architecture) -> str:
        """The row of an architecture: the index of the chosen value of each free choice."""
        return "".join(str(values.index(architecture[label])) for label, values in self.free.items())

    def read(self, path: Path | None = None, kind: str = "") -> dict[str, float]:
        """Read the score of each network, by the key of its architecture.

        Args:
            path: Another table than `table`.
            kind: Another kind of metric than `score`.

        Raises:
            ValueError: The table is incomplete, or that of another sub-space.
        """
        path = path or self.table
        table = pd.read_csv(path, dtype={"choices": str})
        if list(table.choices) != [self.digits(each) for each in self.architectures]:
            raise ValueError(f"a table must hold every network of the sub-space as it is now, {path} does not; write it again")
        return {each.key: float(score) for each, score in zip(self.architectures, table[kind or self.score], strict=True)}


class PartWritten:
    """The rows of a table that is being written.

    Args:
        path: The table; rows are kept in `<path>.part` until it is whole.
        columns: Names of the scores.
    """

    def __init__(self, path: Path, columns: Sequence[str]):
        self._path, self._part = path, path.with_name(path.name + ".part")
        self._columns = tuple(columns)
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = self._part.read_text().splitlines() if self._part.exists() else []
        whole = [line.split(",") for line in lines if line.count(",") == len(self._columns)]  # the last line may have been cut off
        self.rows = {digits: scores for digits, *scores in whole}
        """Scores, as they are written, by digits."""
        if lines:
            self._part.write_text("".join(f"{','.join((digits, *scores))}\n" for digits, scores in self.rows.items()))

    def add(self, rows: Mapping[str, Sequence[float]], decimals: int) -> None:
        """Keep further rows."""
        written = {digits: [f"{score:.{decimals}f}" for score in scores] for digits, scores in rows.items()}
        with self._part.open("a") as file:
            file.write("".join(f"{','.join((digits, *scores))}\n" for digits, scores in written.items()))
        self.rows |= written

    def finish(self, order: Sequence[str]) -> None:
        """Write the table, with its rows in this order."""
        lines = [",".join((digits, *self.rows[digits])) for digits in order]
        write_text(self._path, "\n".join([",".join(("choices", *self._columns)), *lines]) + "\n")
        self._part.unlink()
