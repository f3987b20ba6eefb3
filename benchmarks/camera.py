"""Accuracy in real time, really timed and simulated: average overlap (AO) of both on the sequences given, and their difference.

The tracker is slowed until a frame takes --budgets times the time between two frames of a camera of --fps, by sleeping, so that a busy machine
disturbs little. A run in real time tells how long each frame took. Three simulations follow: from the mean of these times, as a predictor would
tell it; from the time of each frame, which repeats what the run saw; and from the time to which the tracker was slowed. AO without a camera
stands beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from supernet.deploy.loading import load_for_tracking
from tracking.benchmarks.one_pass import score
from tracking.camera.answers import LiveRun, motion_named
from tracking.camera.live import track_live
from tracking.camera.schedule import Camera
from tracking.camera.simulated import track_simulated
from tracking.images import cv2
from tracking.lockstep import track_lockstep
from tracking.sequence import Sequence, load_sequence
from tracking.trackers import Procedure

torch.set_num_threads(1)
cv2.setNumThreads(1)
SHIPPED = Path(__file__).parents[1] / "supernet" / "data" / "tracker.safetensors"


@dataclass(frozen=True)
class Slowed:
    """A tracker whose steps take a given time at least; the rest of it is slept."""

    tracker: Procedure
    seconds: float

    @property
    def settings(self) -> Any:
        return self.tracker.settings

    def start(self, images: list[np.ndarray], boxes: np.ndarray) -> Any:
        return self.tracker.start(images, boxes)

    def step(self, images: list[np.ndarray], state: Any) -> tuple[Any, np.ndarray, np.ndarray]:
        begun = time.perf_counter()
        found = self.tracker.step(images, state)
        time.sleep(max(0.0, self.seconds - (time.perf_counter() - begun)))
        return found

    def restart(self, images: list[np.ndarray], boxes: np.ndarray, state: Any, rows: np.ndarray) -> Any:
        return self.tracker.restart(images, boxes, state, rows)

    def select(self, state: Any, rows: np.ndarray) -> Any:
        return self.tracker.select(state, rows)


def compared(tracker: Procedure, video: Sequence, fps: float, budgets: float, motion: str) -> dict:
    """AO of one sequence without a camera, behind a real one and behind three simulated ones."""
    move = motion_named(motion)
    live = track_live(Slowed(tracker, budgets / fps), video, fps, move)
    template, frames = 1000 * float(live.seconds[0]), 1000 * live.seconds[1:]
    mean = float(frames.mean()) if len(frames) else 1000 * budgets / fps
    each = np.full(len(video), mean)
    each[live.shown[1:]] = frames
    cameras = {
        "simulated": Camera(fps, mean, template),
        "simulated_frame_by_frame": Camera(fps, tuple(map(float, each)), template),
        "simulated_as_slowed": Camera(fps, 1000 * budgets / fps, template),
    }
    runs = {name: track_simulated(tracker, [video], [camera], move)[0] for name, camera in cameras.items()}

    def ao(run: LiveRun) -> float:
        return score(run.boxes, video.boxes).ao

    found = {name: ao(run) for name, run in runs.items()}
    return {
        "sequence": video.name,
        "frames": len(video),
        "shown": len(live.shown),
        "ms": mean,
        "ao_without_camera": score(track_lockstep(tracker, [video])[0], video.boxes).ao,
        "ao_real": ao(live),
        **{f"ao_{name}": value for name, value in found.items()},
        "difference": found["simulated"] - ao(live),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sequences", type=Path, nargs="+", help="sequence folders")
    parser.add_argument("--model", default=str(SHIPPED), help="checkpoint or bundle; the shipped tracker if left out")
    parser.add_argument("--fps", type=float, default=30.0, help="frames a second of the camera")
    parser.add_argument("--budgets", type=float, default=2.0, help="time that a frame takes, as a multiple of that between two frames")
    parser.add_argument("--frames", type=int, default=150, help="most frames of a sequence")
    parser.add_argument("--motion", default="hold", help="what counts between answers: hold or constant-velocity")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()

    tracker, rows = load_for_tracking(given.model), []
    for folder in given.sequences:
        whole = load_sequence(folder)
        kept = slice(0, given.frames)
        video = replace(whole, frames=whole.frames[kept], boxes=whole.boxes[kept], visible=whole.visible[kept])
        rows.append(compared(tracker, video, given.fps, given.budgets, given.motion))
        if not given.json:
            print(
                "  ".join(f"{name} {value:.4f}" if isinstance(value, float) else f"{name} {value}" for name, value in rows[-1].items()),
                flush=True,
            )
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0] if name.startswith("ao")}
    answer = {
        "fps": given.fps,
        "budgets": given.budgets,
        "motion": given.motion,
        **means,
        "difference": means["ao_simulated"] - means["ao_real"],
        "largest_difference": max((row["difference"] for row in rows), key=abs),
    }
    print(json.dumps({**answer, "sequences": rows}, indent=1) if given.json else answer)


if __name__ == "__main__":
    main()
