"""Does a tracker notice that its target is lost, and does it find the target again?

    python -m benchmarks.lost_and_found supernet/data/tracker.safetensors mobile.safetensors --data synthetic:runs/material

A tracker whose score is not calibrated yet is calibrated first, as `chiptrack tune --trials 1` does. On generated clips that no training, tuning or
search uses, the target is away for a sixth to a third of the frames: it leaves the frame, is covered, is gone, or a look-alike crosses its place. A
case is an absence of a target whose box lay on it in the last frame before. It is found again if, within 30 frames after it is back, the tracker does
not call it lost and its box overlaps the target: at all (as in VOT's long-term challenges), or by more than half. Cases of targets that were lost
before their absence are counted apart. A false alarm is a target without an absence that is called lost though the box lies on it.

Each tracker has two rows: alone, and within `tracking.trackers.recovering`. The areas under ROC curves are those of its score: does it tell whether
the target is there; whether the box lies on a target that is there; and the first on real sequences into which frames of another real sequence are
cut, a third of the way, for 30 frames, since real sequences at hand have no absences of their own.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from benchmarks.overlap import CLIPS_SEED, real_sequences
from benchmarks.record import RESULTS, Record, table
from supernet.checkpoints import TrackerCheckpoint, load_tracker
from supernet.deploy.tune import TuningOptions, batched_tracker, with_presence
from supernet.training.batches import material_folder
from tracking.benchmarks.restarts import LOST_BELOW
from tracking.boxes import iou
from tracking.generated.negatives import ABSENCES
from tracking.generated.synthetic import synthetic_sequence
from tracking.images import cv2
from tracking.sequence import Sequence as Clip
from tracking.trackers import Procedure
from tracking.trackers.lost import Watch
from tracking.trackers.recovering import Recovering
from tracking.trackers.siamese import Siamese, SiameseSettings

HEAD = {
    "model": "tracker",
    "how": "procedure",
    "cases": "cases",
    "again": "found again, overlap > 0",
    "again_half": "overlap > .5",
    "after": "frames until then, median",
    "told": "called lost while away",
    "others": "lost before",
    "others_again": "of these found, > 0",
    "alarms": "clips with a false alarm",
    "alarm_frames": "frames",
    "auc": "AUC, target there",
    "auc_on": "AUC, box on it",
    "auc_real": "AUC, real with cuts",
}
WITHIN = 30
"""Frames after the target is back in which it is to be found."""
_TOGETHER = 8
_CUT = 30
_MOST_REAL = 150
"""Frames of a real sequence that are used."""


@dataclass(frozen=True)
class Followed:
    """What a tracker did in a clip of T frames; nothing is known of the first."""

    overlap: np.ndarray
    """(T,) overlap of the box with the true one, 0 where the target is away."""
    scores: np.ndarray
    """(T,) scores of the boxes."""
    lost: np.ndarray
    """(T,) whether the target is called lost."""


@dataclass(frozen=True)
class Case:
    """An absence, and what became of it."""

    tracked: bool
    """Whether the box lay on the target before."""
    told: bool
    """Whether the target was called lost while it was away."""
    again: int | None
    """Frames from its return until the box overlapped it, or None if that took more than `WITHIN`."""
    again_half: int | None
    """The same for an overlap of more than a half."""


def absences(visible: np.ndarray) -> list[tuple[int, int]]:
    """For each time in which the target is away and then back, the first frame without it and the first frame with it again."""
    steps = np.diff(visible.astype(int), prepend=1)
    gone, back = np.flatnonzero(steps < 0), np.flatnonzero(steps > 0)
    return list(zip(gone.tolist(), back.tolist(), strict=False))


def cases(followed: Followed, visible: np.ndarray) -> list[Case]:
    """The absences of a clip."""
    found = []
    for gone, back in absences(visible):
        window = slice(back, back + WITHIN)
        seen = ~followed.lost[window] & visible[window]
        again, half = (np.flatnonzero(seen & (followed.overlap[window] > least)) for least in (0, 0.5))
        tracked = bool(followed.overlap[gone - 1] > LOST_BELOW)
        told = bool(followed.lost[gone:back].any())
        found.append(Case(tracked, told, *(int(each[0]) if len(each) else None for each in (again, half))))
    return found


def follow_all(tracker: Procedure, clips: Sequence[Clip], together: int = _TOGETHER) -> list[Followed]:
    """Track clips, those of equal length as batches of up to `together`."""
    done = []
    for first in range(0, len(clips), together):
        group = clips[first : first + together]
        state = tracker.start([clip.image(0) for clip in group], np.stack([clip.boxes[0] for clip in group]))
        watch, rows = Watch.of(len(group)), [(np.ones(len(group)), np.ones(len(group)), np.zeros(len(group), bool))]
        for t in range(1, len(group[0])):
            state, boxes, scores = tracker.step([clip.image(t) for clip in group], state)
            watch = watch.after(scores, tracker.settings)
            rows.append((np.nan_to_num(iou(boxes, np.stack([clip.boxes[t] for clip in group]))), scores, watch.lost))
        done += [Followed(*(np.array([row[part][b] for row in rows]) for part in range(3))) for b in range(len(group))]
    return done


def with_a_cut(clip: Clip, other: Clip) -> Clip:
    """A real sequence into which frames of another one are cut, fitted to its size."""
    count = min(len(clip), _MOST_REAL)
    at = count // 3
    first = clip.image(0)
    strange = [cv2.resize(other.image(t % len(other)), (first.shape[1], first.shape[0])) for t in range(_CUT)]
    frames = (*clip.frames[:at], *strange, *clip.frames[at:count])
    boxes = np.concatenate([clip.boxes[:at], np.full((_CUT, 4), np.nan), clip.boxes[at:count]])
    return Clip(f"{clip.name}-{other.name}", frames, boxes, np.asarray(np.isfinite(boxes).all(axis=1)))


def areas(followed: Sequence[Followed], clips: Sequence[Clip]) -> tuple[float, float]:
    """ROC AUC of the scores over all frames but the first: is the target there; does the box lie on it?"""
    scores, visible, overlap = (
        np.concatenate([part[1:] for part in parts])
        for parts in ([f.scores for f in followed], [c.visible for c in clips], [f.overlap for f in followed])
    )
    return float(roc_auc_score(visible, scores)), float(roc_auc_score(visible & (overlap > LOST_BELOW), scores))


def figures(tracker: Procedure, away: Sequence[Clip], there: Sequence[Clip], real: Sequence[Clip]) -> dict[str, object]:
    """A row of the table."""
    gone, stayed = follow_all(tracker, away), follow_all(tracker, there)
    each = [case for followed, clip in zip(gone, away, strict=True) for case in cases(followed, clip.visible)]
    kept, others = [case for case in each if case.tracked], [case for case in each if not case.tracked]
    alarms = np.array([(followed.lost & (followed.overlap > LOST_BELOW)).mean() for followed in stayed])
    auc, auc_on = areas(gone, away)
    real_auc = areas(follow_all(tracker, real, together=1), real)[0] if real else None
    after = [case.again for case in kept if case.again is not None]
    return {
        "cases": len(kept),
        "again": _share([case.again is not None for case in kept]),
        "again_half": _share([case.again_half is not None for case in kept]),
        "after": float(np.median(after)) if after else None,
        "told": _share([case.told for case in kept]),
        "others": len(others),
        "others_again": _share([case.again is not None for case in others]),
        "alarms": _share(list(alarms > 0)),
        "alarm_frames": float(alarms.mean()),
        "auc": auc,
        "auc_on": auc_on,
        "auc_real": real_auc,
    }


def _share(values: Sequence[bool]) -> float | None:
    return float(np.mean(values)) if values else None


def measure(path: Path, away: Sequence[Clip], there: Sequence[Clip], real: Sequence[Clip], record: Record, data: str) -> list[dict]:
    """The two rows of a tracker."""
    checkpoint = load_tracker(path)
    checkpoint = replace(checkpoint, settings=_calibrated(checkpoint, data))
    inner: Siamese = batched_tracker(checkpoint)(checkpoint.settings)  # pyright: ignore[reportAssignmentType]
    procedures = {"alone": inner, "recovering": Recovering(inner)}
    return [
        record.row(f"{path.name}:{how}", lambda how=how, made=made: {"model": path.stem, "how": how, **figures(made, away, there, real)})
        for how, made in procedures.items()
    ]


def _calibrated(checkpoint: TrackerCheckpoint, data: str) -> SiameseSettings:
    settings = checkpoint.settings
    if not isinstance(settings, SiameseSettings):
        raise ValueError(f"a presence score is that of a siamese tracker, {checkpoint.tracker} is none; give another checkpoint")
    scored = settings if settings.calibrated else with_presence(batched_tracker(checkpoint), settings, TuningOptions(data))[0]
    assert isinstance(scored, SiameseSettings)
    return scored


def show(rows: Mapping[str, Mapping]) -> str:
    """The table of docs/results.md, from the rows of a record."""
    return table(HEAD, list(rows.values()))


def main() -> None:
    """Measure the trackers that the command line names, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trackers", nargs="+", type=Path, help="checkpoints")
    parser.add_argument("--clips", type=int, default=32, help="clips with absences; half as many have none")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--real", type=Path, help="folder of real sequences; by default that of the shared ones, if it is there")
    parser.add_argument("--out", type=Path, default=RESULTS / "lost_and_found.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    record = Record(given.out, "lost_and_found.py", {name: getattr(given, name) for name in ("clips", "frames", "data")})
    material, kinds = material_folder(given.data), list(ABSENCES)
    away = [synthetic_sequence(CLIPS_SEED + i, given.frames, absences=kinds[i % len(kinds)], material=material) for i in range(given.clips)]
    there = [synthetic_sequence(CLIPS_SEED + given.clips + i, given.frames, material=material) for i in range(given.clips // 2)]
    found = real_sequences(given.real)
    real = [with_a_cut(clip, other) for clip, other in zip(found, found[1:] + found[:1], strict=True)] if len(found) > 1 else []
    for path in given.trackers:
        measure(path, away, there, real, record, given.data)
    print(show(record.rows))


if __name__ == "__main__":
    main()
