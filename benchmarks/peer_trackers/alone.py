"""Measures one tracker in a process of its own, and prints its figures as JSON; `benchmarks.peers` starts it.

    python -m benchmarks.peer_trackers.alone "NanoTrack V2" sequences --weights weights --frames 200

A sequence is tracked once with every frame timed, reading and decoding apart, which gives AO, success, precision and milliseconds; then for each
rate behind a real camera, and behind a simulated one whose tracker takes the median milliseconds of that sequence.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from benchmarks.peer_trackers import PEERS
from supernet.deploy.loading import load_for_tracking
from tracking.benchmarks.one_pass import can_score, score
from tracking.camera.live import track_live
from tracking.camera.schedule import Camera
from tracking.camera.simulated import track_simulated
from tracking.datasets import folder
from tracking.images import cv2
from tracking.sequence import Sequence as Clip
from tracking.trackers import Procedure
from tracking.trackers.procedure import follow

RATES = (30, 60)
"""Frames a second of the cameras."""


def clips(root: Path, frames: int | None) -> list[Clip]:
    """The sequences of a folder that can be scored, by name, cut to their first frames."""
    kept, found = slice(0, frames), sorted(folder.load(root).sequences, key=lambda each: each.name)
    cut = [replace(each, frames=each.frames[kept], boxes=each.boxes[kept], visible=each.visible[kept]) for each in found]
    return [each for each in cut if can_score(each.boxes)]


def of_sequence(tracker: Procedure, clip: Clip, rates: Sequence[float]) -> dict:
    """Scores of one sequence, and the milliseconds of its frames."""
    results = [(r.box, 1000 * seconds) for _, r, seconds in follow(tracker, (clip.image(t) for t in range(len(clip))), clip.boxes[0])]
    boxes, ms = (np.array(part) for part in zip(*results, strict=True))
    scores, median = score(boxes, clip.boxes), float(np.median(ms[1:]))
    found = {"ao": scores.ao, "success": scores.success, "precision": scores.precision}
    for rate in rates:
        (simulated,) = track_simulated(tracker, [clip], [Camera(rate, median, float(ms[0]))])
        found[f"ao_{rate}_simulated"] = score(simulated.boxes, clip.boxes).ao
        found[f"ao_{rate}"] = score(track_live(tracker, clip, rate).boxes, clip.boxes).ao
    return {**found, "ms": median, "ms_of_frames": [round(float(each), 2) for each in ms[1:]]}


def figures(tracker: Procedure, sequences: Sequence[Clip], rates: Sequence[float] = RATES) -> dict:
    """A row of the table: means over sequences, milliseconds over all frames but the first ones, and each sequence's figures."""
    each = {clip.name: of_sequence(tracker, clip, rates) for clip in sequences}
    ms = np.concatenate([one.pop("ms_of_frames") for one in each.values()])
    means = {name: float(np.mean([one[name] for one in each.values()])) for name in next(iter(each.values())) if name != "ms"}
    return {**means, "ms": float(np.median(ms)), "ms_p95": float(np.quantile(ms, 0.95)), "sequences": each}


def prove(tracker: Procedure, clip: Clip) -> None:
    """Track a few frames, which warms a tracker up and shows whether it runs at all."""
    for t, _ in enumerate(follow(tracker, (clip.image(t) for t in range(min(4, len(clip)))), clip.boxes[0])):
        assert t < 4


def alone(name: str, weights: Path, sequences: Sequence[Clip], rates: Sequence[float] = RATES) -> dict:
    """The figures of a peer, or of a bundle by its path; or `note` alone, which says why there are none."""
    peer = PEERS.get(name)
    try:
        tracker = peer.loaded(weights) if peer else load_for_tracking(name)
        prove(tracker, sequences[0])
    except Exception as err:  # networks that others made fail in ways of their own, and each runtime has exceptions for that
        return {"note": _reason(err)}
    return {**figures(tracker, sequences, rates), "note": peer.note if peer else None, "rss_mb": _peak_mb(), "load": os.getloadavg()[0]}


def _reason(err: Exception) -> str:
    said = " ".join(str(err).split())
    said = re.sub(r"^OpenCV\(\S+\) \S+ error: \(-?\d+:[^)]*\) ", "OpenCV: ", said)
    return said.replace("|", "/")[:160]


def _peak_mb() -> int | None:
    """Most memory that this process ever held, where the kernel tells it; that of a parent does not count."""
    status = Path("/proc/self/status")
    told = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.is_file() else None
    return round(int(told[1]) / 1024) if told else None


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tracker", help=f"a bundle folder, or {', '.join(PEERS)}")
    parser.add_argument("sequences", type=Path)
    parser.add_argument("--weights", type=Path, default=Path())
    parser.add_argument("--frames", type=int)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    print(json.dumps(alone(given.tracker, given.weights, clips(given.sequences, given.frames))))


if __name__ == "__main__":
    main()
