"""A small part of the family `elastic` in which the score of every network is known, so that whole searches can be replayed in seconds.

    python -m benchmarks.elastic_sub_space --supernet supernet.safetensors    judge all 2,592 networks, some hours on one core

Nine choices are free, those that decide most over cost and in which chips differ: the size of the search crop, the exit, the
correlation, the depth of the two larger stages, the first block of the last stage, its activation and squeeze-and-excitation, and the width of
the heads. The score is that of a search: networks are judged with inherited weights, calibrated each for itself, on the same pairs. They
are judged in random order, and an interrupted run goes on where it stopped.

A row of the table holds the indices of the nine chosen values, `fit` and `iou`, and the same of one half of the pairs (`fit_half`,
`iou_half`): how alike the halves rank the networks says how smooth the table can be.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from benchmarks.tabulated import PartWritten, SubSpace
from search.judging.fixed_pairs import GROUP, groups_of
from search.judging.inherited import InheritedJudge
from search.judging.judge import Job, Judge
from search.judging.validation import Validation
from supernet.families import FAMILIES
from supernet.space import Value
from tracking.files.progress import progress
from tracking.images import cv2

ELASTIC = FAMILIES["elastic"]
_FREE: dict[str, tuple[Value, ...]] = {
    "search": (96, 128, 160),
    "exit": (16, 8),
    "correlation": ("depthwise", "pixelwise"),
    "2.depth": (1, 2, 4),
    "3.depth": (1, 2, 4),
    "3.0": ("k3e3", "k7e6"),
    "3.act": ("relu", "hswish"),
    "3.se": ("plain", "se"),
    "head": (32, 48, 96),
}
_PINNED: dict[str, Value] = {"template": 64, "stem": 16, "2.0": "k5e4", "cls.depth": 2, "reg.depth": 2}
"""Values that are neither free nor the first of their choice. Blocks that a smaller depth leaves out have the first, as which they count
where they have no effect."""
_SCORES = ("fit", "iou")
_DECIMALS = 5


SUB_SPACE = SubSpace(
    ELASTIC,
    _FREE,
    {label: _PINNED.get(label, values[0]) for label, values in ELASTIC.choices.items()},
    Path(__file__).parent / "data" / "elastic_sub_space.csv",
    "fit",
    15.5e6,
)


def write_table(judge: Judge, pairs: int, path: Path, part: SubSpace = SUB_SPACE) -> None:
    """Judge every network of the part and write the table; `<path>.part` keeps the results of an interrupted run.

    Args:
        judge: Judges on pairs.
        pairs: Number of pairs, an even number of groups of 32.
        path: The table.
        part: The part of the space.
    """
    numbers = groups_of(pairs)[0]
    written = PartWritten(path, [f"{kind}{half}" for half in ("", "_half") for kind in _SCORES])
    order = np.random.default_rng(0).permutation(len(part.architectures))
    with progress("networks", len(order)) as report:
        for count, i in enumerate(order, 1):
            architecture = part.architectures[i]
            if (digits := part.digits(architecture)) not in written.rows:
                scores = judge(Job(architecture, range(0), pairs=numbers)).scores
                means = [float(np.mean(scores[kind][::step])) for step in (1, 2) for kind in _SCORES]
                written.add({digits: means}, _DECIMALS)
            report(count, "")
    written.finish([part.digits(each) for each in part.architectures])


def main() -> None:
    parser = argparse.ArgumentParser(description="Judge every network of a part of elastic.")
    parser.add_argument("--supernet", type=Path, required=True, help="checkpoint of an elastic supernet")
    parser.add_argument("--data", default="synthetic", help="source of the pairs: synthetic, synthetic:FOLDER or DATASET:ROOT")
    parser.add_argument("--pairs", type=int, default=512, help=f"number of pairs, a multiple of {2 * GROUP}")
    parser.add_argument("--folder", type=Path, default=None, help="folder that keeps the pairs; without it they are rendered at each start")
    parser.add_argument("--table", type=Path, default=SUB_SPACE.table)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    judge = InheritedJudge(options.supernet, Validation(options.data, frames=2), folder=options.folder)
    if judge.family is not ELASTIC:
        parser.error(f"--supernet must hold an elastic supernet, {options.supernet} holds one of {judge.family.name}")
    write_table(judge, options.pairs, options.table)


if __name__ == "__main__":
    main()
