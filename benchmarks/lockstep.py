"""Sequences a second: the eager loop, one sequence after the other, against lockstep in two processes.

Sixteen generated sequences of unequal length (20 to 80 frames) are written as JPEG files and tracked with the tracker that ships. The eager
loop is what `evaluate` does without flags: torch runs the network on one crop after the other. Lockstep is `--batch B --processes N`: in each
of the processes, which have one thread, ONNX Runtime runs it for several targets at once. What starts once (interpreter, graphs) is told apart
from what is paid for each sequence, and the parts of a frame (reading, crops and arithmetic, network) say what limits the speed. Boxes are compared
with those of ONNX Runtime one by one: torch's own differ in the last digits, and so by pixels in the end.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from supernet.deploy.evaluating.processes import track_in_processes
from supernet.deploy.evaluating.work import Job, track_jobs
from supernet.deploy.loading import load_for_tracking, loader
from tracking.files.runs import load_run
from tracking.generated.synthetic import synthetic_sequence
from tracking.images import cv2
from tracking.lockstep import longest_first
from tracking.sequence import Sequence, load_sequence, save_sequence

torch.set_num_threads(1)
cv2.setNumThreads(1)

TRACKER = Path(__file__).resolve().parents[1] / "supernet/data/tracker.safetensors"


class Timed:
    """A network that adds up the seconds spent in it."""

    def __init__(self, network):
        self.network, self.seconds = network, 0.0

    def run(self, graph, inputs):
        start = time.perf_counter()
        outputs = self.network.run(graph, inputs)
        self.seconds += time.perf_counter() - start
        return outputs


def films(folder: Path, count: int, shortest: int, longest: int) -> list[Sequence]:
    """Generated sequences of unequal length, as files; those that a folder holds are not made again."""
    lengths = np.linspace(shortest, longest, count).round().astype(int)
    for number, frames in enumerate(np.random.default_rng(0).permutation(lengths)):
        if not (folder / f"{number:02}").is_dir():
            save_sequence(synthetic_sequence(number, int(frames)), folder / f"{number:02}")
    return [load_sequence(folder / f"{number:02}") for number in range(count)]


def one_by_one(tracker: Any, sequences: list[Sequence], out: Path) -> dict[str, float]:
    """Seconds of the loop over one sequence after the other, and of its parts."""
    tracker.network = Timed(tracker.network)
    start = time.perf_counter()
    for _, error in track_jobs(tracker, [Job(sequence, out) for sequence in sequences], batch=1):
        assert not error, error
    seconds, network = time.perf_counter() - start, tracker.network.seconds
    runs = [load_run(out, sequence.name) for sequence in sequences]
    reading = sum(float(run.reading.sum()) for run in runs if run.reading is not None)
    frames = sum(map(len, sequences))
    parts = {"reading_ms": reading, "network_ms": network, "around_ms": sum(float(run.seconds.sum()) for run in runs) - network}
    tracker.network = tracker.network.network
    return {"seconds": seconds, **{name: 1000 * value / frames for name, value in parts.items()}}


def in_lockstep(model: str, sequences: list[Sequence], out: Path, batch: int, processes: int) -> dict[str, float]:
    """Seconds from the start of the processes, and from the first sequence that was finished on, as a rate for all."""
    jobs = [Job(sequences[number], out) for number in longest_first(sequences)]
    _, make = loader(model, batch=batch)
    start = time.perf_counter()
    for _, error in track_in_processes(make, jobs, batch, processes):
        assert not error, error
    whole = time.perf_counter() - start
    start = time.perf_counter()
    for _, error in track_in_processes(make, [Job(first(sequence), out / "first") for sequence in sequences[:processes]], batch, processes):
        assert not error, error
    return {"seconds": whole, "starting_s": time.perf_counter() - start}


def first(sequence: Sequence) -> Sequence:
    """A sequence's first frame alone."""
    return Sequence(sequence.name, sequence.frames[:1], sequence.boxes[:1], sequence.visible[:1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(TRACKER))
    parser.add_argument("--sequences", type=int, default=16)
    parser.add_argument("--frames", type=int, nargs=2, default=(20, 80), help="shortest and longest sequence")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--kept", type=Path, help="folder for the generated sequences, which take minutes to make")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with TemporaryDirectory() as scratch:
        sequences = films(given.kept or Path(scratch) / "films", given.sequences, *given.frames)
        out = {name: Path(scratch) / name for name in ("eager", "alone", "lockstep")}
        torch_loop, quick_loop = load_for_tracking(given.model), load_for_tracking(given.model, batch=2)
        before = one_by_one(torch_loop, sequences, out["eager"])
        together = in_lockstep(given.model, sequences, out["lockstep"], given.batch, given.processes)
        alone = one_by_one(quick_loop, sequences, out["alone"])
        after = one_by_one(torch_loop, sequences, out["eager"])
        apart = [np.abs(load_run(out["alone"], each.name).boxes - load_run(out["lockstep"], each.name).boxes).max() for each in sequences]
    eager = {name: (before[name] + after[name]) / 2 for name in before}
    tracking = together["seconds"] - together["starting_s"]
    answer = {
        "sequences": len(sequences),
        "frames": sum(map(len, sequences)),
        "eager": eager | {"per_second": len(sequences) / eager["seconds"]},
        "one_by_one_onnxruntime": alone | {"per_second": len(sequences) / alone["seconds"]},
        "lockstep": together | {"per_second": len(sequences) / tracking, "batch": given.batch, "processes": given.processes},
        "times_quicker": eager["seconds"] / tracking,
        "times_quicker_with_start": eager["seconds"] / together["seconds"],
        "furthest_apart_px": float(max(apart)),
    }
    if given.json:
        print(json.dumps(answer))
        return
    print(
        f"{answer['sequences']} sequences of {given.frames[0]} to {given.frames[1]} frames, {answer['frames']} in all; 1 thread a process"
    )
    print(
        f"one by one, eager torch: {answer['eager']['per_second']:.2f} sequences/s ({eager['seconds']:.1f} s; mean of a run before and after)"
    )
    print(
        f"  ms a frame: network {eager['network_ms']:.1f}, reading {eager['reading_ms']:.1f}, crops and arithmetic {eager['around_ms']:.1f}"
    )
    print(
        f"lockstep, {given.processes} processes x {given.batch} targets: {answer['lockstep']['per_second']:.2f} sequences/s "
        f"({tracking:.1f} s, and {together['starting_s']:.1f} s to start)"
    )
    print(
        f"{answer['times_quicker']:.1f} x the sequences/s (goal >= 3), {answer['times_quicker_with_start']:.1f} x with the start of the processes; "
        f"boxes at most {answer['furthest_apart_px']:.5f} px apart (goal <= 0.001)"
    )


if __name__ == "__main__":
    main()
