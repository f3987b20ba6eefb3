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
import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from benchmarks.tracking_speed import Timed
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

_COPIES = 10
"""How often each sequence is tracked in lockstep: a run must take much longer than its start, whose time varies."""
TRACKER = Path(__file__).resolve().parents[1] / "supernet/data/tracker.safetensors"


def films(folder: Path, count: int, shortest: int, longest: int) -> list[Sequence]:
    """Generated sequences of unequal length, as files; those that a folder holds are not made again."""
    lengths = np.linspace(shortest, longest, count).round().astype(int)
    for number, frames in enumerate(np.random.default_rng(0).permutation(lengths)):
        if not (folder / f"{number:02}").is_dir():
            save_sequence(synthetic_sequence(number, int(frames)), folder / f"{number:02}")
    return [load_sequence(folder / f"{number:02}") for number in range(count)]


def one_by_one(tracker: Any, sequences: list[Sequence], out: Path) -> dict[str, float]:
    """Seconds of the loop over one sequence after the other, and milliseconds of the parts of a frame."""
    tracker.network = Timed(tracker.network)
    start, cpu = time.perf_counter(), time.process_time()
    for _, error in track_jobs(tracker, [Job(sequence, out) for sequence in sequences], batch=1):
        assert not error, error
    seconds, cpu, network = time.perf_counter() - start, time.process_time() - cpu, tracker.network.seconds
    tracker.network = tracker.network.network
    runs = [load_run(out, sequence.name) for sequence in sequences]
    reading = sum(float(run.reading.sum()) for run in runs if run.reading is not None)
    frames = sum(map(len, sequences))
    parts = {"reading_ms": reading, "network_ms": network, "around_ms": sum(float(run.seconds.sum()) for run in runs) - network}
    return {"seconds": seconds, "cpu_s": cpu, **{name: 1000 * value / frames for name, value in parts.items()}}


def in_lockstep(model: str, sequences: list[Sequence], out: Path, batch: int, processes: int) -> dict[str, float]:
    """Seconds of all sequences: of a run over `_COPIES` copies, less those of a run over single frames, which are the start of the processes."""
    _, make = loader(model, batch=batch)

    def spent(jobs: list[Job]) -> tuple[float, float]:
        start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        for _, error in track_in_processes(make, jobs, batch, processes):
            assert not error, error
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.perf_counter() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    starting, starting_cpu = spent([Job(first(sequence), out / "first") for sequence in sequences[:processes]])
    folders = [out, *(out / str(copy) for copy in range(1, _COPIES))]
    whole, whole_cpu = spent([Job(sequences[number], folder) for number in longest_first(sequences) for folder in folders])
    return {"seconds": (whole - starting) / _COPIES, "cpu_s": (whole_cpu - starting_cpu) / _COPIES, "starting_s": starting}


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
    rows = {"eager torch": eager, "ONNX Runtime": alone, "lockstep": together}
    answer = {
        "sequences": len(sequences),
        "frames": sum(map(len, sequences)),
        "batch": given.batch,
        "processes": given.processes,
        **{name: row | {"per_second": len(sequences) / row["seconds"]} for name, row in rows.items()},
        "times_quicker": eager["seconds"] / together["seconds"],
        "times_quicker_with_start": eager["seconds"] / (together["seconds"] + together["starting_s"]),
        "times_less_cpu": eager["cpu_s"] / together["cpu_s"],
        "furthest_apart_px": float(max(apart)),
    }
    if given.json:
        print(json.dumps(answer))
        return
    print(
        f"{answer['sequences']} sequences of {given.frames[0]} to {given.frames[1]} frames, {answer['frames']} in all; 1 thread a process"
    )
    for name, row in rows.items():
        print(f"{name}: {len(sequences) / row['seconds']:.2f} sequences/s ({row['seconds']:.1f} s; {row['cpu_s']:.1f} s of processor time)")
        if "network_ms" in row:
            parts = f"network {row['network_ms']:.1f}, reading {row['reading_ms']:.1f}, crops and arithmetic {row['around_ms']:.1f}"
            print(f"  one by one; ms a frame: {parts}")
    print(f"  {given.processes} processes x {given.batch} targets, which start in {together['starting_s']:.1f} s more")
    print(
        f"lockstep has {answer['times_quicker']:.1f} x the sequences/s of eager torch (goal >= 3), "
        f"{answer['times_quicker_with_start']:.1f} x with the start, for 1/{answer['times_less_cpu']:.1f} of its processor time; "
        f"boxes at most {answer['furthest_apart_px']:.5f} px from ONNX Runtime's one by one (goal <= 0.001)"
    )


if __name__ == "__main__":
    main()
