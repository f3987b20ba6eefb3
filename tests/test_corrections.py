from dataclasses import dataclass

import numpy as np
import pytest

from predictors.models.corrections import CORRECTIONS, Blend, Trees


@dataclass(frozen=True)
class Says:
    """A correction that always predicts the same."""

    expected: float
    deviation: float

    def predict(self, features):
        return np.full(len(features), self.expected), np.full(len(features), self.deviation)


def test_nothing_corrects_by_nothing():
    nothing = CORRECTIONS["line"].fit(np.ones((3, 2)), np.ones(3), 0)
    assert [part.tolist() for part in nothing.predict(np.ones((3, 2)))] == [[0, 0, 0], [1, 1, 1]]


def test_a_blend_is_the_mean_and_as_unsure_as_the_process():
    expected, deviation = Blend(Says(2.0, 0.5), Says(5.0, 9.0)).predict(np.zeros((3, 2)))  # pyright: ignore[reportArgumentType]
    assert expected.tolist() == [3.5] * 3 and deviation.tolist() == [0.5] * 3


def test_trees_start_from_no_correction(rng):
    """Where the line leaves nothing unexplained, the trees add nothing."""
    trees = Trees.fit(rng.normal(size=(30, 2)), np.zeros(30), 0)
    expected, deviation = trees.predict(rng.normal(size=(5, 2)))
    assert expected.tolist() == [0] * 5 and deviation.tolist() == [1] * 5


@pytest.mark.parametrize("name", ["trees", "gaussian", "blend"])
def test_a_step_is_learned_and_survives_a_file(rng, name):
    features = rng.uniform(-1, 1, (80, 2))
    targets = np.where(features[:, 0] > 0, 1.0, -1.0)
    model = CORRECTIONS[name].fit(features, targets, 3)
    asked = np.array([[0.6, 0.0], [-0.6, 0.0]])
    expected, deviation = model.predict(asked)
    assert expected == pytest.approx([1, -1], abs=0.3) and (deviation > 0).all()
    again = CORRECTIONS[name].from_json(model.to_json(), 2)
    assert [part.tolist() for part in again.predict(asked)] == [expected.tolist(), deviation.tolist()]
    assert model.refit(features, -targets).predict(asked)[0] == pytest.approx([-1, 1], abs=0.3)
    with pytest.raises(ValueError, match="features"):
        CORRECTIONS[name].from_json(model.to_json(), 3)
