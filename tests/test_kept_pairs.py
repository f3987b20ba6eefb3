"""Pairs that are rendered once and kept in a folder."""

import json

import numpy as np
import pytest

from tracking import kept_pairs
from tracking.kept_pairs import KeptPairs, keep
from tracking.pairs import PairBatch


class Numbered:
    """A source whose pair i shows a single column at the left of its box, and has i in its template."""

    template_size, search_size, content = 4, 8, "numbered"

    def __init__(self):
        self.rendered = 0

    def batch(self, index, count):
        self.rendered += count
        numbers = np.arange(index * count, (index + 1) * count)
        templates = np.broadcast_to(numbers[:, None, None, None] % 250, (count, 4, 4, 3)).astype(np.uint8)
        searches = np.zeros((count, 8, 8, 3), np.uint8)
        searches[:, :, 2] = 255
        present = numbers % 4 > 0
        return PairBatch(templates, searches, np.float32([2, 1, 5, 6]) * present[:, None], present)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(kept_pairs, "SHARD", 32)


@pytest.fixture
def folder(tmp_path):
    keep(Numbered(), tmp_path / "pairs", 60, {"seed": 3})
    return tmp_path / "pairs"


def test_every_pair_occurs_once_in_a_pass_over_them(folder):
    pairs = KeptPairs(folder, 1)
    passes = [np.concatenate([pairs.batch(turn * 8 + i, 8).templates[:, 0, 0, 0] for i in range(8)]) for turn in range(2)]
    assert all(sorted(seen) == list(range(64)) for seen in passes)
    assert not np.array_equal(*passes)


def test_mirrored_pairs_have_mirrored_boxes(folder):
    batch = KeptPairs(folder, 1).batch(0, 64)
    columns = batch.searches[:, 0, :, 0].argmax(1)
    assert set(columns) == {2, 5}
    for column, box, present in zip(columns, batch.boxes, batch.present, strict=True):
        assert box.tolist() == ([0, 0, 0, 0] if not present else [2, 1, 5, 6] if column == 2 else [3, 1, 6, 6])


def test_a_batch_follows_from_seed_and_index(folder):
    a, b, other = KeptPairs(folder, 1).batch(3, 16), KeptPairs(folder, 1).batch(3, 16), KeptPairs(folder, 2).batch(3, 16)
    assert np.array_equal(a.templates, b.templates) and np.array_equal(a.searches, b.searches)
    assert not np.array_equal(a.templates, other.templates)


def test_an_interrupted_rendering_goes_on(folder):
    (folder / "boxes-00001.npy").unlink()
    with pytest.raises(FileNotFoundError, match="lacks 1 of 2"):
        KeptPairs(folder, 0)
    source = Numbered()
    keep(source, folder, 60, {"seed": 3})
    assert source.rendered == 32
    assert KeptPairs(folder, 0).batch(0, 64).present.sum() == 48


def test_a_folder_of_other_pairs_is_refused(folder):
    with pytest.raises(FileExistsError, match="holds others"):
        keep(Numbered(), folder, 60, {"seed": 4})


def test_a_damaged_folder_is_refused(folder):
    np.save(folder / "boxes-00001.npy", np.zeros((3, 4), np.float32))
    with pytest.raises(ValueError, match="boxes-00001"):
        KeptPairs(folder, 0).batch(0, 4)
    (folder / "index.json").write_text(json.dumps({"format": "chiptrack-pairs-1"}))
    with pytest.raises(ValueError, match="the index of kept pairs"):
        KeptPairs(folder, 0)
