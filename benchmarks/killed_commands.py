"""The commands that `benchmarks/kills.py` kills, and what of their work is finished at any moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from latency_tables.tables.shipped import find
from supernet.families import FAMILIES
from tracking.generated.synthetic import synthetic_sequence
from tracking.sequence import save_sequence

ROOT = Path(__file__).resolve().parents[1]
MARK = "CHIPTRACK_KILLS"
"""Environment variable by whose value the processes of a run are found, whoever started them."""
RUN = """
import sys
import chiptrack
import latency_tables.measuring.measure as measuring
import supernet.training.fit as fit
whole = measuring.Plan
measuring.Plan = lambda family, operators, *others: whole(family, operators[::5], *others)
fit.SAVE_EVERY_S = 0.3
raise SystemExit(chiptrack.main(sys.argv[1:]))
"""
"""The command line, except that `measure` takes every fifth operator, and that a training saves its state often enough for a short one."""

Items = dict[object, object]
"""Finished items; each with something that changes when it is done again, such as the lines of the journal that it stands in."""


@dataclass(frozen=True)
class Work:
    """A command to be killed."""

    words: list[str]
    """Its command line, without --resume; it runs in a folder of its own."""
    finished: Callable[[Path], Items]
    """Reads the finished items from that folder."""
    watched: Mapping[str, int]
    """Files, by pattern, at whose appearance or change it is killed; each with about how often they change."""
    results: tuple[str, ...]
    """Files, by pattern, that must equal those of the uninterrupted run."""


def journal(path: Path, keys: Callable[[dict], Iterable[object]]) -> Items:
    """Items of a journal of JSON lines, by keys; each with the numbers of its lines."""
    found: dict[object, tuple[int, ...]] = {}
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True) if path.exists() else ()):
        if line.endswith(b"\n"):
            for key in keys(json.loads(line)):
                found[key] = (*found.get(key, ()), number)
    return dict(found)


def measured(folder: Path) -> Items:
    """Items of a measurement: models that are ready, and samples; those of the reference model may be taken again."""

    def keys(record: dict) -> Iterable[object]:
        if record.get("kind") == "time" and record["graph"] != "reference":
            yield record["graph"], record["round"], record["again"]
        elif record.get("kind") in ("ready", "unsupported", "energy", "memory"):
            yield record["kind"], record["graph"]

    return journal(folder.with_name("journal"), keys)


def searched(folder: Path) -> Items:
    """Items of a search: architectures that were tried, ended trials, and notes about candidates."""

    def keys(record: dict) -> Iterable[object]:
        match record["op_code"]:
            case 2:
                yield from (("note", name) for name in record["user_attr"])
            case 4:
                yield "architecture", json.dumps(record["params"])
            case 6:
                yield "end", record["trial_id"]

    return journal(folder / "run/study/journal.log", keys)


_STEPS = 40
"""Steps of the trainings that are killed."""


def trained(folder: Path) -> Items:
    """Saved steps of a training: all, when its checkpoint is there, which takes the place of the state."""
    if (folder / "out.safetensors").exists():
        return {step: None for step in range(_STEPS)}
    state = folder / "out.safetensors.part"
    return {step: None for step in range(torch.load(state, weights_only=True)["step"] if state.exists() else 0)}


def evaluated(folder: Path) -> Items:
    """Sequences whose results are whole, each with the time at which its boxes were written."""
    return {path.name: path.stat().st_mtime_ns for path in (folder / "run").glob("s*.txt") if path.stem[1:].isdecimal()}


def works(inputs: Path) -> dict[str, Work]:
    """The commands, small enough to take some ten seconds each; what they need is made first."""
    arch = FAMILIES["nano"].space.sample(np.random.default_rng(0)).name
    supernet, predictor, bundle = (str(inputs / name) for name in ("supernet.safetensors", "predictor.json", "bundle"))
    tables = [str(find(f"nano-{runtime}-fp32")) for runtime in ("mnn", "ncnn")]
    for words in (
        ["train", "--family", "nano", "--steps", "20", "--batch", "2", "--out", supernet],
        ["fit-predictor", tables[0], "--out", predictor],
        ["export", arch, "--out", bundle],
    ):
        subprocess.run([sys.executable, "-c", RUN, *words], check=True, env=environment(inputs), capture_output=True)
    for seed in range(12):
        save_sequence(synthetic_sequence(seed, frames=60), inputs / "data" / f"s{seed}")
    short = ["--steps", str(_STEPS), "--batch", "2", "--out", "out.safetensors"]
    judged = [
        "--pairs",
        "64",
        "--sequences",
        "2",
        "--rescoring",
        "2",
        "--frames",
        "4",
        "--unmeasured",
        "--evaluations",
        "8",
        "--strategy",
        "nsga2",
    ]
    simulated = ["--runtime", "simulated", "--networks", "4", "--out"]
    state = {"out.safetensors.part": 20, ".out.safetensors*": 20, "out.safetensors": 1}
    found = ("run/front/*.json", "run/candidates.csv", "run/summary.json")
    return {
        "measure": Work(
            ["measure", "--family", "nano", *simulated, "t.csv"],
            measured,
            {"t.csv.part": 500, "t.json": 1, "t.csv": 1, ".t.*": 2},
            ("t.csv",),
        ),
        "train": Work(["train", "--family", "nano", *short], trained, state, ("out.safetensors",)),
        "search": Work(
            ["search", "--supernet", supernet, "--predictor", predictor, *judged, "--out", "run"],
            searched,
            {"run/study/journal.log": 40, "run/.*": 6, **dict.fromkeys(found, 1), "run/report.html": 1},
            found,
        ),
        "retrain": Work(["retrain", arch, "--supernet", supernet, *short], trained, state, ("out.safetensors",)),
        "evaluate": Work(
            ["evaluate", bundle, "--dataset", "folder", "--root", str(inputs / "data"), "--out", "run"],
            evaluated,
            {"run/s*.txt": 36, "run/.*": 40, "run/scores.json": 1},
            ("run/s?.txt", "run/s??.txt", "run/*_score.txt", "run/scores.json"),
        ),
        "adapt": Work(
            ["adapt", "--from", *tables, *simulated, "a.json"],
            measured,
            {"a.networks-1.csv.part": 80, "a.networks-1.json": 1, "a.networks-1.csv": 1, "a.json": 1, ".a*": 3},
            ("a.networks-1.csv", "a.json"),
        ),
    }


def environment(scratch: Path) -> dict[str, str]:
    """Environment of a command, which keeps temporary and cached files in the scratch folder."""
    (scratch / "temporary").mkdir(parents=True, exist_ok=True)
    places = {"TMPDIR": str(scratch / "temporary"), "XDG_CACHE_HOME": str(scratch / "cache"), MARK: str(scratch)}
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **places}
