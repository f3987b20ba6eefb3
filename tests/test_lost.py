"""When a target is lost, and when it is found again: counted by hand."""

from dataclasses import dataclass

import numpy as np
import pytest

from tracking.trackers.lost import Watch


@dataclass(frozen=True)
class Said:
    lost_below: float = 0.3
    lost_after: int = 2
    found_above: float = 0.6


def lost(scores, said=None):
    """In which frames a target is lost."""
    watch, found = Watch.of(1), []
    for number, score in enumerate(scores):
        watch = watch.after(np.array([score]), said or Said())
        found += [number] if watch.lost[0] else []
    return found


@pytest.mark.parametrize(
    "scores, frames",
    [
        ((0.9, 0.2, 0.4, 0.2, 0.1, 0.5, 0.7, 0.9), [4, 5]),  # the example of the module
        ((0.45, 0.2, 0.4, 0.2, 0.1, 0.46, 0.2), [4]),  # .45 is usual
        ((0.9, 0.3, 0.3, 0.3), []),  # at the threshold nothing is doubtful
        ((0.2, 0.2, 0.6), [1]),  # at the threshold it is found
        ((0.2, 0.2, 0.59, 0.1, 0.1), [1, 2, 3, 4]),
        ((0.9, 0.1, 0.1, 0.7, 0.1, 0.1), [2, 5]),
    ],
)
def test_frames_in_which_a_target_is_lost(scores, frames):
    assert lost(scores) == frames


def test_found_is_never_below_lost():
    """A threshold of .1 for found, below that for lost, counts as .3."""
    assert lost((0.9, 0.1, 0.1, 0.2, 0.31), Said(found_above=0.1)) == [2, 3]


def test_the_usual_score_is_that_of_sure_boxes():
    watch = Watch.of(2)
    for scores in ((0.8, 0.4), (0.1, 0.8), (0.4, 0.1)):
        watch = watch.after(np.array(scores), Said())
    assert watch.usual == pytest.approx([0.8 - 0.05 * 0.4, 0.4 + 0.05 * 0.4])
    assert watch.certain(Said()) == pytest.approx([0.6, 0.42])


def test_a_new_beginning_forgets_one_target_alone():
    watch = Watch.of(2)
    for _ in range(2):
        watch = watch.after(np.array([0.1, 0.1]), Said())
    again = watch.anew(np.array([1]))
    assert again.lost.tolist() == [True, False] and again.doubts.tolist() == [2, 0] and watch.lost.all()
