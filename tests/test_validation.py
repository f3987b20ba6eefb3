from dataclasses import replace

import numpy as np
import pytest

from search.judging.validation import Validation
from supernet.families import FAMILIES
from tracking.generated.synthetic import synthetic_sequence
from tracking.sequence import save_sequence


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Seven films: five of nine frames, one of four, and one whose target is not to be seen at first."""
    root = tmp_path_factory.mktemp("films")
    for seed in range(7):
        film = synthetic_sequence(seed, 4 if seed == 5 else 9)
        boxes = film.boxes.copy()
        boxes[0] = np.nan if seed == 6 else boxes[0]
        save_sequence(replace(film, name=f"film-{seed}", boxes=boxes), root / f"film-{seed}")
    return root


def test_generated_sequences_of_search_and_rescoring_are_disjoint():
    search, rescoring = Validation("synthetic", 5).chosen(16, 48)
    assert (len(search), len(rescoring)) == (16, 48) and not set(search) & set(rescoring)
    sequence = Validation("synthetic", 5).sequence(search[0])
    assert len(sequence) == 5


def test_clips_of_a_data_set(root):
    validation = Validation(f"folder:{root}", 6)
    search, rescoring = validation.chosen(2, 3)
    clips = [validation.sequence(number) for number in (*search, *rescoring)]
    assert {clip.name for clip in clips} == {f"film-{seed}" for seed in range(5)}
    assert all(len(clip) == 6 and clip.boxes.shape == (6, 4) for clip in clips)
    assert isinstance(clips[0].frames[0], np.ndarray)


def test_too_few_sequences_are_refused(root):
    with pytest.raises(ValueError, match="got 3 and 3 of 5; lower --sequences"):
        Validation(f"folder:{root}", 6).chosen(3, 3)
    with pytest.raises(ValueError, match="data must be synthetic, synthetic:FOLDER or DATASET:ROOT"):
        Validation("got10k", 6).chosen(2, 2)


@pytest.mark.parametrize("data", ["synthetic", "folder"])
def test_every_draw_of_calibration_pairs_differs_and_repeats(data, tmp_path):
    if data == "folder":
        save_sequence(synthetic_sequence(0, 4), tmp_path / "film")
        data = f"folder:{tmp_path}"
    validation = Validation(data, 3)
    first, other, again = (validation.pairs(FAMILIES["nano"].settings, draw) for draw in (0, 1, 0))
    assert (first.searches == again.searches).all() and (first.searches != other.searches).any()
