import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct

from predictors.models.gaussian import Gaussian, Kernel


def data(n, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 4))
    return features, 3 + 2 * features[:, 0] + np.sin(2 * features[:, 1]) + 0.1 * rng.normal(size=n)


@pytest.mark.parity
@given(st.floats(0.01, 5), st.floats(0.01, 5), st.floats(0.2, 5), st.floats(0.01, 1))
def test_predictions_are_those_of_scikit_learn(linear, smooth, length, noise):
    (features, targets), (fresh, _) = data(30), data(10, 1)
    mean, deviation = Gaussian(Kernel(linear, smooth, length, noise), features, targets).predict(fresh)
    centre, scale = features.mean(0), 1 / features.std(0) / 2
    kernel = ConstantKernel(linear, "fixed") * DotProduct(0.0, "fixed") + ConstantKernel(smooth, "fixed") * RBF(length, "fixed")
    theirs = GaussianProcessRegressor(kernel, alpha=noise, optimizer=None, normalize_y=True).fit((features - centre) * scale, targets)
    expected, certain = theirs.predict((fresh - centre) * scale, return_std=True)
    assert mean == pytest.approx(expected, rel=1e-6)
    assert deviation == pytest.approx(np.sqrt(certain**2 + noise * targets.var()), rel=1e-6)


def test_a_smooth_function_is_learned_and_what_is_far_is_doubted():
    (features, targets), (fresh, truth) = data(200), data(100, 1)
    process = Gaussian.fit(features, targets, 0)
    mean, deviation = process.predict(fresh)
    assert np.abs(mean - truth).mean() < 0.25
    assert 0.75 <= np.mean(np.abs(mean - truth) < 1.645 * deviation) <= 0.97
    assert process.predict(np.full((1, 4), 20.0))[1] > 5 * deviation.max()


def test_more_rows_than_the_kernel_is_found_on(monkeypatch):
    monkeypatch.setattr("predictors.models.gaussian._MOST", 50)
    (features, targets), (fresh, truth) = data(300), data(100, 1)
    assert np.abs(Gaussian.fit(features, targets, 0).predict(fresh)[0] - truth).mean() < 0.25


@pytest.mark.parametrize("features, targets", [(np.zeros((3, 2)), np.ones(3)), (np.ones((1, 2)), np.array([2.0]))])
def test_nothing_to_learn_from_predicts_the_mean(features, targets):
    mean, deviation = Gaussian.fit(features, targets, 0).predict(np.full((2, 2), 9.0))
    assert mean == pytest.approx(targets[[0, 0]]) and np.isfinite(deviation).all()


def test_it_survives_json():
    process = Gaussian.fit(*data(20), 0)
    read = Gaussian.from_json(json.loads(json.dumps(process.to_json())), 4)
    fresh, _ = data(5, 1)
    for ours, theirs in zip(process.predict(fresh), read.predict(fresh), strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    "change, said",
    [
        ({"features": [[1, 2, 3]]}, "features"),
        ({"features": [[1, 2, 3, 4], [1]]}, "inhomogeneous"),
        ({"features": []}, "features"),
        ({"targets": [1.0]}, "targets"),
        ({"kernel": {"linear": -1, "smooth": 1, "length": 1, "noise": 1}}, "variances >= 0"),
        ({"kernel": {"linear": 1, "smooth": 1, "length": 1, "noise": 0}}, "noise > 0"),
        ({"kernel": {"linear": 1}}, "missing"),
    ],
)
def test_a_broken_record_is_refused(change, said):
    record = Gaussian.fit(*data(20), 0).to_json()
    with pytest.raises(ValueError, match=said):
        Gaussian.from_json({**record, **change}, 4)
