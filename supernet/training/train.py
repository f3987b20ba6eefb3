"""The verb `train`: trains a supernet, in each step the architectures that a sampling rule chooses.

A small supernet whose options are slices of the largest one (Once-for-All, Cai et al., ICLR 2020) learns in minutes.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from supernet.catalogue import find_family
from supernet.checkpoints import load_supernet, save_supernet
from supernet.families.family import Family, Supernet
from supernet.sharing.sharing import Sharing
from supernet.training.batches import PairBatches
from supernet.training.fit import finish, fit
from supernet.training.initialise import initialise
from supernet.training.options import TrainingOptions, training_files
from supernet.training.paths import PATHS
from supernet.training.paths.trained import TrainedPaths
from tracking.files.atomic import sole_writer
from tracking.files.guard import Reads, Writes, guarded


@guarded
def train(
    *,
    family: str,
    out: Annotated[Path, Writes(training_files)],
    training: TrainingOptions = TrainingOptions(),
    sharing: Sharing | None = None,
    paths: str | None = None,
    start: Annotated[Path | None, Reads()] = None,
    seed: int = 0,
) -> dict:
    """Train the supernet of a family for tracking.

    Args:
        family: Family of architectures, e.g. lighttrack or nano.
        out: Checkpoint to write; while the training runs, `<out>.part` keeps its state and `<out>.part.jsonl` its log.
        training: Data, length and device.
        sharing: How the options of a layer share weights: separate (each has its own, as in the LightTrack paper) or sliced (all are
            slices of the largest one, which needs fewer steps); by default as the family does.
        paths: Which architectures each step trains, and how their losses enter: uniform, fair, sandwich, large, complexity_rate, rank or
            progressive; by default as the family does.
        start: Checkpoint of a supernet of the family whose weights to start from; without it, training starts from random weights.
        seed: Seed of the initial weights, of the random architectures and of the pairs.
    """
    chosen = find_family(family)
    training.check(out, seed)
    recipe = training.recipe(chosen.recipe)
    name = paths or chosen.paths
    if name not in PATHS:
        raise ValueError(f"paths must be one of {', '.join(sorted(PATHS))}, got {name!r:.80}; uniform is usual")
    rule = PATHS[name](chosen, seed, recipe.steps)
    pairs = training.pairs_of(chosen, seed)
    supernet: Any = _started(chosen, sharing, start, seed)
    begun = None if start is None else hashlib.sha256(Path(start).read_bytes()).hexdigest()
    run = training.run(out, "supernet", {"seed": seed, "content": pairs.content, "paths": name, "start": begun})
    notes = {"recipe": asdict(recipe), **run.origin}
    with sole_writer(out):
        if not training.is_complete(out, "supernet", {"family": family, "sharing": supernet.sharing, "notes": notes}):
            fit(supernet, PairBatches(pairs, recipe.batch), TrainedPaths(rule), recipe, run)
            save_supernet(out, supernet, notes)
            finish(run.state)
    return {"checkpoint": str(out), "family": family, "steps": recipe.steps, "sharing": supernet.sharing}


def _started(family: Family, sharing: Sharing | None, start: Path | None, seed: int) -> Supernet:
    """The supernet with which a training begins.

    Raises:
        ValueError: The checkpoint `start` is of another family, or its options share weights in another way.
    """
    if start is None:
        supernet: Any = family.supernet(sharing)
        initialise(supernet, seed)
        return supernet
    found = load_supernet(start)
    wanted = (family.name, sharing or found.sharing)
    if (found.family.name, found.sharing) != wanted:
        raise ValueError(
            f"a training starts from a supernet of its own kind ({', '.join(wanted)}), {start} is {found.family.name}, {found.sharing}; "
            "choose another --start"
        )
    return found
