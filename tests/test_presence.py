"""Features of score maps, counted by hand; and the score that calibrated settings make of them."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.test_siamese import SETTINGS, Bright, Present, spot
from tracking.trackers.presence import FEATURES, evidence_of
from tracking.trackers.procedure import follow
from tracking.trackers.siamese import Siamese

UNKNOWN = np.array([np.nan])


def chequered(peak, low, high, cells=8):
    """A map in which half of the cells have one value and half another, but for a peak in the middle and what lies next to it."""
    rows, columns = np.indices((cells, cells))
    cls = np.where((rows + columns) % 2 == 0, low, high).astype(float)
    cls[3, 4] = peak
    return cls[None]


def test_features_of_a_map():
    """The example of the module: (3 - -2) / 1 = 5. The nine cells around the peak, here nearly as high, are left out."""
    cls = chequered(3, -1, -3)
    cls[0, 2:5, 3:6] = np.where(np.eye(9)[4].reshape(3, 3), 3, 2.9)
    found, usual = evidence_of(cls, None, np.array([4.0]))
    # of 64 cells 55 are left, 28 of -1 and 27 of -3
    mean = (28 * -1 + 27 * -3) / 55
    spread = math.sqrt((28 * (-1 - mean) ** 2 + 27 * (-3 - mean) ** 2) / 55)
    assert found[0] == pytest.approx([3, (3 - mean) / spread, 1, 0]) and found[0, 1] == pytest.approx(5, abs=0.03)
    assert usual[0] == 4  # a drop by a whole logit teaches nothing


def test_the_usual_maximum_is_learnt_while_the_target_is_there():
    usual, drops = UNKNOWN, []
    for peak in (2.0, 2.0, 3.0, 1.5, -4.0, -4.0, 2.0):
        found, usual = evidence_of(chequered(peak, -6, -8), None, usual)
        drops.append(found[0, 2])
    # 2 + .05 (3 - 2) = 2.05, less .05 x .55 = 2.0225, from which -4 is too far
    assert drops == pytest.approx([0, 0, -1, 0.55, 6.0225, 6.0225, 0.0225]) and usual[0] == pytest.approx(2.0225 - 0.05 * 0.0225)


def test_the_output_of_a_network_is_a_feature_and_what_is_absurd_is_bounded():
    found, _ = evidence_of(np.concatenate([chequered(1e6, 0, 0), chequered(0, 0, 0)]), np.array([-1e9, 2.5]), np.full(2, np.nan))
    assert found[:, FEATURES.index("output")].tolist() == [-50, 2.5] and np.isfinite(found).all()
    assert found[0, 0] == 50 and found[1, :3].tolist() == [0, 0, 0]


def test_a_map_of_one_cell_has_a_score():
    assert np.isfinite(evidence_of(np.ones((1, 1, 1)), None, UNKNOWN)[0]).all()


def test_weights_make_the_score():
    """The example of the module: .5 x 3 + .4 x 5 - 1 x 1 - 2 = .5."""
    settings = replace(SETTINGS, presence_intercept=-2.0, presence_maximum=0.5, presence_ratio=0.4, presence_drop=-1.0)
    assert settings.calibrated and not SETTINGS.calibrated
    assert settings.presence(np.array([[3.0, 5, 1, 9]])) == pytest.approx([1 / (1 + math.exp(-0.5))])


@pytest.mark.parametrize("wrong", [{"presence_drop": np.nan}, {"presence_intercept": np.inf}, {"lost_after": 0}, {"found_above": 1.1}])
def test_senseless_settings_are_refused(wrong):
    with pytest.raises(ValueError):
        replace(SETTINGS, **wrong)


@pytest.mark.parametrize("network", [Bright, Present])
def test_a_calibrated_score_changes_no_box(network):
    box, images = np.array([50.0, 40, 24, 24]), [spot((120, 160), *place) for place in ([(60, 50)], [(66, 54)], [])]
    weighed = replace(SETTINGS, aligned=True, presence_intercept=-1.0, presence_maximum=0.5, presence_output=1.0)
    before, after = (
        [r for _, r, _ in follow(Siamese(network(), each), images, box)] for each in (replace(SETTINGS, aligned=True), weighed)
    )
    assert [r.box.tolist() for r in before] == [r.box.tolist() for r in after]
    # Bright's maximum is always 10; Present adds a logit of 3, or of -4 for the last image: 4 + 3 and 4 - 4
    logits = [4, 4] if network is Bright else [7, 0]
    assert [r.score for r in after[1:]] == pytest.approx([1 / (1 + math.exp(-logit)) for logit in logits])


def test_targets_of_two_crop_sizes_keep_their_own_evidence():
    """As alone: the map of the small target's larger crop has 24 x 24 cells."""
    settings = replace(SETTINGS, aligned=True, small_target_size=192, presence_intercept=-1.0, presence_ratio=0.1, presence_output=1.0)
    boxes, siamese = np.array([[10.0, 10, 4, 4], [10, 10, 20, 20]]), Siamese(Present(), settings)
    images = [spot((50, 100)), spot((50, 100), (20, 20))]
    together, _, scores = siamese.step(images, siamese.start(images, boxes))
    for row in range(2):
        alone, _, score = siamese.step(images[row : row + 1], siamese.start(images[row : row + 1], boxes[row : row + 1]))
        assert score[0] == pytest.approx(scores[row]) and alone.evidence[0] == pytest.approx(together.evidence[row])
