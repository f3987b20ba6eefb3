"""The user's own data sets: a folder of sequence folders (`img/`, `groundtruth.txt`, `meta.json`)."""

from pathlib import Path

from tracking.datasets.data_set import DataSet, read_each
from tracking.sequence import find_sequences, load_sequence


def load(root: Path | str) -> DataSet:
    """Read all sequence folders below a folder.

    Args:
        root: The folder; it may also be a single sequence folder. Symbolic links are followed.

    Raises:
        FileNotFoundError: There is no such folder, or no sequence in it.
        ValueError: No sequence can be read; the error names the file of the first.
    """
    if not Path(root).is_dir():
        raise FileNotFoundError(f"the root of a data set must be a folder, {root} is none; check the path")
    folders = list(find_sequences(root))
    if not folders:
        raise FileNotFoundError(
            f"a data set must hold sequence folders (NAME/img/*.jpg with NAME/groundtruth.txt or groundtruth_rect.txt), {root} holds none; "
            "arrange it so, or write a loader (docs/extending.md)"
        )
    return read_each(folders, load_sequence)
