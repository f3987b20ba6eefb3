"""Data sets: one file each, and here the names they go by. A loader takes the root folder and returns its sequences."""

from collections.abc import Callable
from pathlib import Path

from tracking.datasets import folder, otb
from tracking.sequence import Sequence

DATASETS: dict[str, Callable[[Path | str], list[Sequence]]] = {
    "folder": folder.load,
    "otb": otb.load,
}
