"""The verb `evaluate`: runs a tracker over a data set and scores it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated

import numpy as np

from supernet.deploy.loading import load_for_tracking
from tracking.benchmarks.one_pass import Scores, average, can_score, score
from tracking.datasets import DATASETS
from tracking.datasets.data_set import DataSet
from tracking.files.atomic import sole_writer, write_text
from tracking.files.guard import Reads, Writes, guarded
from tracking.files.progress import progress, say
from tracking.files.records import read_record, texts
from tracking.files.runs import Run, finished, load_run, save_run
from tracking.sequence import Sequence, find_sequences, fingerprint
from tracking.trackers import Procedure
from tracking.trackers.procedure import follow


@guarded
def evaluate(
    model: Annotated[str, Reads()],
    *,
    dataset: str,
    root: Annotated[Path, Reads(beside=True), Reads(find_sequences)],
    out: Annotated[Path, Writes(folder=True)],
    resume: bool = False,
    device: str = "cpu",
) -> dict:
    """Run a tracker over every sequence of a data set (one-pass evaluation) and score it.

    Sequences that cannot be read are left out, and those with a box in the first frame alone are tracked but not scored; the answer lists
    both.

    Args:
        model: Checkpoint of a tracker, or a bundle folder.
        dataset: Kind of data set: folder (sequence folders with img/ and groundtruth.txt) or otb.
        root: Folder of the data set.
        out: Results folder to write: for each sequence NAME.txt (boxes), NAME_time.txt and NAME_score.txt; and scores.json.
        resume: Go on with an interrupted evaluation; sequences whose boxes are in `out` are not tracked again, unless their frames or
            annotations have changed.
        device: Torch device that runs a checkpoint: cpu, cuda or cuda:N.
    """
    if dataset not in DATASETS:
        raise ValueError(f"dataset must be one of {', '.join(DATASETS)}, got {dataset!r:.80}; a loader of your own: docs/extending.md")
    data = DATASETS[dataset](root)
    tracker = load_for_tracking(model, device)
    weights = Path(model) / "tracker.json" if Path(model).is_dir() else Path(model)
    content = hashlib.sha256(weights.read_bytes()).hexdigest()
    settings = {"model": model, "sha256": content, "dataset": dataset, "root": str(root.resolve())}
    for line in data.words:
        say(line)
    with sole_writer(out):
        _claim(out, settings, resume)
        return run_all(tracker, data, out)


def run_all(tracker: Procedure, data: DataSet, out: Path) -> dict:
    """Track every sequence whose boxes are not in the results folder yet, and score all sequences.

    Args:
        tracker: The tracking procedure.
        data: Sequences to track; those without a box in their first frame are left out.
        out: Results folder, which also receives scores.json.

    Returns:
        What scores.json holds: mean scores over the sequences that can be scored (None if there are none), the mean AO of boxes that never
        move (`static_ao`), milliseconds per frame, the scores of each sequence, `unscored` (names of sequences with one true box), and
        `left_out` (reasons by sequence).

    Raises:
        ValueError: Sequences would share a file of results; none has a box in its first frame; or a sequence cannot be tracked, which is
            said after all others have been tracked.
    """
    sequences = [sequence for sequence in data.sequences if sequence.visible[0]]
    left_out = {**data.left_out, **{each.name: "it has no box in its first frame" for each in data.sequences if not each.visible[0]}}
    _check_names(sequences)
    if not sequences:
        raise ValueError(f"a sequence to track must have a box in its first frame, none of {len(left_out)} has; mend its groundtruth.txt")
    done, errors = _still_valid(sequences, out), []
    with progress("evaluating", len(sequences)) as report:
        for i, sequence in enumerate(sequences, 1):
            if sequence.name not in done:
                try:
                    save_run(_run(tracker, sequence), out)
                except (ValueError, OSError) as err:
                    errors.append(f"sequence {sequence.name}: {err}")
            report(i, sequence.name)
    if errors:
        others = f"; {len(errors) - 1} other sequences fail too" if len(errors) > 1 else ""
        raise ValueError(f"{errors[0]}{others}; the rest is in {out}: mend or remove the sequence, then --resume goes on")
    runs = [load_run(out, sequence.name) for sequence in sequences]
    scored = [(sequence, run) for sequence, run in zip(sequences, runs, strict=True) if can_score(sequence.boxes)]
    each = [score(run.boxes, sequence.boxes) for sequence, run in scored]
    still = [score(np.repeat(sequence.boxes[:1], len(sequence), axis=0), sequence.boxes) for sequence, _ in scored]
    answer = {
        **(asdict(average(each)) if each else {field.name: None for field in fields(Scores)}),
        "static_ao": average(still).ao if still else None,
        "ms_per_frame": 1000 * float(np.mean(np.concatenate([run.seconds[1:] if len(run.seconds) > 1 else run.seconds for run in runs]))),
        "sequences": [
            {"name": sequence.name, "frames": len(sequence), "static_ao": static.ao, **asdict(one)}
            for (sequence, _), one, static in zip(scored, each, still, strict=True)
        ],
        "unscored": [sequence.name for sequence in sequences if not can_score(sequence.boxes)],
        "left_out": left_out,
    }
    write_text(out / "scores.json", json.dumps(answer, indent=1) + "\n")
    return answer


def _run(tracker: Procedure, sequence: Sequence) -> Run:
    images = (sequence.image(t) for t in range(len(sequence)))
    steps = [(result, seconds) for _, result, seconds in follow(tracker, images, sequence.boxes[0])]
    boxes, scores = np.array([result.box for result, _ in steps]), np.array([result.score for result, _ in steps])
    return Run(sequence.name, boxes, scores, np.array([seconds for _, seconds in steps]))


def _still_valid(sequences: list[Sequence], out: Path) -> set[str]:
    """Find the sequences that are tracked already; boxes of sequences whose content has changed since then are removed."""
    kept, now = out / "sources.json", {sequence.name: fingerprint(sequence) for sequence in sequences}
    try:
        before = texts(read_record(kept)) if kept.is_file() else {}
    except ValueError as err:
        raise ValueError(f"sources.json must be as `chiptrack evaluate` writes it, {kept} is not ({err}); choose another --out") from err
    done = set(finished(out))
    for name in sorted(done & now.keys()):
        if before.get(name) != now[name]:
            say(f"{name} has changed since it was tracked, and is tracked again")
            (out / f"{name}.txt").unlink()
            done.remove(name)
    write_text(kept, json.dumps(before | now, indent=1) + "\n")
    return done


def _check_names(sequences: list[Sequence]) -> None:
    """Check that no two sequences would share a file of results."""
    files = Counter(f"{sequence.name}{part}" for sequence in sequences for part in ("", "_time", "_score"))
    if twice := [name for name, count in files.items() if count > 1]:
        raise ValueError(
            f"results are files named after sequences, {', '.join(twice[:5])} would be written twice; rename folders below --root"
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
