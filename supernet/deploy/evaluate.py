"""The verb `evaluate`: runs a tracker over a data set and scores it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np

from supernet.deploy.loading import load_for_tracking
from tracking.benchmarks.one_pass import average, score
from tracking.datasets import DATASETS
from tracking.files.atomic import sole_writer, write_text
from tracking.files.progress import progress
from tracking.files.records import read_record
from tracking.files.runs import Run, finished, load_run, save_run
from tracking.sequence import Sequence
from tracking.trackers import Procedure
from tracking.trackers.procedure import follow


def evaluate(model: str, *, dataset: str, root: Path, out: Path, resume: bool = False, device: str = "cpu") -> dict:
    """Run a tracker over every sequence of a data set (one-pass evaluation) and score it.

    Args:
        model: Checkpoint of a tracker, or a bundle folder.
        dataset: Kind of data set: folder (sequence folders with img/ and groundtruth.txt) or otb.
        root: Folder of the data set.
        out: Results folder to write: for each sequence NAME.txt (boxes), NAME_time.txt and NAME_score.txt; and scores.json.
        resume: Go on with an interrupted evaluation; sequences whose boxes are in `out` are not tracked again.
        device: Torch device that runs a checkpoint: cpu, cuda or cuda:N.
    """
    if dataset not in DATASETS:
        raise ValueError(f"dataset must be one of {', '.join(DATASETS)}, got {dataset!r}")
    sequences = DATASETS[dataset](root)
    tracker = load_for_tracking(model, device)
    weights = Path(model) / "tracker.json" if Path(model).is_dir() else Path(model)
    content = hashlib.sha256(weights.read_bytes()).hexdigest()
    settings = {"model": model, "sha256": content, "dataset": dataset, "root": str(root.resolve())}
    with sole_writer(out):
        _claim(out, settings, resume)
        return run_all(tracker, sequences, out)


def run_all(tracker: Procedure, sequences: list[Sequence], out: Path) -> dict:
    """Track every sequence whose boxes are not in the results folder yet, and score all sequences.

    Args:
        tracker: The tracking procedure.
        sequences: Sequences to track, each with a true box in its first frame.
        out: Results folder, which also receives scores.json.

    Returns:
        What scores.json holds: mean scores, the mean AO of boxes that never move (`static_ao`), milliseconds per frame, and the scores of
        each sequence.

    Raises:
        ValueError: Sequences would share a file of results, or one has no usable box in its first frame.
    """
    _check_sequences(sequences)
    done = set(finished(out))
    with progress("evaluating", len(sequences)) as report:
        for i, sequence in enumerate(sequences, 1):
            if sequence.name not in done:
                images = (sequence.image(t) for t in range(len(sequence)))
                try:
                    steps = [(result, seconds) for _, result, seconds in follow(tracker, images, sequence.boxes[0])]
                except ValueError as err:
                    raise ValueError(f"sequence {sequence.name}: {err}") from err
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


def _check_sequences(sequences: list[Sequence]) -> None:
    """Check that no two sequences would share a file of results, and that each has a box in its first frame."""
    files = Counter(f"{sequence.name}{part}" for sequence in sequences for part in ("", "_time", "_score"))
    if twice := [name for name, count in files.items() if count > 1]:
        raise ValueError(f"results are files named after sequences, {', '.join(twice)} would be written twice; rename folders below --root")
    if blind := [sequence.name for sequence in sequences if not sequence.visible[0]]:
        raise ValueError(
            f"every sequence needs a box in its first frame, {', '.join(blind)} have none; mend the first line of groundtruth.txt"
        )


def _claim(out: Path, settings: dict, resume: bool) -> None:
    """Record in a results folder which model and data set it is for; if it is to be resumed, check that they are the same."""
    kept = out / "settings.json"
    if out.exists() and any(out.iterdir()):
        if not resume:
            raise FileExistsError(f"a results folder must be new or empty, {out} holds files; add --resume or choose another --out")
        try:
            before = read_record(kept)
        except (OSError, ValueError) as err:
            raise ValueError(f"a resumed evaluation must have its settings, {kept} has none ({err}); choose another --out") from err
        if before | {"model": settings["model"]} != settings:  # the file of the same weights may have been moved
            raise ValueError(f"a resumed evaluation must keep its model and data set, {kept} says otherwise; choose another --out")
    write_text(kept, json.dumps(settings, indent=1) + "\n")
