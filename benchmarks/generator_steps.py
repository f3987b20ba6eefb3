"""What each part of the generated video is worth: equal small trainings without it, measured on generated clips and on real sequences.

    python -m benchmarks.generator_steps --material runs/material --trainings runs/generator-steps --steps 3000

One architecture of middling size is trained with everything, and again without one part at a time; all trainings have the same recipe and
the same seeds. The generated clips that they are measured on have all parts. A part is taken away by replacing the function that draws it,
so that the generator itself needs no switches. Real sequences are for measuring only, never for choosing a part.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from benchmarks.overlap import ao_figures, generated_clips, real_sequences
from benchmarks.record import RESULTS, Record, table
from latency_tables.measuring.networks import typical
from supernet.catalogue import find_architecture, find_family
from supernet.checkpoints import load_tracker
from supernet.families.family import Family
from supernet.space import Architecture
from supernet.training.options import TrainingOptions
from supernet.training.retrain import retrain
from tracking.files.progress import say
from tracking.generated import sprites
from tracking.generated.paths import poses

HEAD = {"without": "without", "ao_generated": "AO, generated", "generated_change": "change", "ao_real": "AO, real", "real_change": "change"}
HEAD |= {"seeds": "seeds"}
EVERYTHING, MATERIAL, NEGATIVES = "nothing", "photographs and cut-outs", "negative pairs"
Replacements = Mapping[str, Callable[..., Any]]
"""Functions by the name of what they replace."""


def _level(rng: Any, times: np.ndarray, most: float) -> np.ndarray:
    """What `camera.tilts` returns for a camera that is never askance."""
    return np.tile(np.eye(3), (len(times), 1, 1))


def _of_one_size(centres: np.ndarray, angles: np.ndarray, widths: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """What `paths.poses` returns for an object that keeps its size and may still be squeezed."""
    sides = np.sqrt(widths * heights)
    kept = np.exp(np.log(sides).mean()) / sides
    return poses(centres, angles, widths * kept, heights * kept)


def _no_region(*_: Any) -> None:
    """What `camera.window` returns where no region can be a target."""


def _as_it_is(rng: Any, looks: list, *_: Any) -> list:
    """Looks as they are, where light or recording would change them."""
    return looks


PARTS: Mapping[str, Replacements] = {
    EVERYTHING: {},
    MATERIAL: {},
    NEGATIVES: {},
    "regions of the scenery as targets": {"staging.window": _no_region},
    "perspective": {"staging.tilts": _level, "sprites.tilts": _level},
    "changes of size": {"sprites.poses": _of_one_size},
    "day and night": {"staging._lit": _as_it_is},
    "compression, blur and little detail": {"staging._recorded": _as_it_is},
}
"""Parts that a training does without, each with what stands in for functions of `tracking.generated`; `nothing` is the full generator."""


@contextmanager
def without(part: str, family: Family) -> Iterator[None]:
    """Take a part out of the video that this process generates, and out of the pairs of a family."""
    with ExitStack() as stack:
        for name, stand_in in PARTS[part].items():
            stack.enter_context(patch(f"{sprites.__package__}.{name}", stand_in))
        if part == NEGATIVES:
            stack.enter_context(patch.object(family, "negatives", 0.0))
        yield


def middling(family: Family) -> Architecture:
    """A random architecture of about the median of multiply-adds."""
    return typical(family, 1)[0]


def trained(arch: Architecture, part: str, seed: int, folder: Path, material: str, steps: int) -> Path:
    """Train an architecture on video without a part, unless that is done; returns the checkpoint.

    The part is in the name of the file, which an interrupted training goes on from. Batches are made by this process, where it is missing.
    """
    family = find_family(arch.family)
    out = folder / f"{'-'.join(part.replace(',', '').split())}-{seed}.safetensors"
    data = "synthetic" if part == MATERIAL else material
    with without(part, family):
        retrain(arch.name, out=out, training=TrainingOptions(data, steps, loaders=0, resume=True), seed=seed)
    return out


def summary(rows: Sequence[Mapping]) -> list[dict]:
    """A row for each part: means over its seeds, and their difference from those with everything."""
    by_part: dict[str, list[Mapping]] = {}
    for row in rows:
        by_part.setdefault(row["without"], []).append(row)
    lines = []
    for part, some in by_part.items():
        line: dict = {"without": part, "seeds": len(some)}
        for name, change in (("ao_generated", "generated_change"), ("ao_real", "real_change")):
            line[name] = _mean(some, name)
            whole = _mean(by_part.get(EVERYTHING, []), name)
            line[change] = None if part == EVERYTHING or None in (line[name], whole) else line[name] - whole
        lines.append(line)
    return lines


def _mean(rows: Sequence[Mapping], name: str) -> Any:
    values = [row[name] for row in rows if row[name] is not None]
    return float(np.mean(values)) if values else None


def show(rows: Mapping[str, Mapping]) -> str:
    """The table of docs/results.md, from the rows of a record."""
    return table(HEAD, summary(list(rows.values())))


def main() -> None:
    """Train without each part, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--material", required=True, help="material folder, see docs/material.md")
    parser.add_argument("--trainings", type=Path, required=True, help="folder for the trained networks")
    parser.add_argument("--architecture", help="by default a random one of elastic of about median size")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), metavar="PART")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--real", type=Path, help="folder of real sequences; by default $CHIPTRACK_SHARED/sequences")
    parser.add_argument("--out", type=Path, default=RESULTS / "generator_steps.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    arch = find_architecture(given.architecture) if given.architecture else middling(find_family("elastic"))
    material = f"synthetic:{given.material}"
    terms = {"architecture": arch.name, "steps": given.steps, "clips": given.clips, "data": material}
    record = Record(given.out, "generator_steps.py", terms)
    clips, films = generated_clips(given.clips, data=material), real_sequences(given.real)
    for seed in range(1, given.seeds + 1):
        for part in given.parts:

            def measured(part=part, seed=seed) -> dict:
                say(f"without {part}, seed {seed}")
                tracker = load_tracker(trained(arch, part, seed, given.trainings, material, given.steps))
                return {"without": part, "seed": seed, **ao_figures(tracker, clips, films)}

            record.row(f"{part}:{seed}", measured)
    print(show(record.rows))


if __name__ == "__main__":
    main()
