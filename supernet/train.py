"""Training of a supernet: one random path a step, and of a chosen architecture alone.

Source: uniform single-path sampling of Single Path One-Shot (Guo et al., ECCV 2020), as LightTrack uses it; with options that
are slices of the largest one it learns in minutes (Once-for-All, Cai et al., ICLR 2020). The retrained winner starts from
inherited weights or anew.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from supernet.calibrate import calibrate
from supernet.catalogue import find_architecture
from supernet.checkpoints import TrackerCheckpoint, load_supernet, save_supernet, save_tracker
from supernet.describe import branch_counts
from supernet.families import FAMILIES
from supernet.families.lighttrack import LightTrackFamily
from supernet.fit import Recipe, finish, fit
from supernet.inference import check_device, normalise
from supernet.sliced import Sharing
from supernet.space import Architecture
from supernet.supernet import Supernet, initialise
from tracking.atomic import check_target, sole_writer
from tracking.datasets import DATASETS
from tracking.datasets.synthetic import SyntheticPairs
from tracking.pairs import PairSource, SequencePairs
from tracking.sequence import Sequence

CHEAP_SHARE = 0.12
"""Share of the steps, at the start, in which the cheapest of three random paths is trained."""
CALIBRATION_PAIRS = 64
"""Pairs from which a finished network's BatchNorm statistics are taken."""
_CALIBRATION_SEED = 10_000
"""Added to the training seed: calibration sees other pairs than the training."""


def train(
    *,
    family: str,
    out: Path,
    data: str = "synthetic",
    steps: int | None = None,
    batch: int | None = None,
    lr: float | None = None,
    sharing: Sharing | None = None,
    seed: int = 0,
    device: str = "cpu",
    loaders: int = 1,
    resume: bool = False,
) -> dict:
    """Train the supernet of a family for tracking.

    Args:
        family: lighttrack or nano.
        out: Checkpoint to write; while the training runs, `<out>.part` keeps its state and `<out>.part.jsonl` its log.
        data: synthetic (generated video), or DATASET:ROOT with a data set of sequences, e.g. otb:/data/OTB100 or folder:/data/mine.
        steps: Optimiser steps; by default the family's recipe.
        batch: Pairs a step; by default the family's recipe.
        lr: Peak learning rate; by default the family's recipe.
        sharing: separate (weights of their own for every option, the paper) or sliced (options are slices of the largest one, learns
            in minutes); by default the family's.
        seed: Of weights, paths and pairs.
        device: cpu, cuda or cuda:N.
        loaders: Processes that make batches.
        resume: Go on with an interrupted training.
    """
    chosen = find_family(family)
    _refuse_existing(out)
    check_device(device)
    recipe = _recipe(chosen.recipe, steps, batch, lr)
    pairs = pair_source(data, chosen, seed)
    supernet = Supernet(family, sharing or chosen.sharing)
    initialise(supernet, seed)

    def activate(step: int) -> None:
        supernet.activate(_path(chosen, seed, step, cheap=step < CHEAP_SHARE * recipe.steps))

    state, origin = _state(out), {"data": data, "seed": seed}
    with sole_writer(out):
        fit(
            supernet,
            pairs,
            recipe,
            state=state,
            origin=origin,
            resume=resume,
            before_step=activate,
            label="supernet",
            device=device,
            loaders=loaders,
        )
        save_supernet(out, supernet, {"recipe": asdict(recipe), **origin})
        finish(state)
    return {"checkpoint": str(out), "family": family, "steps": recipe.steps, "sharing": supernet.sharing}


