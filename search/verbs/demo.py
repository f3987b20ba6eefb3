"""The verb `demo`: the whole workflow once on this machine, from measuring through searching to tracking."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from latency_tables.tables.table import table_files
from search.judging.noise import standard_error
from search.metrics.predicted import LATENCY
from search.verbs.cut import CuttingOptions, Places, cut_out
from search.verbs.from_scratch import from_scratch as made_from_scratch
from search.verbs.report import report
from search.verbs.summary import front_errors, read_found
from supernet import shipped
from supernet.catalogue import find_architecture
from supernet.deploy.evaluate import run_all
from supernet.deploy.loading import load_for_tracking
from tracking.datasets import folder as folder_of_sequences
from tracking.datasets.data_set import DataSet
from tracking.files.atomic import copy_file, sole_writer, write_text
from tracking.files.guard import Reads, Writes, guarded
from tracking.files.progress import say
from tracking.files.records import read_record
from tracking.generated.synthetic import synthetic_dataset

TEST_SEED = 3_900_000
"""Seed of the first test sequence; training, validation, rescoring and the tuning of constants use other seeds."""
TEST_SEQUENCES = 32
USUAL_MINUTES = {False: 8.0, True: 12.0}
"""Minutes that a demo takes if nobody says otherwise, by whether it is made from scratch."""
EVALUATIONS_A_MINUTE, LEAST, MOST = 10, 40, 400
"""Architectures judged for each minute, and the least and the greatest number of them."""


@guarded
def demo(
    *,
    out: Annotated[Path, Writes(folder=True)] = Path("runs/demo"),
    minutes: float | None = None,
    real: Annotated[Path | None, Reads(beside=True)] = None,
    from_scratch: bool = False,
) -> dict:
    """Cut a tracker for this machine from the supernet that comes with chiptrack, and track with it.

    Every step leaves its files in the folder. If the demo is interrupted, running it again with the same folder continues it; finished
    steps are not repeated.

    Args:
        out: Folder for all files.
        minutes: Time that the demo may take on two free cores, by default 8, or 12 from scratch; the search and the trainings are made
            shorter or longer accordingly.
        real: Folder with real annotated sequences to track in as well; by default ../shared/sequences (or $CHIPTRACK_SHARED/sequences),
            if it exists.
        from_scratch: Begin with nothing: measure every operator, train a small supernet, search it and retrain the winner.

    Returns:
        The contents of `summary.json` in the folder.

    Raises:
        ValueError: `minutes` is out of range, or a demo in the same folder began with other arguments.
    """
    minutes = USUAL_MINUTES[from_scratch] if minutes is None else minutes
    if not 1 <= minutes <= 24 * 60:
        raise ValueError(f"minutes must lie between 1 and 1440, got {minutes:g}; {USUAL_MINUTES[from_scratch]:g} are usual")
    started = time.monotonic()
    folder = real or Path(os.environ.get("CHIPTRACK_SHARED", "../shared")) / "sequences"
    films = folder_of_sequences.load(folder) if real or folder.is_dir() else None
    with sole_writer(out):
        settings = made_from_scratch(out, minutes) if from_scratch else _from_shipped(out, minutes)
        return _tracked(out, settings, films, started)


def _from_shipped(out: Path, minutes: float) -> dict:
    """Cut a tracker for this machine out of the supernet that comes with chiptrack; returns what was decided for the folder."""
    settings = _settings(
        out / "settings.json", Settings(minutes, shipped.FAMILY, int(min(max(minutes * EVALUATIONS_A_MINUTE, LEAST), MOST)))
    )
    say(f"chiptrack demo: family {settings.family}, {settings.evaluations} evaluations, in {out}")
    supernet, table = out / "supernet.safetensors", out / "table.csv"
    if not supernet.exists():
        copy_file(shipped.SUPERNET, supernet)
    places = Places(out / "predictor.json", out / "search", out / "winner" / "tracker.safetensors", out / "winner" / "bundle")
    cut_out(places, CuttingOptions(supernet, evaluations=settings.evaluations, workers=f"local:{min(2, os.cpu_count() or 1)}"), of=5)
    if not table.exists():
        for measured, kept in zip(table_files(places.networks), table_files(table), strict=True):
            copy_file(measured, kept)
    say("[5/5] track with the exported winner")
    return asdict(settings)


@dataclass(frozen=True)
class Settings:
    """What is decided once for the folder of a demo that begins with the shipped supernet."""

    minutes: float
    family: str
    evaluations: int


def _settings(path: Path, wanted: Settings) -> Settings:
    """Keep the settings in a file, or check that a file holds the same."""
    if not path.is_file():
        write_text(path, json.dumps(asdict(wanted), indent=1) + "\n")
        return wanted
    try:
        kept = read_record(path)
    except ValueError as err:
        raise ValueError(f"the settings of a demo must be as it wrote them, {path} is not; choose another --out") from err
    if kept != asdict(wanted):
        raise ValueError(f"a demo goes on with the arguments that it began with, {path} holds {kept!s:.120}; choose another --out")
    return wanted


def _tracked(out: Path, settings: dict, films: DataSet | None, started: float) -> dict:
    """Track generated and real sequences with the exported winner, and write the summary and the page."""
    found = read_found(out / "search")
    tracker, boxes = load_for_tracking(str(out / "winner" / "bundle")), out / "winner" / "boxes"
    generated = run_all(tracker, DataSet(synthetic_dataset(TEST_SEED, TEST_SEQUENCES)), boxes / "generated")
    filmed = run_all(tracker, films, boxes / "real") if films else None
    summary = _summary(out, settings, found, generated, filmed)
    summary["minutes_this_run"] = round((time.monotonic() - started) / 60, 2)
    write_text(out / "summary.json", json.dumps(summary, indent=1) + "\n")
    write_text(out / "report.html", Path(report(out / "search")["report"]).read_text(encoding="utf-8"))
    for line in [*_verdict(summary), f"open {out / 'report.html'}"]:
        say(line)
    return summary


def _summary(out: Path, settings: dict, found: dict, generated: dict, filmed: dict | None) -> dict:
    """Return the figures that the demo keeps in `summary.json`, most of which it prints."""
    errors, name = front_errors(out / "search" / "front"), LATENCY.name
    latency = found["winner"]["values"][name]
    gains = [one["ao"] - one["static_ao"] for one in generated["sequences"]]
    winner = find_architecture(str(out / "search" / found["winner"]["file"]))
    summary = {
        **settings,
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
