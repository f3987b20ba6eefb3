import numpy as np
import pytest

from tracking.generated.outlines import sample_outline, sample_shape, superellipse


@pytest.mark.parametrize("seed", range(20))
def test_shapes_fill_the_square(seed):
    points = sample_shape(np.random.default_rng(seed))
    np.testing.assert_allclose([points.min(axis=0), points.max(axis=0)], [[-1, -1], [1, 1]], atol=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_outlines_stay_about_the_square(seed):
    points = np.concatenate([limb.points for limb in sample_outline(np.random.default_rng(seed))])
    assert np.abs(points).max() < 1.2 and (np.ptp(points, axis=0) > 1).all()


def test_superellipse():
    assert np.hypot(*superellipse(2).T) == pytest.approx(1)
    corner = superellipse(20)[4]  # 45 degrees
    assert corner.min() > 0.95
