import numpy as np

from tracking.generated.paths import poses, wander


def test_curves_stay_within_their_amplitudes_and_are_smooth():
    curves = wander(np.random.default_rng(0), np.arange(500), np.array([10.0, 1, 0]))
    assert curves.shape == (500, 3)
    assert (np.abs(curves).max(axis=0) <= [10, 1, 0]).all() and np.abs(curves[:, 0]).max() > 7
    assert np.abs(np.diff(curves[:, 0])).max() < 10 * 2 * np.pi / 35 * 1.3
    assert np.abs(np.diff(curves[:, 0], n=2)).max() < 1


def test_moments_need_not_be_even():
    whole, some = (wander(np.random.default_rng(0), times, np.ones(2)) for times in (np.arange(9), np.array([0, 8])))
    np.testing.assert_allclose(whole[[0, 8]], some)


def test_poses_stretch_turn_and_shift():
    pose = poses(np.array([[100, 50]]), np.array([np.pi / 2]), np.array([20]), np.array([8]))[0]
    np.testing.assert_allclose(pose @ [1, 0, 1], [100, 60, 1])  # the right side points down
    np.testing.assert_allclose(pose @ [0, 1, 1], [96, 50, 1])