def retrain(
    arch: str,
    *,
    out: Path,
    supernet: Path | None = None,
    data: str = "synthetic",
    steps: int | None = None,
    batch: int | None = None,
    lr: float | None = None,
    seed: int = 1,
    device: str = "cpu",
    loaders: int = 1,
    resume: bool = False,
) -> dict:
    """Train one architecture alone.

    Args:
        arch: Official name, preset or architecture .json file.
        out: Checkpoint of the tracker to write; `<out>.part` keeps the state meanwhile.
        supernet: Checkpoint whose inherited weights to start from; without it, training starts anew.
        data: synthetic (generated video), or DATASET:ROOT with a data set of sequences, e.g. otb:/data/OTB100.
        steps: Optimiser steps; by default the family's recipe.
        batch: Pairs a step; by default the family's recipe.
        lr: Peak learning rate; by default the family's recipe.
        seed: Of weights and pairs.
        device: cpu, cuda or cuda:N.
        loaders: Processes that make batches.
        resume: Go on with an interrupted training.
    """
    architecture = find_architecture(arch)
    family = FAMILIES[architecture.family]
    _refuse_existing(out)
    check_device(device)
    recipe = _recipe(family.recipe, steps, batch, lr)
    pairs = pair_source(data, family, seed)
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
    state, origin = _state(out), {"data": data, "seed": seed}
    begun = {**origin, "architecture": architecture.key, "inherited": supernet is not None}
    with sole_writer(out):
        fit(network, pairs, recipe, state=state, origin=begun, resume=resume, label="retraining", device=device, loaders=loaders)
        network.to("cpu").to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]
        calibration = pair_source(data, family, seed + _CALIBRATION_SEED).batch(0, CALIBRATION_PAIRS)
        calibrate(network, torch.from_numpy(normalise(calibration.templates)), torch.from_numpy(normalise(calibration.searches)))
        save_tracker(out, TrackerCheckpoint(network, architecture, family.tracker), {"recipe": asdict(recipe), **origin})
        finish(state)
    return {"checkpoint": str(out), "architecture": architecture.name, "steps": recipe.steps}


def find_family(name: str) -> LightTrackFamily:
    """The family of that name.

    Raises:
        ValueError: There is none.
    """
    if name not in FAMILIES:
        raise ValueError(f"a family must be one of {', '.join(FAMILIES)}, got {name!r}")
    return FAMILIES[name]


def pair_source(data: str, family: LightTrackFamily, seed: int) -> PairSource:
    """Training pairs of a data set at a family's crop sizes.

    Args:
        data: `synthetic`, or the name of a data set, a colon and its root.
        family: Whose crop sizes to use.
        seed: Of the pairs.

    Raises:
        ValueError: The data set is unknown.
    """
    if data == "synthetic":
        return SyntheticPairs(family.template_size, family.search_size, seed)
    return SequencePairs(annotated(data), family.template_size, family.search_size, seed)


def annotated(data: str) -> list[Sequence]:
    """The sequences of a data set.

    Args:
        data: The name of a data set, a colon and its root.

    Raises:
        ValueError: The data set is unknown.
        FileNotFoundError: There is none at the root.
    """
    name, colon, root = data.partition(":")
    if not colon or name not in DATASETS:
        raise ValueError(f"data must be synthetic or DATASET:ROOT with DATASET one of {', '.join(DATASETS)}, got {data!r}")
    return DATASETS[name](root)


def _path(family: LightTrackFamily, seed: int, step: int, cheap: bool) -> Architecture:
    rng = np.random.default_rng([seed, step])
    if not cheap:
        return family.space.sample(rng)
    return min((family.space.sample(rng) for _ in range(3)), key=lambda arch: branch_counts(arch, "search").macs)


def _recipe(recipe: Recipe, steps: int | None, batch: int | None, lr: float | None) -> Recipe:
    given = {"steps": steps, "batch": batch, "lr": lr}
    return replace(recipe, **{name: value for name, value in given.items() if value is not None})


def _state(out: Path) -> Path:
    return out.with_name(out.name + ".part")


def _refuse_existing(out: Path) -> None:
    if out.exists():
        raise FileExistsError(f"a checkpoint is never overwritten, {out} exists; remove it or choose another --out")
    check_target(out)
