"""The demo from nothing: measures every operator, trains a small supernet on generated video, searches it, and retrains the winner.

It shows every step of the workflow on a machine with no weights to start from; the networks are as good as some minutes of training.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from latency_tables.measuring.measure import measure
from predictors.fit import fit_predictor
from search.verbs.search import RunningOptions, search
from search.verbs.steps import step
from search.verbs.summary import read_found
from supernet.catalogue import find_family
from supernet.checkpoints import load_tracker
from supernet.deploy.export import write_bundle
from supernet.training.batches import PairBatches, pair_source
from supernet.training.fit import Run, fit
from supernet.training.options import TrainingOptions
from supernet.training.passes import OnePass
from supernet.training.retrain import retrain
from supernet.training.train import train
from tracking.files.atomic import write_text
from tracking.files.progress import say
from tracking.files.records import numbers, read_record

FAMILY = "nano"
NETWORKS = 30
"""Whole networks that are measured for the latency table."""
SHARES = {"supernet_steps": 0.5, "winner_steps": 0.17, "evaluations": 0.2}
"""Shares of the given time for the two trainings and for the search; the rest is for measuring and tracking."""
LEAST = {"supernet_steps": 1000, "winner_steps": 500, "evaluations": 60}
"""Smallest numbers of steps and evaluations. With fewer steps nothing is learned: the loss has a plateau until step 300 or 400."""
MOST = {"supernet_steps": 8000, "winner_steps": 3000, "evaluations": 400}
"""Largest numbers of steps and evaluations."""
LEAST_FRONT = 5
"""Members that a front should have; while it has fewer, the search is extended."""
STEPS_PER_EVALUATION = 6.0
"""Number of training steps that take as long as judging one candidate with two workers."""
WINNER_LR = 1e-3
"""Learning rate with which the winner is retrained."""


def from_scratch(out: Path, minutes: float) -> dict:
    """Make a tracker for this machine from nothing; finished steps are not repeated.

    Args:
        out: Folder for all files.
        minutes: Time that all steps may take on two free cores.

    Returns:
        The numbers of steps and evaluations.

    Raises:
        ValueError: `minutes` differs from the time that the folder began with.
    """
    settings = scratch_settings(out, minutes)
    say(
        f"chiptrack demo: family {FAMILY}, {settings['supernet_steps']} supernet steps, {settings['winner_steps']} steps for the winner, in {out}"
    )
    table, predictor, supernet, run = out / "table.csv", out / "predictor.json", out / "supernet.safetensors", out / "search"
    step(
        "[1/7] measure every operator, and whole networks", table, lambda: measure(family=FAMILY, out=table, networks=NETWORKS, resume=True)
    )
    step("[2/7] fit the latency predictor", predictor, lambda: fit_predictor(table, out=predictor))
    step(
        "[3/7] train the supernet",
        supernet,
        lambda: train(family=FAMILY, out=supernet, training=TrainingOptions(steps=settings["supernet_steps"], resume=True)),
    )
    winner, bundle = out / "winner" / "tracker.safetensors", out / "winner" / "bundle"
    step("[4/7] search, and measure the front", winner, lambda: _search(supernet, predictor, run, settings["evaluations"]))
    chosen = str(run / read_found(run)["winner"]["file"])
    step(
        "[5/7] retrain the winner alone",
        winner,
        lambda: retrain(
            chosen, out=winner, supernet=supernet, training=TrainingOptions(steps=settings["winner_steps"], lr=WINNER_LR, resume=True)
        ),
    )
    step("[6/7] export it", bundle, lambda: write_bundle(load_tracker(winner), bundle))
    say("[7/7] track with the exported winner")
    return settings


def _search(supernet: Path, predictor: Path, run: Path, evaluations: int) -> None:
    """Search, and extend the search to less than twice its evaluations while the front has too few members to choose from."""
    workers = f"local:{min(2, os.cpu_count() or 1)}"
    for total in range(evaluations, 2 * evaluations, max(1, evaluations // 4)):
        running = RunningOptions(evaluations=total, workers=workers, resume=True)
        found = search(supernet=supernet, predictor=[predictor], out=run, running=running)
        if found["front"] >= LEAST_FRONT:
            return


def scratch_settings(out: Path, minutes: float) -> dict:
    """Return the steps of both trainings and the evaluations of the search, decided once for a folder from how fast this machine trains."""
    path = out / "settings.json"
    if path.is_file():
        try:
            settings = read_record(path)
            kept = numbers({name: settings[name] for name in ("minutes", *SHARES)})
            if settings["family"] != FAMILY or not all(isinstance(settings[name], int) and settings[name] > 0 for name in SHARES):
                raise ValueError("its family and steps must be those of a demo")
        except (ValueError, KeyError) as err:
            raise ValueError(f"the settings of a demo must be as it wrote them, {path} is not; choose another --out") from err
        if kept["minutes"] != minutes:
            raise ValueError(f"a demo goes on with its own --minutes ({kept['minutes']:g}), got {minutes:g}; choose another --out")
        return settings
    say("[0/7] see how fast this machine trains")
    seconds = _seconds_per_step()
    settings = {"minutes": minutes, "family": FAMILY, "seconds_per_step": seconds}
    for part, share in SHARES.items():
        affordable = minutes * 60 * share / seconds / (STEPS_PER_EVALUATION if part == "evaluations" else 1)
        settings[part] = min(max(int(affordable), LEAST[part]), MOST[part])
    write_text(path, json.dumps(settings, indent=1) + "\n")
    return settings


def _seconds_per_step(steps: int = 40) -> float:
    """Measure the mean seconds of a training step on a temporary supernet."""
    family = find_family(FAMILY)
    supernet: Any = family.supernet()
    times = []

    def timed(module: Any, batch: tuple) -> Any:
        times.append(time.perf_counter())
        supernet.activate(family.space.sample(np.random.default_rng(len(times))))
        return loss(module, batch)

    with tempfile.TemporaryDirectory() as folder:
        recipe, loss = replace(family.recipe, steps=steps), family.loss()
        batches = PairBatches(pair_source("synthetic", family.settings, 0), recipe.batch)
        fit(supernet, batches, OnePass(timed), recipe, Run(Path(folder) / "probe", label="probing"))
    return float(np.mean(np.diff(times)[steps // 4 :]))
