"""The verb `train`: trains a supernet, in each step one randomly drawn architecture.

Source: uniform single-path sampling of Single Path One-Shot (Guo et al., ECCV 2020), as LightTrack uses it. A small supernet whose options
are slices of the largest one (Once-for-All, Cai et al., ICLR 2020) learns in minutes.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from supernet.catalogue import find_family
from supernet.checkpoints import save_supernet
from supernet.families.family import Family
from supernet.sharing.sharing import Sharing
from supernet.space import Architecture
from supernet.training.batches import PairBatches, pair_source
from supernet.training.fit import finish, fit
from supernet.training.initialise import initialise
from supernet.training.options import TrainingOptions, training_files
from tracking.files.atomic import sole_writer
from tracking.files.guard import Writes, guarded
from tracking.files.progress import say

CHEAP_SHARE = 0.12
"""Share of the steps, at the start, in which the cheapest of three random architectures is trained."""


@guarded
def train(
    *,
    family: str,
    out: Annotated[Path, Writes(training_files)],
    training: TrainingOptions = TrainingOptions(),
    sharing: Sharing | None = None,
    seed: int = 0,
) -> dict:
    """Train the supernet of a family for tracking.

    Args:
        family: Family of architectures, e.g. lighttrack or nano.
        out: Checkpoint to write; while the training runs, `<out>.part` keeps its state and `<out>.part.jsonl` its log.
        training: Data, length and device.
        sharing: How the options of a layer share weights: separate (each has its own, as in the LightTrack paper) or sliced (all are
            slices of the largest one, which needs fewer steps); by default as the family does.
        seed: Seed of the initial weights, of the random architectures and of the pairs.
    """
    chosen = find_family(family)
    training.check(out, seed)
    recipe = training.recipe(chosen.recipe)
    pairs = pair_source(training.data, chosen.settings, seed, say, chosen.negatives)
    supernet: Any = chosen.supernet(sharing)
    initialise(supernet, seed)

    def activate(step: int) -> None:
        supernet.activate(_path(chosen, seed, step, cheap=step < CHEAP_SHARE * recipe.steps))

    run = training.run(out, "supernet", {"seed": seed, "content": pairs.content})
    notes = {"recipe": asdict(recipe), **run.origin}
    with sole_writer(out):
        if not training.is_complete(out, "supernet", {"family": family, "sharing": supernet.sharing, "notes": notes}):
            fit(supernet, PairBatches(pairs, recipe.batch), chosen.loss(), recipe, run, activate)
            save_supernet(out, supernet, notes)
            finish(run.state)
    return {"checkpoint": str(out), "family": family, "steps": recipe.steps, "sharing": supernet.sharing}


def _path(family: Family, seed: int, step: int, cheap: bool) -> Architecture:
    rng = np.random.default_rng([seed, step])
    if not cheap:
        return family.space.sample(rng)
    return min((family.space.sample(rng) for _ in range(3)), key=lambda arch: family.counts(arch, "search").macs)
