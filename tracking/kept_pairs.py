"""Training pairs that are rendered once and kept in a folder, so that several trainings see them without rendering them again.

A folder holds `index.json`, which says what the pairs are of, and shards of `SHARD` pairs each: arrays of NumPy, read by mapping them into
memory. A shard appears whole, so that an interrupted rendering goes on with the next one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from tracking.files.atomic import new_file, write_text
from tracking.files.progress import progress
from tracking.files.records import read_record
from tracking.pairs import PairBatch, PairSource

SHARD = 2048
"""Number of pairs in a shard."""
_FORMAT = "chiptrack-pairs-1"
_AT_ONCE = 16


class KeptPairs:
    """A source of pairs that lie in a folder. Every pass over them is in another order, and mirrors half of them.

    Seed and index of a batch determine it.
    """

    def __init__(self, folder: Path, seed: int):
        """Open a folder that `keep` filled.

        Args:
            folder: The folder.
            seed: Determines the order of the pairs and which of them are mirrored.

        Raises:
            FileNotFoundError: The folder holds no index, or lacks a shard.
            ValueError: Index or shards are damaged.
        """
        self._folder, self._seed = folder, seed
        index = _read_index(folder)
        self.template_size, self.search_size = int(index["template_size"]), int(index["search_size"])
        self.content: str | None = hashlib.sha256(json.dumps(index, sort_keys=True).encode()).hexdigest()
        self._shards = int(index["pairs"]) // SHARD
        missing = [n for n in range(self._shards) if not _path(folder, "boxes", n).is_file()]
        if missing:
            raise FileNotFoundError(
                f"kept pairs must have all their shards, {folder} lacks {len(missing)} of {self._shards}; render them again"
            )

    def batch(self, index: int, count: int) -> PairBatch:
        """The batch with the number `index`, which holds `count` pairs."""
        size = self._shards * SHARD
        turn, first = divmod(index * count, size)
        # neighbours in the folder stay together, so that a batch is read from one or two places
        places = (np.arange(first, first + count) + np.random.default_rng([self._seed, turn]).integers(size)) % size
        rng = np.random.default_rng([self._seed, index])
        parts = {name: np.stack([self._arrays[place // SHARD][name][place % SHARD] for place in places]) for name in _PARTS}
        flipped = rng.random(count) < 0.5
        for name in ("templates", "searches"):
            parts[name][flipped] = parts[name][flipped, :, ::-1]
        boxes = parts["boxes"]
        mirrored = flipped & parts["present"]
        boxes[mirrored] = np.array([self.search_size, 0, self.search_size, 0], np.float32) + boxes[mirrored][:, [2, 1, 0, 3]] * [
            -1,
            1,
            -1,
            1,
        ]
        return PairBatch(parts["templates"], parts["searches"], boxes, parts["present"])

    @cached_property
    def _arrays(self) -> list[Mapping[str, np.ndarray]]:
        """The arrays of each shard, mapped into memory."""
        shapes = {
            "templates": (SHARD, self.template_size, self.template_size, 3),
            "searches": (SHARD, self.search_size, self.search_size, 3),
            "boxes": (SHARD, 4),
            "present": (SHARD,),
        }
        found = []
        for number in range(self._shards):
            arrays = {name: np.load(_path(self._folder, name, number), mmap_mode="r", allow_pickle=False) for name in _PARTS}
            for name, array in arrays.items():
                if array.shape != shapes[name] or array.dtype != _PARTS[name]:
                    raise ValueError(
                        f"kept pairs must be as they were written, {_path(self._folder, name, number)} is not; render them again"
                    )
            found.append(arrays)
        return found


_PARTS = {"templates": np.uint8, "searches": np.uint8, "present": np.bool_, "boxes": np.float32}
"""Arrays of a shard, in the order in which they are written, with their types."""


def keep(source: PairSource, folder: Path, pairs: int, about: Mapping[str, object]) -> None:
    """Render pairs into a folder; shards that lie there already are not rendered again.

    Args:
        source: Where the pairs come from.
        folder: The folder, which is made if it does not exist.
        pairs: Number of pairs; it is rounded up to whole shards.
        about: What determines the pairs, such as data and seed.

    Raises:
        FileExistsError: The folder holds other pairs.
    """
    shards = -(-pairs // SHARD)
    sizes = {"template_size": source.template_size, "search_size": source.search_size, "pairs": shards * SHARD}
    index = json.loads(json.dumps({"format": _FORMAT, **about, **sizes, "content": source.content}))
    if (folder / "index.json").exists():
        if _read_index(folder) != index:
            raise FileExistsError(f"a folder of kept pairs is of one kind, {folder} holds others; choose another folder or remove it")
    else:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "index.json", json.dumps(index, indent=1) + "\n")
    todo = [number for number in range(shards) if not _path(folder, "boxes", number).is_file()]
    with progress("rendering pairs", shards, shards - len(todo)) as show:
        for done, number in enumerate(todo, shards - len(todo) + 1):
            first = number * SHARD // _AT_ONCE
            batches = [source.batch(first + i, _AT_ONCE) for i in range(SHARD // _AT_ONCE)]
            for name in _PARTS:  # boxes come last: a shard with boxes is whole
                array = np.concatenate([getattr(batch, name) for batch in batches])
                with new_file(_path(folder, name, number)) as temporary, temporary.open("wb") as file:
                    np.save(file, array, allow_pickle=False)
            show(done, "")


def _path(folder: Path, name: str, number: int) -> Path:
    return folder / f"{name}-{number:05d}.npy"


def _read_index(folder: Path) -> dict:
    path = folder / "index.json"
    try:
        index = read_record(path)
        if index.get("format") != _FORMAT or not all(
            isinstance(index[name], int) and index[name] > 0 for name in ("template_size", "search_size", "pairs")
        ):
            raise ValueError("format, sizes or number of pairs")
    except (KeyError, ValueError) as err:
        raise ValueError(f"the index of kept pairs must be as it was written, {path} is not ({err!s:.100}); render them again") from err
    return index
