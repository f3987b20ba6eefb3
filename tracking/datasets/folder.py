"""The user's own data sets: a folder of sequence folders (`img/`, `groundtruth.txt`, `meta.json`)."""

from pathlib import Path

from tracking.sequence import Sequence, load_sequences


def load(root: Path | str) -> list[Sequence]:
    """Read all sequence folders below a folder, sorted by name.

    Args:
        root: The folder; it may also be a single sequence folder.

    Raises:
        FileNotFoundError: There is no such folder, or no sequence in it.
        ValueError: A sequence cannot be read; the error names its file.
    """
    return load_sequences(root)
