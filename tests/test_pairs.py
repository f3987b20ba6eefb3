import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.generated.synthetic import SyntheticPairs, synthetic_dataset
from tracking.pairs import SequencePairs, search_window, template_window
from tracking.sequence import Sequence

side = st.floats(4, 200)


def square_video(frames=6):
    """A white square of 20 px that moves by 7 px a frame, before black."""
    images, boxes = [], []
    for t in range(frames):
        image = np.zeros((120, 160, 3), np.uint8)
        image[50:70, 30 + 7 * t : 50 + 7 * t] = 255
        images.append(image)
        boxes.append([30 + 7 * t, 50, 20, 20])
    return Sequence("square", tuple(images), np.array(boxes, float), np.ones(frames, bool))


def test_template_window():
    window = template_window(np.array([30.0, 50, 20, 20]), 64)  # context makes a square of 40 px
    assert window.side == 40
    np.testing.assert_allclose(window.box(np.array([30, 50, 20, 20])), [16, 16, 48, 48])
    np.testing.assert_allclose(window.matrix() @ [20, 40, 1], [0, 0, 1])


def test_a_template_may_show_less_context():
    box = np.array([30.0, 50, 20, 20])  # a context of 40 px fills 64 px of a crop, so a template of 48 px shows 30
    window = template_window(box, 48, context_size=64)
    assert window.side == 30
    np.testing.assert_allclose(window.box(box), [8, 8, 40, 40])


def test_both_sources_of_pairs_cut_the_template_from_the_context():
    """A template of 32 px is the middle of one of 64 px, to which the same pair would lead; the search crop is the same."""
    for make in (
        lambda *sizes: SequencePairs([square_video()], *sizes[:2], 1, context_size=sizes[2]),
        lambda *s: SyntheticPairs(*s[:2], 1, s[2]),
    ):
        whole, part = make(64, 128, 64).batch(0, 8), make(32, 128, 64).batch(0, 8)
        assert (whole.searches == part.searches).all() and (whole.boxes == part.boxes).all()
        assert np.abs(whole.templates[:, 16:48, 16:48].astype(int) - part.templates).mean() < 6


@given(side, side, st.integers(0, 1000))
def test_target_stays_in_the_search_crop(width, height, seed):
    box = np.array([10, 20, width, height])
    window = search_window(np.random.default_rng(seed), box, 64, 128)
    left, top, right, bottom = window.box(box)
    assert 0 <= left < right <= 128 and 0 <= top < bottom <= 128


def test_shifts_fill_the_crop():
    box, rng = np.array([10.0, 20, 30, 30]), np.random.default_rng(0)
    centres = np.array([search_window(rng, box, 64, 128).box(box).reshape(2, 2).mean(axis=0) for _ in range(500)]) - 64
    assert np.abs(centres).max() > 38 and np.abs(centres.mean(axis=0)).max() < 4
    assert np.quantile(np.abs(centres), 0.5) > 15  # not crowded in the middle


def test_box_is_on_the_target():
    batch = SequencePairs([square_video()], 64, 128, seed=1).batch(0, 24)
    assert batch.templates.shape == (24, 64, 64, 3) and batch.searches.shape == (24, 128, 128, 3)
    assert batch.boxes.shape == (24, 4) and batch.boxes.dtype == np.float32
    found = []
    for image in batch.searches:
        light = image.astype(float).mean(axis=2)
        ys, xs = np.nonzero(light > (light.min() + light.max()) / 2)
        found.append([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
    np.testing.assert_allclose(found, batch.boxes, atol=1)
    assert np.abs((found - batch.boxes).mean(axis=0)).max() < 0.3  # whole pixels may miss by half of one, but to both sides


def test_same_index_same_batch():
    source = SequencePairs(synthetic_dataset(0, 1, frames=4), 32, 64, seed=1)
    one, again, other = source.batch(3, 2), source.batch(3, 2), source.batch(4, 2)
    np.testing.assert_array_equal(one.searches, again.searches)
    np.testing.assert_array_equal(one.boxes, again.boxes)
    assert not np.array_equal(one.searches, other.searches)


def test_gap():
    video = square_video(frames=40)
    shown = []
    frames = tuple(video.frames)
    spy = Sequence("spy", frames, video.boxes, video.visible)
    object.__setattr__(spy, "image", lambda t: shown.append(t) or frames[t])
    SequencePairs([spy], 32, 64, seed=0, max_gap=3).batch(0, 50)
    assert np.abs(np.diff(np.reshape(shown, (-1, 2)))).max() == 3


def test_refusals():
    with pytest.raises(ValueError, match="at least one"):
        SequencePairs([], 32, 64, seed=0)
    video = square_video()
    with pytest.raises(ValueError, match="square"):
        SequencePairs([Sequence("square", video.frames, video.boxes, np.zeros(6, bool))], 32, 64, seed=0)
