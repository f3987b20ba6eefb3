"""Does the score of a tracker tell whether its target is there? ROC AUC of the score on generated absences.

    python -m benchmarks.presence_auc tracker.safetensors --data synthetic:runs/material
    python -m benchmarks.presence_auc supernet.safetensors --architectures 8

On clips, the tracker follows the target through an absence, and the scores of all frames but the first are compared with whether the target
is there; a target that was lost counts as one that is there. Beside it, they are compared with whether the box lies on a target that is there. The
score is that of the tracker: the calibrated one of a checkpoint that `tune` wrote, else the presence output, or the score of the chosen cell. On pairs,
where nothing can be lost, the search crop shows the target or not; there it is the presence output alone.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from benchmarks.learning_curves import judged, some_architectures
from benchmarks.overlap import generated_clips
from benchmarks.record import RESULTS, Record, table
from search.judging.fixed_pairs import FixedPairs, groups_of
from search.judging.pairs import PairJudge
from search.judging.validation import Validation
from supernet.catalogue import find_family
from supernet.checkpoints import TrackerCheckpoint, load_supernet, load_tracker, read_header
from supernet.deploy.tune import batched_tracker
from tracking.sequence import Sequence as Clip
from tracking.trackers.calibration import area, watch
from tracking.trackers.procedure import Procedure
from tracking.trackers.siamese import Siamese

HEAD = {
    "model": "model",
    "macs": "multiply-adds",
    "on_clips": "ROC AUC, clips",
    "on_target": "box on it",
    "on_pairs": "ROC AUC, pairs",
    "architecture": "architecture",
}
_FRAMES = 40
_TOGETHER = 8


def auc_on_clips(tracker: Procedure, clips: Sequence[Clip]) -> float:
    """ROC AUC of a tracker's scores over all frames of clips of equal length, but the first of each."""
    scores, seen = [], []
    for first in range(0, len(clips), _TOGETHER):
        group = clips[first : first + _TOGETHER]
        state = tracker.start([clip.image(0) for clip in group], np.stack([clip.boxes[0] for clip in group]))
        for t in range(1, len(group[0])):
            state, _, found = tracker.step([clip.image(t) for clip in group], state)
            scores.extend(found)
            seen.extend(clip.visible[t] for clip in group)
    return float(roc_auc_score(seen, scores))


def figures(checkpoint: TrackerCheckpoint, clips: Sequence[Clip], judge: PairJudge, groups: range) -> dict[str, object]:
    """Both areas of a tracker; that on pairs is None for a network without a presence output."""
    arch = checkpoint.architecture
    on_pairs = judge(checkpoint.network, arch, groups).get("presence")
    tracker: Any = batched_tracker(checkpoint)(checkpoint.settings)
    return {
        "architecture": arch.name,
        "macs": find_family(arch.family).counts(arch, "search").macs,
        "on_clips": auc_on_clips(tracker, clips),
        "on_target": area(watch(tracker, clips)) if isinstance(tracker, Siamese) else None,
        "on_pairs": None if on_pairs is None else float(np.mean(on_pairs)),
    }


def measure(model: Path, architectures: int, record: Record, clips: Sequence[Clip], pairs: int, data: str) -> list[dict]:
    """Rows for a tracker, or for architectures of a supernet."""
    groups = groups_of(pairs)[1]
    if kind_of(model) == "tracker":
        checkpoint = load_tracker(model)
        family = find_family(checkpoint.architecture.family)
        judge = PairJudge(family, FixedPairs(Validation(data, _FRAMES), family))
        key = f"{model.name}:{checkpoint.architecture.key}"
        return [record.row(key, lambda: {"model": model.name, **figures(checkpoint, clips, judge, groups)})]
    supernet = load_supernet(model)
    judge = PairJudge(supernet.family, FixedPairs(Validation(data, _FRAMES), supernet.family))
    rows = []
    for arch in some_architectures(supernet.family, architectures):

        def measured(arch=arch) -> dict:
            _, tracker = judged(supernet, arch, judge, groups, data)
            return {"model": model.name, **figures(tracker, clips, judge, groups)}

        rows.append(record.row(f"{model.name}:{arch.key}", measured))
    return rows


def kind_of(path: Path) -> str:
    """Whether a checkpoint holds a `tracker` or a `supernet`."""
    try:
        read_header(path, "tracker")
    except ValueError:
        read_header(path, "supernet")  # raises if it is neither
        return "supernet"
    return "tracker"


def show(rows: Mapping[str, Mapping]) -> str:
    """The table of docs/results.md, from the rows of a record."""
    return table(HEAD, list(rows.values()))


def main() -> None:
    """Measure the models that the command line names, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--architectures", type=int, default=8, help="number of architectures of a supernet")
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=1024)
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--out", type=Path, default=RESULTS / "presence_auc.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    record = Record(given.out, "presence_auc.py", {name: getattr(given, name) for name in ("clips", "pairs", "data")})
    clips = generated_clips(given.clips, _FRAMES, given.data, absences=True)
    for model in given.models:
        measure(model, given.architectures, record, clips, given.pairs, given.data)
    print(show(record.rows))


if __name__ == "__main__":
    main()
