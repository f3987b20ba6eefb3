"""Running a tracker over a data set, and scoring it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from supernet.deploy import load_for_tracking
from tracking.atomic import write_text
from tracking.benchmarks.one_pass import average, score
from tracking.datasets import DATASETS
from tracking.progress import progress
from tracking.runs import Run, finished, load_run, save_run
from tracking.sequence import Sequence
from tracking.tracker import Tracker, follow


def evaluate(model: str, *, dataset: str, root: Path, out: Path, resume: bool = False, device: str = "cpu") -> dict:
    """Run a tracker over every sequence of a data set (one-pass evaluation) and score it.

    Args:
        model: Checkpoint of a tracker, or a bundle folder.
        dataset: folder (sequence folders with img/ and groundtruth.txt) or otb.
        root: Folder of the data set.
        out: Results folder: NAME.txt with the boxes, times and scores of each sequence, and scores.json.
        resume: Go on with an interrupted evaluation; sequences whose boxes are in `out` are not tracked again.
        device: Torch device of a checkpoint: cpu, cuda or cuda:N.
    """
    if dataset not in DATASETS:
        raise ValueError(f"dataset must be one of {', '.join(DATASETS)}, got {dataset!r}")
    sequences = DATASETS[dataset](root)
    tracker = load_for_tracking(model, device=device)
    settings = {"model": model, "dataset": dataset, "root": str(root)}
    kept = out / "settings.json"
    if out.exists() and any(out.iterdir()):
        if not resume:
            raise FileExistsError(f"a results folder must be new or empty, {out} holds files; add --resume or choose another --out")
        if not kept.is_file() or json.loads(kept.read_text(encoding="utf-8")) != settings:
            raise ValueError(f"a resumed evaluation must keep its model and data set, {kept} says otherwise; choose another --out")
    write_text(kept, json.dumps(settings, indent=1) + "\n")
    return run_all(tracker, sequences, out)


def run_all(tracker: Tracker, sequences: list[Sequence], out: Path) -> dict:
    """Track every sequence whose boxes are not in the results folder yet, and score all.

    Args:
        tracker: Any tracker.
        sequences: What to track in.
        out: Results folder; also receives scores.json.

    Returns:
        What scores.json holds: mean scores, AO of a box that never moves, and the scores of each sequence.
    """
    done = set(finished(out))
    with progress("evaluating", len(sequences)) as report:
        for i, sequence in enumerate(sequences, 1):
            if sequence.name not in done:
                images = (sequence.image(t) for t in range(len(sequence)))
                steps = [(result, seconds) for _, result, seconds in follow(tracker, images, sequence.boxes[0])]
                boxes, scores = np.array([result.box for result, _ in steps]), np.array([result.score for result, _ in steps])
                save_run(Run(sequence.name, boxes, scores, np.array([seconds for _, seconds in steps])), out)
            report(i, sequence.name)
    runs = [load_run(out, sequence.name) for sequence in sequences]
    each = [score(run.boxes, sequence.boxes) for run, sequence in zip(runs, sequences, strict=True)]
    still = [score(np.repeat(sequence.boxes[:1], len(sequence), axis=0), sequence.boxes) for sequence in sequences]
    answer = {
        **asdict(average(each)),
        "static_ao": average(still).ao,
        "ms_per_frame": 1000 * float(np.mean(np.concatenate([run.seconds[1:] if len(run.seconds) > 1 else run.seconds for run in runs]))),
        "sequences": [
            {"name": sequence.name, "frames": len(sequence), "static_ao": static.ao, **asdict(one)}
            for sequence, one, static in zip(sequences, each, still, strict=True)
        ],
    }
    write_text(out / "scores.json", json.dumps(answer, indent=1) + "\n")
    return answer
