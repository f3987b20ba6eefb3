"""The verb `demo`: the whole workflow once on this machine, from measuring and fitting through training and searching to tracking."""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from latency_tables.measuring.measure import measure
from predictors.fit import fit_predictor
from search.judging.noise import standard_error
from search.metrics.predicted import LATENCY
from search.verbs.report import report
from search.verbs.search import RunningOptions, search
from supernet.catalogue import find_architecture, find_family
from supernet.checkpoints import load_tracker
from supernet.deploy.evaluate import run_all
from supernet.deploy.export import write_bundle
from supernet.deploy.loading import load_for_tracking
from supernet.training.batches import PairBatches, pair_source
from supernet.training.fit import Run, fit
from supernet.training.options import TrainingOptions
from supernet.training.passes import OnePass
from supernet.training.retrain import retrain
from supernet.training.train import train
from tracking.datasets import folder as folder_of_sequences
from tracking.datasets.data_set import DataSet
from tracking.files.atomic import sole_writer, write_text
from tracking.files.guard import Reads, Writes, guarded
from tracking.files.progress import say
from tracking.files.records import numbers, read_record
from tracking.generated.synthetic import synthetic_dataset

FAMILY = "nano"
NETWORKS = 30
"""Whole networks that are measured for the latency table."""
TEST_SEED = 3_000_000
"""Seed of the first test sequence; training, validation and rescoring use other seeds."""
TEST_SEQUENCES = 32
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


@guarded
def demo(
    *,
    out: Annotated[Path, Writes(folder=True)] = Path("runs/demo"),
    minutes: float = 12.0,
    real: Annotated[Path | None, Reads(beside=True)] = None,
) -> dict:
    """Find, train and export a small tracker for this machine, from nothing, in the minutes that it may take.

    Every step leaves its files in the folder. If the demo is interrupted, running it again with the same folder continues it; finished
    steps are not repeated.

    Args:
        out: Folder for all files.
        minutes: Time that the demo may take on two free cores; the trainings and the search are made shorter or longer accordingly.
        real: Folder with real annotated sequences to track in as well; by default ../shared/sequences (or $CHIPTRACK_SHARED/sequences),
            if it exists.

    Returns:
        The contents of `summary.json` in the folder.

    Raises:
        ValueError: `minutes` is out of range, or differs from the time that a demo in the same folder began with.
    """
    if not 1 <= minutes <= 24 * 60:
        raise ValueError(f"minutes must lie between 1 and 1440, got {minutes:g}; 12 are usual")
    started = time.monotonic()
    folder = real or Path(os.environ.get("CHIPTRACK_SHARED", "../shared")) / "sequences"
    films = folder_of_sequences.load(folder) if real or folder.is_dir() else None
    with sole_writer(out):
        return _demo(out, minutes, films, started)


def _demo(out: Path, minutes: float, films: DataSet | None, started: float) -> dict:
    settings = _settings(out, minutes)
    say(
        f"chiptrack demo: family {FAMILY}, {settings['supernet_steps']} supernet steps, {settings['winner_steps']} steps for the winner, in {out}"
    )

    table, predictor, supernet, run = out / "table.csv", out / "predictor.json", out / "supernet.safetensors", out / "search"
    _step(1, "measure every operator, and whole networks", table, lambda: measure(family=FAMILY, out=table, networks=NETWORKS, resume=True))
    _step(2, "fit the latency predictor", predictor, lambda: fit_predictor(table, out=predictor))
    _step(
        3,
        "train the supernet",
        supernet,
        lambda: train(family=FAMILY, out=supernet, training=TrainingOptions(steps=settings["supernet_steps"], resume=True)),
    )
    winner, bundle = out / "winner" / "tracker.safetensors", out / "winner" / "bundle"
    _step(4, "search, and measure the front", winner, lambda: _search(supernet, predictor, run, settings["evaluations"]))
    found = _found(run)
    chosen = str(run / found["winner"]["file"])
    _step(
        5,
        "retrain the winner alone",
        winner,
        lambda: retrain(
            chosen, out=winner, supernet=supernet, training=TrainingOptions(steps=settings["winner_steps"], lr=WINNER_LR, resume=True)
        ),
    )
    _step(6, "export it", bundle, lambda: write_bundle(load_tracker(winner), bundle))

    say("[7/7] track with the exported winner")
    tracker = load_for_tracking(str(bundle))
    boxes = out / "winner" / "boxes"
    generated = run_all(tracker, DataSet(synthetic_dataset(TEST_SEED, TEST_SEQUENCES)), boxes / "generated")
    filmed = run_all(tracker, films, boxes / "real") if films else None

    summary = _summary(out, settings, found, generated, filmed, chosen)
    summary["minutes_this_run"] = round((time.monotonic() - started) / 60, 2)
    write_text(out / "summary.json", json.dumps(summary, indent=1) + "\n")
    write_text(out / "report.html", Path(report(run)["report"]).read_text(encoding="utf-8"))
    for line in [*_verdict(summary), f"open {out / 'report.html'}"]:
        say(line)
    return summary


def _step(number: int, title: str, result: Path, work: Callable[[], object]) -> None:
    """Announce a step, and do it unless its result exists."""
    done = result.exists()
    say(f"[{number}/7] {title}" + (": done before" if done else ""))
    if not done:
        work()


