"""The presence score is fitted to what tells targets from their absence, whatever else changes, and travels with the weights."""

from dataclasses import replace

import numpy as np
import pytest

from supernet.checkpoints import load_tracker, save_tracker
from supernet.deploy.bundle import load_bundle
from supernet.deploy.export import write_bundle
from supernet.deploy.loading import load_for_tracking
from tests.test_checkpoints import made_tracker
from tests.test_siamese import SETTINGS, Bright, Present, spot
from tracking.sequence import Sequence
from tracking.trackers.calibration import area, calibrated, fitted, watch
from tracking.trackers.siamese import Siamese, sigmoid

OLD = replace(SETTINGS, aligned=True, lr=0.0)


def clip(*seen):
    """A spot that stays at (60, 50), and is away where `seen` is not 1."""
    images = tuple(spot((120, 160), *([(60, 50)] if here else [])) for here in seen)
    boxes = np.array([[48.0, 38, 24, 24] if here else [np.nan] * 4 for here in seen])
    return Sequence("clip", images, boxes, np.array(seen, bool))


def test_weights_are_those_of_the_odds(rng):
    """Of features drawn at random, the drop and the output decide with known weights; the maximum tells nothing and the ratio never changes."""
    evidence = np.column_stack([rng.normal(5, 2, 20_000), np.full(20_000, 7.0), rng.normal(1, 1, 20_000), rng.normal(0, 2, 20_000)])
    logits = -1.5 * (evidence[:, 2] - 1) + 0.8 * evidence[:, 3]
    on_target = rng.random(20_000) < sigmoid(logits)
    intercept, weights = fitted(evidence, on_target)
    assert weights[1] == 0 and abs(weights[0]) < 0.05 and weights[2:] == pytest.approx([-1.5, 0.8], abs=0.1)
    assert intercept + evidence @ weights == pytest.approx(logits, abs=0.5)


def test_both_kinds_of_frames_weigh_alike(rng):
    """Where nine of ten targets are there, a feature that tells nothing still gives even odds."""
    intercept, weights = fitted(rng.normal(0, 1, (5000, 4)), rng.random(5000) < 0.9)
    assert abs(intercept) < 0.1 and np.abs(weights).max() < 0.2


def test_a_weight_of_the_wrong_sign_is_none(rng):
    """A ratio that is lower where the target is there says nothing by itself: it has no weight, and the others do without it."""
    on_target = rng.random(4000) < 0.5
    evidence = np.column_stack([rng.normal(on_target * 2, 1), rng.normal(on_target * -1, 1), np.zeros(4000), np.zeros(4000)])
    _, weights = fitted(evidence, on_target)
    assert weights[0] > 1 and (weights[1:] == 0).all()


def test_frames_are_watched():
    seen = watch(Siamese(Present(), OLD), [clip(1, 1, 1, 0), clip(1, 1, 1, 1)])
    assert seen.visible.tolist() == [True, True, True, True, False, True] == seen.on_target.tolist()
    assert seen.scores == pytest.approx(np.where(seen.visible, 0.95257, 0.01799), abs=1e-5) and area(seen) == 1
    assert area(watch(Siamese(Present(), OLD), [clip(1, 1)])) is None


def test_a_network_that_sees_absences_is_calibrated_to_them():
    """Bright sees a spot or nothing with the same certainty, Present says which."""
    clips = [clip(*[1] * 8, *[0] * 5)] * 3
    found = calibrated(lambda tried: Siamese(Present(), tried), OLD, clips)
    assert found.calibrated and found.presence_output > 0 == found.presence_maximum == found.presence_ratio
    scores = watch(Siamese(Present(), found), clips)
    assert area(scores) == 1 and scores.scores[scores.visible].min() > 0.9 and scores.scores[~scores.visible].max() < 0.1
    assert found.lost_below == found.found_above == 0.5  # both kinds are well apart
    blind = calibrated(lambda tried: Siamese(Bright(), tried), OLD, clips)
    assert not blind.presence_output and area(watch(Siamese(Bright(), blind), clips)) == 0.5


def test_a_box_elsewhere_is_not_on_its_target():
    """The network goes astray while there is nothing to be seen, and is still away in the next frame."""
    seen = watch(Siamese(Present(), OLD), [clip(1, 0, 0, 1)])
    assert seen.visible.tolist() == [False, False, True] and not seen.on_target.any()


def test_without_absences_nothing_changes():
    assert calibrated(lambda tried: Siamese(Present(), tried), OLD, [clip(1, 1, 1)]) == OLD


def test_a_calibration_travels_in_checkpoint_and_bundle(tmp_path):
    tracker = made_tracker()
    scored = replace(
        tracker.settings,
        presence_intercept=-1.25,
        presence_maximum=0.5,
        presence_ratio=0.25,
        presence_drop=-1.0,
        lost_below=0.2,
        lost_after=4,
        found_above=0.7,
    )
    tracker = replace(tracker, settings=scored)
    save_tracker(tmp_path / "t.safetensors", tracker)
    write_bundle(load_tracker(tmp_path / "t.safetensors"), tmp_path / "bundle")
    assert load_tracker(tmp_path / "t.safetensors").settings == load_bundle(tmp_path / "bundle")[0].settings == scored
    images, box = [spot((120, 160), (60, 50)), spot((120, 160))], np.array([[48.0, 38, 24, 24]])
    scores = []
    for model in ("t.safetensors", "bundle"):
        procedure = load_for_tracking(str(tmp_path / model))
        state, _, score = procedure.step(images[1:], procedure.start(images[:1], box))
        assert score == pytest.approx(scored.presence(state.evidence))
        scores.append(score[0])
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)
