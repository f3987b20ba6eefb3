"""Loaders of data sets, one per file, and here their names. A loader takes the root folder and returns a data set."""

from collections.abc import Callable
from pathlib import Path

from tracking.datasets import folder, otb
from tracking.datasets.data_set import DataSet

DATASETS: dict[str, Callable[[Path | str], DataSet]] = {
    "folder": folder.load,
    "otb": otb.load,
}
