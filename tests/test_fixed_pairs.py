import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from search.judging.fixed_pairs import GROUP, FixedPairs, groups_of
from search.judging.validation import Validation
from supernet.families import FAMILIES
from tracking.generated.synthetic import synthetic_sequence
from tracking.pairs import PairBatch
from tracking.sequence import save_sequence

NANO = FAMILIES["nano"]
SEARCH, NEW = groups_of(3 * GROUP)
SYNTHETIC = Validation("synthetic", 4)


class Cheap(Validation):
    """Pairs that say which group they are of, and a file to which a line is added for each group that is rendered."""

    def group(self, family, first_seed, world, index, count):
        with Path(self.data.partition(":")[2]).open("a") as log:
            log.write(f"{first_seed} {world} {index}\n")
        template, search = (np.full((count, size, size, 3), index, np.uint8) for size in (4, 8))
        return PairBatch(template, search, np.full((count, 4), index, np.float32), np.ones(count, bool))

    def pair_content(self):
        return None


def whole(pairs: FixedPairs, numbers: range, groups: int = 2) -> dict[str, np.ndarray]:
    batches = list(pairs.batches(numbers, groups))
    return {name: np.concatenate([getattr(batch, name) for batch in batches]) for name in vars(batches[0])}


def log(tmp_path: Path) -> list[str]:
    path = tmp_path / "log"
    return path.read_text().splitlines() if path.exists() else []


def test_groups_of_search_and_of_judging_again_differ():
    assert (len(SEARCH), len(NEW)) == (3, 3) and not set(SEARCH) & set(NEW)


def test_generated_pairs_repeat_and_new_ones_are_others():
    search, others = SEARCH[:2], NEW[:2]
    first, again = (whole(FixedPairs(SYNTHETIC, NANO), search) for _ in range(2))
    assert first["searches"].shape == (2 * GROUP, 96, 96, 3) and all((first[name] == again[name]).all() for name in first)
    new = whole(FixedPairs(SYNTHETIC, NANO), others)
    crops = {crop.tobytes() for each in (first, new) for crop in each["searches"]}
    assert len(crops) == 4 * GROUP
    calibrating = {crop.tobytes() for draw in range(4) for crop in SYNTHETIC.pairs(NANO.settings, draw).searches}
    assert not crops & calibrating


def test_pairs_are_rendered_once_and_read_in_order(tmp_path):
    validation, numbers = Cheap(f"synthetic:{tmp_path / 'log'}", 4), groups_of(6 * GROUP)[0]
    first = whole(FixedPairs(validation, NANO, tmp_path / "pairs"), numbers, 4)
    assert [int(box[0]) for box in first["boxes"][::GROUP]] == [0, 1, 2, 3, 4, 5]
    assert len(log(tmp_path)) == 6 and len({line.split()[1] for line in log(tmp_path)}) == 4  # of four worlds
    again = whole(FixedPairs(validation, NANO, tmp_path / "pairs"), numbers, 1)
    assert all((first[name] == again[name]).all() and first[name].dtype == again[name].dtype for name in first)
    assert len(log(tmp_path)) == 6
    assert [path.suffix for path in (tmp_path / "pairs").iterdir()] == [".safetensors"]


@pytest.mark.parametrize("damage", ["cut", "emptied", "fewer"])
def test_a_damaged_file_is_made_again(tmp_path, damage):
    validation = Cheap(f"synthetic:{tmp_path / 'log'}", 4)
    whole(FixedPairs(validation, NANO, tmp_path / "pairs"), SEARCH)
    (path,) = (tmp_path / "pairs").iterdir()
    if damage == "fewer":
        whole(FixedPairs(validation, NANO, tmp_path / "pairs"), SEARCH[:2])
        (other,) = set((tmp_path / "pairs").iterdir()) - {path}
        other.replace(path)
    else:
        path.write_bytes(path.read_bytes()[:-100] if damage == "cut" else b"")
    rendered = len(log(tmp_path))
    assert len(whole(FixedPairs(validation, NANO, tmp_path / "pairs"), SEARCH)["boxes"]) == 3 * GROUP
    assert len(log(tmp_path)) == rendered + 3


def _read(folder: Path) -> None:
    whole(FixedPairs(Cheap(f"synthetic:{folder / 'log'}", 4), NANO, folder / "pairs"), SEARCH)


def test_workers_that_start_together_render_once(tmp_path):
    workers = [multiprocessing.get_context("spawn").Process(target=_read, args=(tmp_path,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0] and len(log(tmp_path)) == 3


def test_what_determines_pairs_names_the_file(tmp_path):
    for validation, family, numbers in (
        (Cheap(f"synthetic:{tmp_path / 'log'}", 4), NANO, SEARCH),
        (Cheap(f"synthetic:{tmp_path / 'log'}", 9), NANO, SEARCH),  # the frames of sequences say nothing about pairs
        (Cheap(f"synthetic:{tmp_path / 'log'}", 4), FAMILIES["elastic"], SEARCH),
        (Cheap(f"synthetic:{tmp_path / 'log'}", 4), NANO, NEW),
        (Cheap(f"synthetic:{tmp_path / 'log2'}", 4), NANO, SEARCH),
    ):
        whole(FixedPairs(validation, family, tmp_path / "pairs"), numbers)
    assert len(list((tmp_path / "pairs").iterdir())) == 4


def test_pairs_of_search_and_judging_again_come_from_different_sequences(tmp_path):
    for number in range(4):
        save_sequence(synthetic_sequence(number, 4), tmp_path / str(number))
    validation = Validation(f"folder:{tmp_path}", 4)
    search, new = validation._halves
    assert len(search) == len(new) == 2 and {each.name for each in (*search, *new)} == set("0123")
    assert whole(FixedPairs(validation, NANO), SEARCH)["searches"].shape == (3 * GROUP, 96, 96, 3)


def test_one_sequence_is_too_few(tmp_path):
    save_sequence(synthetic_sequence(0, 4), tmp_path / "film")
    with pytest.raises(ValueError, match="come from different sequences, folder:.* has 1; add a sequence, or optimise ao"):
        whole(FixedPairs(Validation(f"folder:{tmp_path}", 4), NANO), SEARCH)
