import numpy as np
import pytest

from tracking.generated import textures
from tracking.generated.textures import photographs, plain_pattern, sample_photograph, sample_rgb, sample_texture


@pytest.mark.parametrize("draw", [sample_texture, sample_photograph, plain_pattern])
def test_size_and_seed(draw):
    one, again, other = (draw(np.random.default_rng(seed), 64) for seed in (1, 1, 2))
    assert one.shape == (64, 64, 3) and one.dtype == np.uint8
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("kind", ["_stripes", "_checks", "_noise", "_blobs", "_gradient"])
def test_fields_stay_in_range(kind):
    for seed in range(5):
        field = getattr(textures, kind)(np.random.default_rng(seed), 64)
        assert field.shape == (64, 64) and field.min() >= 0 and field.max() <= 1 and field.std() > 0.01


def test_photographs():
    assert [image.shape for image in photographs()] == [(427, 640, 3)] * 2


def test_colours_have_their_brightness():
    brightest = [sample_rgb(np.random.default_rng(seed), 0.4, 0.6).max() for seed in range(20)]
    assert min(brightest) >= 0.4 * 255 and max(brightest) <= 0.6 * 255
