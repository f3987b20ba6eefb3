"""Loaders of data sets, one per file, and here their names. A loader takes the root folder and returns the sequences in it."""

from collections.abc import Callable
from pathlib import Path

from tracking.datasets import folder, otb
from tracking.sequence import Sequence

DATASETS: dict[str, Callable[[Path | str], list[Sequence]]] = {
    "folder": folder.load,
    "otb": otb.load,
}
