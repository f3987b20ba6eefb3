"""What a supernet's training brings over its steps: loss, IoU, presence and AO of a few architectures at snapshots of the training.

    python -m benchmarks.learning_curves runs/long/*.safetensors runs/long/state.part --data synthetic:runs/material

A snapshot is the checkpoint of a supernet, or the state `.part` of a training that is not done (a copy, since a training replaces its
state). The architectures are the smallest, the largest and random ones, spread over their multiply-adds. Each has inherited weights with
calibrated BatchNorms and the family's constants of the tracking loop. Real sequences are for measuring only.
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

from benchmarks.overlap import ao_figures, generated_clips, real_sequences
from benchmarks.record import RESULTS, Record, table
from latency_tables.measuring.networks import draw
from search.judging.fixed_pairs import FixedPairs, groups_of
from search.judging.pairs import PairJudge
from search.judging.validation import Validation
from supernet.catalogue import find_family
from supernet.checkpoints import load_supernet, read_header
from supernet.families.family import Family, Supernet
from supernet.space import Architecture
from supernet.torch_files import load_torch
from supernet.training.inherit import inherit
from supernet.training.paths.sizes import largest, smallest

HEAD = {"step": "steps", "macs": "multiply-adds", "loss": "loss", "iou": "IoU on pairs", "presence": "presence (ROC AUC)"}
HEAD |= {"ao_generated": "AO, generated", "ao_real": "AO, real", "architecture": "architecture"}


def snapshot(path: Path, family: Family) -> tuple[int, Supernet]:
    """Read a snapshot of a training: the number of steps that were done, and the supernet.

    Raises:
        ValueError: The file is neither the checkpoint of a supernet of the family nor the state of a training of it.
    """
    if path.suffix == ".safetensors":
        supernet, notes = load_supernet(path), read_header(path, "supernet")["notes"]
        if supernet.family is not family:
            raise ValueError(f"snapshots must be of {family.name}, {path} is of {supernet.family.name}; leave it out or give --family")
        return int(notes.get("recipe", {}).get("steps", 0)), supernet
    made: Any = family.supernet()
    state = load_torch(path)
    try:
        made.load_state_dict(state["module"])
    except (RuntimeError, LookupError, TypeError, AttributeError) as err:
        raise ValueError(f"a state must be of a training of {family.name}, {path} is not; leave it out or give --family") from err
    return int(state["step"]), made.eval()


def some_architectures(family: Family, count: int) -> list[Architecture]:
    """The smallest architecture, the largest if there are to be two or more, and random ones spread over their multiply-adds, in order."""
    ends = [smallest(family), largest(family)][:count]
    return sorted([*ends, *draw(family, max(count - 2, 0), 0)], key=lambda arch: family.counts(arch, "search").macs)


def judged(supernet: Supernet, arch: Architecture, judge: PairJudge, groups: range, data: str) -> tuple[dict, Any]:
    """The mean scores of an architecture on pairs, and its tracker."""
    tracker = inherit(supernet, arch, data)
    scores = judge(tracker.network, arch, groups)
    return {name: float(np.mean(scores[name])) for name in ("loss", "iou", "presence") if name in scores}, tracker


def curves(
    snapshots: Sequence[Path], family: Family, record: Record, pairs: int, architectures: int, data: str, clips: int, real: Path | None
) -> list[dict]:
    """Measure every architecture at every snapshot, unless the record knows it; returns the rows in the order of steps."""
    shown, films = generated_clips(clips, data=data), real_sequences(real)
    judge, groups = PairJudge(family, FixedPairs(Validation(data, 40), family)), groups_of(pairs)[1]
    for path in snapshots:
        step, supernet = snapshot(path, family)
        for arch in some_architectures(family, architectures):

            def measured(supernet=supernet, arch=arch, step=step) -> dict:
                scores, tracker = judged(supernet, arch, judge, groups, data)
                about = {"step": step, "architecture": arch.name, "macs": family.counts(arch, "search").macs}
                return {**about, **scores, **ao_figures(tracker, shown, films)}

            record.row(f"{step}:{arch.key}", measured)
    return sorted(record.rows.values(), key=_order)


def _order(row: Mapping) -> tuple[int, int]:
    return row["step"], row["macs"]


def show(rows: Mapping[str, Mapping]) -> str:
    """The table of docs/results.md, from the rows of a record."""
    return table(HEAD, sorted(rows.values(), key=_order))


def main() -> None:
    """Measure what the command line names, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("snapshots", nargs="+", type=Path)
    parser.add_argument("--family", default="elastic")
    parser.add_argument("--architectures", type=int, default=4)
    parser.add_argument("--pairs", type=int, default=1024)
    parser.add_argument("--clips", type=int, default=32)
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--real", type=Path, help="folder of real sequences; by default $CHIPTRACK_SHARED/sequences")
    parser.add_argument("--out", type=Path, default=RESULTS / "learning_curves.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    terms = {name: getattr(given, name) for name in ("family", "architectures", "pairs", "clips", "data")}
    record = Record(given.out, "learning_curves.py", terms)
    family = find_family(given.family)
    curves(given.snapshots, family, record, given.pairs, given.architectures, given.data, given.clips, given.real)
    print(show(record.rows))


if __name__ == "__main__":
    main()
