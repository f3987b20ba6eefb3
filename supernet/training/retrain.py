"""The verb `retrain`: trains a chosen architecture alone, from inherited or random weights."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import torch

from supernet.catalogue import find_architecture, find_family
from supernet.checkpoints import load_supernet, save_tracker
from supernet.training.batches import PairBatches, resized
from supernet.training.fit import finish, fit
from supernet.training.inherit import CALIBRATION_SEED, calibrated
from supernet.training.initialise import initialise
from supernet.training.options import TrainingOptions, training_files
from supernet.training.passes import OnePass
from tracking.files.atomic import sole_writer
from tracking.files.guard import Reads, Writes, guarded


@guarded
def retrain(
    arch: Annotated[str, Reads()],
    *,
    out: Annotated[Path, Writes(training_files)],
    supernet: Annotated[Path | None, Reads()] = None,
    training: TrainingOptions = TrainingOptions(),
    seed: int = 1,
) -> dict:
    """Train one architecture alone.

    Args:
        arch: Official name, preset, FAMILY:SPELLING or architecture .json file.
        out: Checkpoint of the tracker to write; while the training runs, `<out>.part` keeps its state and `<out>.part.jsonl` its log.
        supernet: Checkpoint of the supernet whose weights to start from; without it, training starts from random weights.
        training: Data, length and device.
        seed: Seed of the random weights and of the pairs.
    """
    architecture = find_architecture(arch)
    family = find_family(architecture.family)
    training.check(out, seed)
    recipe = training.recipe(family.recipe)
    pairs = training.pairs_of(family, seed)
    if supernet is None:
        network = family.network(architecture)
        initialise(network, seed)
    else:
        inherited = load_supernet(supernet)
        if inherited.family is not family:
            raise ValueError(
                f"architecture and supernet must be of one family, {arch} is of {family.name} and {supernet} of {inherited.family.name}"
            )
        network = inherited.extract(architecture)
    determines = {"seed": seed, "content": pairs.content, "architecture": architecture.key, "inherited": supernet is not None}
    run = training.run(out, "retraining", determines)
    notes = {"recipe": asdict(recipe), "data": training.data, "seed": seed}
    answer = {"checkpoint": str(out), "architecture": architecture.name, "steps": recipe.steps}
    with sole_writer(out):
        if training.is_complete(out, "tracker", {"architecture": architecture.to_json(), "notes": notes}):
            return answer
        own_size = partial(resized, rendered=family.settings, wanted=family.settings_of(architecture))
        fit(network, PairBatches(pairs, recipe.batch, own_size), OnePass(family.loss()), recipe, run)
        network.to("cpu").to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]
        save_tracker(out, calibrated(family, network, architecture, training.data, seed + CALIBRATION_SEED), notes)
        finish(run.state)
    return answer
