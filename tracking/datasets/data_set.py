"""What a loader of a data set returns: the sequences that could be read, and why others could not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tracking.images import natural_key
from tracking.sequence import Sequence

_SHOWN = 5
"""Number of sequences about which a person is told; of the others only the number."""


@dataclass(frozen=True)
class DataSet:
    """The sequences of a data set."""

    sequences: list[Sequence]
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Why a sequence could not be read, by its name."""

    @property
    def words(self) -> list[str]:
        """What a person should know about the data set, in a few lines."""
        noticed = [f"{sequence.name}: {note}" for sequence in self.sequences for note in sequence.notes]
        left_out = [f"left out: {name}: {reason}" for name, reason in self.left_out.items()]
        return [
            line
            for lines, kind in ((noticed, "notes"), (left_out, "sequences left out"))
            for line in (*lines[:_SHOWN], *([f"and {len(lines) - _SHOWN} more {kind}"] if len(lines) > _SHOWN else []))
        ]


def read_each(items: Iterable[Path], load: Callable[[Path], Sequence]) -> DataSet:
    """Read the sequences of a data set; those that cannot be read are left out.

    Args:
        items: What there is a sequence for, e.g. its folder or its file of boxes.
        load: Reads one sequence.

    Returns:
        The sequences, sorted by name.

    Raises:
        OSError, ValueError: No sequence can be read; the error is that of the first.
    """
    sequences, errors = [], {}
    for item in sorted(items, key=lambda path: natural_key(str(path))):
        try:
            sequences.append(load(item))
        except (ValueError, OSError) as err:
            errors[item] = err
    if not sequences and errors:
        raise next(iter(errors.values()))
    left_out = {str(item): str(err) for item, err in errors.items()}
    return DataSet(sorted(sequences, key=lambda sequence: natural_key(sequence.name)), left_out)