def _search(supernet: Path, predictor: Path, run: Path, evaluations: int) -> None:
    """Search, and extend the search to less than twice its evaluations while the front has too few members to choose from."""
    workers = f"local:{min(2, os.cpu_count() or 1)}"
    for total in range(evaluations, 2 * evaluations, max(1, evaluations // 4)):
        running = RunningOptions(evaluations=total, workers=workers, resume=True)
        found = search(supernet=supernet, predictor=[predictor], out=run, running=running)
        if found["front"] >= LEAST_FRONT:
            return


def _settings(out: Path, minutes: float) -> dict:
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


def _found(run: Path) -> dict:
    """Read the summary of the finished search.

    Raises:
        OSError: There is no summary.
        ValueError: The summary is not as a search writes it.
    """
    path = run / "summary.json"
    try:
        found = read_record(path)
        winner, kept = found["winner"], ("front", "rescored", "evaluations")
        numbers({**{name: found[name] for name in kept}, **winner["values"], **winner.get("predicted", {})})
        if re.fullmatch(r"front/[0-9]{1,9}\.json", winner["file"]) is None:
            raise ValueError(f"the winner's file {winner['file']!r:.80}")
        if not (isinstance(found["why"], str) and isinstance(found["ties"], list) and LATENCY.name in winner["values"]):
            raise ValueError("why, ties or the winner's latency")
        if found["tie_within"] is not None:
            numbers({"tie_within": found["tie_within"]})
    except (KeyError, TypeError, AttributeError, ValueError) as err:
        raise ValueError(f"the summary of a search must be as the search wrote it, {path} fails at {err!s:.200}; search anew") from err
    return found


def _front_errors(front: Path) -> list[float]:
    """Relative errors of the predicted latencies of the front's members that were measured.

    Raises:
        ValueError: A file of the front is not as a search writes it.
    """
    errors, name = [], LATENCY.name
    for path in sorted(front.glob("*.json")):
        try:
            member = read_record(path)["candidate"]
            if "predicted" in member:
                predicted, measured = (numbers(member[part])[name] for part in ("predicted", "values"))
                errors.append(abs(predicted / measured - 1))
        except (KeyError, TypeError, ZeroDivisionError, ValueError) as err:
            raise ValueError(f"a file of the front must be as the search wrote it, {path} fails at {err!s:.200}; search anew") from err
    return errors


def _summary(out: Path, settings: dict, found: dict, generated: dict, filmed: dict | None, chosen: str) -> dict:
    """Return the figures that the demo keeps in `summary.json`, most of which it prints."""
    errors, name = _front_errors(out / "search" / "front"), LATENCY.name
    latency = found["winner"]["values"][name]
    gains = [one["ao"] - one["static_ao"] for one in generated["sequences"]]
    winner = find_architecture(chosen)
    summary = {
        "family": settings["family"],
        "supernet_steps": settings["supernet_steps"],
        "winner_steps": settings["winner_steps"],
        "evaluations": found["evaluations"],
        "front": found["front"],
        "winner": {"name": winner.name, "key": winner.key, "file": f"search/{found['winner']['file']}"},
        "winner_why": found["why"],
        "ties": len(found["ties"]),
        "compared": found["rescored"],
        "tie_within": found["tie_within"],
        "ao_generated": generated["ao"],
        "static_ao_generated": generated["static_ao"],
        "ao_generated_over_static": generated["ao"] / generated["static_ao"],
        "gain_standard_error": standard_error(gains),
        "latency_predicted_ms": found["winner"].get("predicted", found["winner"]["values"])[name],
        "latency_measured_ms": latency if errors else None,
        "front_latency_mape": 100 * float(np.mean(errors)) if errors else None,
        "ms_per_frame_tracking": generated["ms_per_frame"],
    }
    if filmed is not None and filmed["ao"] is not None:
        summary |= {"ao_real": filmed["ao"], "static_ao_real": filmed["static_ao"], "real_sequences": len(filmed["sequences"])}
    return summary


def _verdict(summary: dict) -> list[str]:
    lines = [
        f"winner: {summary['winner']['name']}",
        f"  {summary['winner_why']}",
        f"  {summary['ties']} of the {summary['compared']} compared tie with the most accurate"
        + (f"; differences below about {summary['tie_within']:.3f} are ties" if summary["tie_within"] else ""),
        f"  AO on unseen generated sequences {summary['ao_generated']:.3f}, a box that never moves {summary['static_ao_generated']:.3f} "
        f"({summary['ao_generated_over_static']:.2f} times; the gain is known to +-{summary['gain_standard_error']:.3f})",
    ]
    if "ao_real" in summary:
        lines.append(
            f"  AO on {summary['real_sequences']} real sequences {summary['ao_real']:.3f}, a box that never moves {summary['static_ao_real']:.3f}"
        )
    lines.append(f"  {summary['latency_predicted_ms']:.2f} ms a frame predicted" + _measured(summary))
    return lines


def _measured(summary: dict) -> str:
    if summary["latency_measured_ms"] is None:
        return ", not measured"
    return f", {summary['latency_measured_ms']:.2f} ms measured; mean error over the front {summary['front_latency_mape']:.1f} %"
