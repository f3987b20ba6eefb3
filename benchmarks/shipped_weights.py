"""Packs the weights that ship: a trained supernet in 16 bits with its provenance, and one tracker that is cut out of it and tuned.

    python -m benchmarks.shipped_weights runs/long/supernet.safetensors --out supernet/data --material runs/material
        --tracker elastic:128-64-... --hours 9.5 --commit $(git rev-parse HEAD)

Nothing is written unless the file stays below 8 MB and eight architectures have the same scores before and after rounding.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from benchmarks.learning_curves import some_architectures
from benchmarks.record import RESULTS, Record, table
from search.judging.fixed_pairs import groups_of
from search.judging.inherited import InheritedJudge
from search.judging.judge import Job
from search.judging.validation import Validation
from supernet import shipped
from supernet.catalogue import find_architecture
from supernet.checkpoints import load_supernet, read_header, save_supernet, save_tracker
from supernet.deploy.tune import TuningOptions, tuned
from supernet.training.inherit import inherit
from tracking.files.atomic import copy_file
from tracking.generated.material import load_material

MOST_BYTES = 8_000_000
TOLERANCE = 0.002
"""Largest change of a fit (0 to 1) that rounding may cause; the noise of a fit on two thousand pairs is about as large."""
LICENCE = (
    "Offered under MIT, as chiptrack. Learnt from generated video alone: drawn shapes and textures, the two photographs of scikit-learn, and "
    "pictures of freely licensed packages, listed with versions and licences in docs/material.md, none of which is contained. No annotated "
    "video, no data set and no weights of others had any part in it."
)
"""The licence note in the header of what ships; docs/weights.md says the same."""
HEAD = {"macs": "multiply-adds", "before": "fit, 32 bits", "after": "fit, 16 bits", "architecture": "architecture"}


def provenance(notes: Mapping[str, object], material: Path | None, hours: float | None, commit: str) -> dict[str, object]:
    """What the header of the shipped file says of its origin.

    Args:
        notes: The notes of the checkpoint that `chiptrack train` wrote: recipe, data, seed, sampling rule.
        material: Folder of the pictures that it was trained with, whose index is named by a checksum.
        hours: Computing time of the training.
        commit: Commit of chiptrack that trained it.
    """
    index = None if material is None else load_material(str(material), False).content
    made = {**notes, "data": "synthetic" if material is None else "synthetic with the material of docs/material.md"}
    return {**made, "material": index, "commit": commit, "hours": hours, "licence": LICENCE}


def fits(path: Path, pairs: int, data: str, architectures: int = 8) -> list[dict]:
    """The fit of some architectures with the weights of a supernet."""
    judge, groups = InheritedJudge(path, Validation(data, 40)), groups_of(pairs)[0]
    rows = []
    for arch in some_architectures(judge.family, architectures):
        fit = float(np.mean(judge(Job(arch, range(0), pairs=groups)).scores["fit"]))
        rows.append({"architecture": arch.name, "macs": judge.family.counts(arch, "search").macs, "fit": fit})
    return rows


def compared(before: Sequence[Mapping], after: Sequence[Mapping]) -> list[dict]:
    """The rows of both lists side by side.

    Raises:
        ValueError: A fit has changed by more than `TOLERANCE`.
    """
    rows = [
        {"architecture": a["architecture"], "macs": a["macs"], "before": a["fit"], "after": b["fit"]}
        for a, b in zip(before, after, strict=True)
    ]
    worst = max(rows, key=lambda row: abs(row["before"] - row["after"]))
    if abs(worst["before"] - worst["after"]) > TOLERANCE:
        raise ValueError(
            f"rounding must keep every fit to {TOLERANCE}, that of {worst['architecture']} goes from {worst['before']:.4f} to "
            f"{worst['after']:.4f}; train with smaller weights, or ship 32 bits"
        )
    return rows


def pack(trained: Path, folder: Path, notes: Mapping[str, object], pairs: int, data: str) -> list[dict]:
    """Write the shipped supernet into a folder, after the checks; returns the fits before and after rounding.

    Raises:
        ValueError: The file would be too large, or a fit changes.
    """
    with tempfile.TemporaryDirectory() as made:
        small = Path(made) / shipped.SUPERNET.name
        save_supernet(small, load_supernet(trained), notes, half=True)
        size = small.stat().st_size
        if size > MOST_BYTES:
            raise ValueError(
                f"shipped weights must have at most {MOST_BYTES // 10**6} MB, these have {size / 1e6:.1f}; train a smaller family"
            )
        rows = compared(fits(trained, pairs, data), fits(small, pairs, data))
        folder.mkdir(parents=True, exist_ok=True)
        copy_file(small, folder / shipped.SUPERNET.name)
    return rows


def cut_tracker(folder: Path, architecture: str, tuning: TuningOptions) -> dict:
    """Cut the shipped tracker out of the packed supernet, tune its constants, and write it beside it; returns what tuning found."""
    packed = folder / shipped.SUPERNET.name
    tracker, about = tuned(inherit(load_supernet(packed), find_architecture(architecture)), tuning)
    notes = {"supernet": read_header(packed, "supernet")["notes"], "tuned": about}
    save_tracker(folder / shipped.TRACKER.name, tracker, notes)
    return about


def show(rows: Mapping[str, Mapping]) -> str:
    """The table of docs/weights.md, and what tuning gave, from the rows of a record."""
    found = rows["tracker"]
    told = f"Tracker: AO on other generated clips {found['other_ao_before']:.3f} before tuning, {found['other_ao_after']:.3f} after."
    return f"{table(HEAD, rows['supernet']['fits'])}\n\n{told}"


def main() -> None:
    """Pack what the command line names, and print the scores before and after."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("supernet", type=Path, help="the checkpoint that `chiptrack train` wrote")
    parser.add_argument("--tracker", required=True, help="architecture of the tracker that ships, as `chiptrack describe` takes it")
    parser.add_argument("--out", type=Path, default=shipped.SUPERNET.parent)
    parser.add_argument("--material", type=Path, help="material folder that it was trained with")
    parser.add_argument("--commit", required=True, help="commit of chiptrack that trained it, in full")
    parser.add_argument("--hours", type=float, help="computing time of the training")
    parser.add_argument("--pairs", type=int, default=2048)
    parser.add_argument("--clips", type=int, default=TuningOptions.sequences, help="clips that constants are tuned on")
    parser.add_argument("--trials", type=int, default=TuningOptions.trials)
    parser.add_argument("--record", type=Path, default=RESULTS / "shipped_weights.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    data = "synthetic" if given.material is None else f"synthetic:{given.material}"
    notes = provenance(read_header(given.supernet, "supernet")["notes"], given.material, given.hours, given.commit)
    record = Record(given.record, "shipped_weights.py", {"pairs": given.pairs, "data": data, "tracker": given.tracker, **notes})
    record.row("supernet", lambda: {"fits": pack(given.supernet, given.out, notes, given.pairs, data)})
    tuning = TuningOptions(data, given.clips, trials=given.trials)
    record.row("tracker", lambda: cut_tracker(given.out, given.tracker, tuning))
    print(show(record.rows))


if __name__ == "__main__":
    main()
