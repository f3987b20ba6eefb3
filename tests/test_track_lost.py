"""`track` says when the target is lost and found, and looks for it only where it should."""

from dataclasses import replace

import numpy as np
import pytest

from supernet.deploy.track import Absences, WhenLost, track
from tests.test_recovering import SEEN, film
from tests.test_siamese import Present
from tracking.files.annotations import read_boxes
from tracking.images import write_image
from tracking.trackers.procedure import TrackResult
from tracking.trackers.siamese import Siamese

CALIBRATED = replace(SEEN, presence_output=1.0)


@pytest.fixture
def tracked(tmp_path, monkeypatch):
    """Tracks a spot that is away from frame 5 to frame 9 and comes back elsewhere, with settings and what is to happen when it is lost."""
    (tmp_path / "film").mkdir()
    for number, image in enumerate(film(5, 5, (200, 60))[:32]):
        write_image(tmp_path / "film" / f"{number:03d}.png", image)

    def run(settings, **when_lost):
        monkeypatch.setattr("supernet.deploy.track.load_for_tracking", lambda *_: Siamese(Present(), settings))
        answer = track("model", str(tmp_path / "film"), box="48,38,24,24", out=tmp_path / "boxes.txt", when_lost=WhenLost(**when_lost))
        return answer["lost"], read_boxes(tmp_path / "boxes.txt")

    return run


def test_a_lost_target_is_found_and_both_are_said(tracked, capsys):
    ((first, last),), boxes = tracked(CALIBRATED)
    said = capsys.readouterr().err
    assert first == 7 and 10 <= last < 31 and f"frame 7: the target is lost\nframe {last + 1}: the target is found again at " in said
    assert f"after {last + 1 - 7} frames" in said and np.isfinite(boxes).all() and boxes[-1, 0] > 150
    _, again = tracked(CALIBRATED, blank_lost=True)
    assert (
        np.isnan(again[7 : last + 1]).all()
        and (np.delete(again, range(7, last + 1), axis=0) == np.delete(boxes, range(7, last + 1), axis=0)).all()
    )


def test_trackers_that_are_not_calibrated_keep_their_boxes(tracked):
    alone, boxes = tracked(CALIBRATED, recover="never")
    assert alone == [(7, 31)] and tracked(SEEN)[0] == alone and (tracked(SEEN)[1] == boxes).all()
    ((_, last),), found = tracked(SEEN, recover="always")
    assert last < 31 and not (found == boxes).all()


def test_spans_of_absence(capsys):
    absences = Absences()
    for lost in (0, 1, 1, 0, 0, 1, 0, 1):
        absences.add(TrackResult(np.array([1.0, 2, 3, 4]), 0.5, False, bool(lost)))
    assert absences.spans == [(1, 2), (5, 5), (7, 7)]
    assert capsys.readouterr().err.count("found again at 1,2,3,4") == 2
