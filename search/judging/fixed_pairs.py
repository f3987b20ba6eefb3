"""Fixed training pairs that all candidates of a search are judged on, rendered once for all workers.

Pairs come in groups of 32, since noise and reliability are computed group by group. A group has a number, as validation sequences have:
the first digits are the seed of its pairs. Groups that follow each other come from different worlds (textures and sceneries), so that
no single one decides. The groups of a search are kept in a safetensors file whose name is a checksum of everything that determines
them. The first worker that needs the file makes it, and the others wait for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from search.judging.validation import RESCORING_SEED, SEARCH_SEED, Validation
from supernet.families.family import Family
from tracking.files.atomic import new_file, sole_writer
from tracking.files.progress import say
from tracking.images import cv2
from tracking.pairs import PairBatch

GROUP = 32
"""Number of pairs of a group."""
_WORLDS = 4
"""Number of seeds that the pairs of a search come from; the textures and sceneries of a seed take a second to draw."""
_WAIT_S = 900
"""Seconds that a worker waits for another one that renders the pairs."""
_FIELDS = tuple(field.name for field in fields(PairBatch))


def groups_of(pairs: int) -> tuple[range, range]:
    """Choose the groups of a search, and others for judging the best candidates again.

    Args:
        pairs: Number of pairs, a multiple of `GROUP`.

    Returns:
        The numbers of the former and of the latter groups, equally many.
    """
    count = pairs // GROUP
    return range(SEARCH_SEED, SEARCH_SEED + count), range(RESCORING_SEED, RESCORING_SEED + count)


class FixedPairs:
    """Groups of pairs by number.

    Args:
        validation: The source of the pairs.
        family: The family whose networks are judged: pairs are rendered at the sizes of its settings, with its share of negatives.
        folder: Folder for the files; without one, pairs are rendered when they are needed and kept in memory.
    """

    def __init__(self, validation: Validation, family: Family, folder: Path | None = None):
        self._validation = validation
        self._family = family
        self._folder = folder
        self._kept: tuple[range, Mapping[str, np.ndarray] | Path] = (range(0), {})

    def batches(self, numbers: range, groups: int) -> Iterator[PairBatch]:
        """Read groups in order.

        Args:
            numbers: Numbers of the groups, which lie in one of the ranges that `groups_of` returns.
            groups: Number of groups in each batch; the last batch may have fewer.
        """
        if self._kept[0] != numbers:  # one set at a time: two thousand pairs of crops of 160 px take 200 MB
            self._kept = (numbers, self._rendered(numbers) if self._folder is None else self._file(numbers, self._folder))
        held = self._kept[1]
        starts = range(0, len(numbers), groups)
        slices = [slice(first * GROUP, min(first + groups, len(numbers)) * GROUP) for first in starts]
        if isinstance(held, Path):
            with safe_open(held, "numpy") as file:  # reads no more than the slices
                for part in slices:
                    yield PairBatch(**{name: file.get_slice(name)[part] for name in _FIELDS})
        else:
            yield from (PairBatch(**{name: array[part] for name, array in held.items()}) for part in slices)

    def _file(self, numbers: range, folder: Path) -> Path:
        """The file of these groups, which is made if it does not exist."""
        path = folder / f"pairs-{self._key(numbers)}.safetensors"
        if not _is_whole(path, numbers):
            with sole_writer(path, _WAIT_S):
                if not _is_whole(path, numbers):  # another worker may have made it meanwhile
                    with new_file(path) as temporary:
                        temporary.write_bytes(save(self._rendered(numbers)))
        return path

    def _rendered(self, numbers: range) -> dict[str, np.ndarray]:
        say(f"render {len(numbers) * GROUP:,} pairs that all candidates are judged on")
        parts: dict[int, PairBatch] = {}
        for world in range(_WORLDS):
            for number in numbers[world::_WORLDS]:
                first = SEARCH_SEED if number < RESCORING_SEED else RESCORING_SEED
                parts[number] = self._validation.group(self._family, first, world, number - first, GROUP)
        return {name: np.concatenate([getattr(parts[number], name) for number in numbers]) for name in _FIELDS}

    def _key(self, numbers: range) -> str:
        """16 hexadecimal digits of everything that determines the pairs."""
        sizes = self._family.settings
        about = {
            "data": self._validation.data,
            "content": self._validation.pair_content(),
            "numbers": [numbers.start, len(numbers), GROUP, _WORLDS],
            "sizes": [sizes.template_size, sizes.search_size, sizes.context],
            "negatives": self._family.negatives,
            "versions": [version("chiptrack"), np.__version__, cv2.__version__],  # which may change pixels
        }
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]


def _is_whole(path: Path, numbers: range) -> bool:
    """Whether there is a file that holds as many pairs as these groups have; one that cannot be read is made again."""
    try:
        with safe_open(path, "numpy") as file:
            return {name: file.get_slice(name).get_shape()[0] for name in file.keys()} == dict.fromkeys(_FIELDS, len(numbers) * GROUP)
    except (SafetensorError, OSError):
        return False
