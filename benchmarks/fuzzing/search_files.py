"""Readers of searches: studies, their settings and summaries, the front, and everything that the page of a search is drawn from."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.fuzzing.reader import Files, Reader, files_of
from search.front.results import summarise, write_front
from search.front.verify import Verification
from search.front.winner import front, recommend
from search.judging.judge import Outcome
from search.metrics import Objective
from search.metrics.accuracy import AO, AUC
from search.metrics.counted import multiply_adds, parameters
from search.metrics.predicted import LATENCY
from search.page.data import collect
from search.page.document import draw
from search.problem.feasible import FeasibilityFilter
from search.problem.problem import Constraint, Problem
from search.strategies import STRATEGIES
from search.study.storages.database import Address
from search.study.study import Study, read_candidates
from search.verbs import demo
from search.verbs.from_scratch import scratch_settings
from search.verbs.search import _write_settings
from search.verbs.summary import read_found
from supernet.families import FAMILIES

_NANO = FAMILIES["nano"]
_WORK = multiply_adds(_NANO)
_LATENCY = Objective(LATENCY, lambda choices: _WORK.of(choices) / 1e6, lambda choices: np.full(len(choices), 0.5))
_PROBLEM = Problem(_NANO, (Objective(AO), _LATENCY), (Constraint(_WORK, 2e7),), evaluations=8, noted=(parameters(_NANO),), scored=(AO, AUC))
_SETTINGS = {
    "family": "nano",
    "supernet": {"path": "supernet.safetensors", "sha256": "0"},
    "predictors": [
        {
            "path": "phone.json",
            "sha256": "0",
            "metric": "latency",
            "profile": {"chip": "c", "runtime": "r", "precision": "fp32", "threads": 2},
            "interval": {"low": 0.8, "high": 1.25, "coverage": 0.9},
            "fit": {
                "held_out": [{"name": "n", "predicted_ms": 3.0, "measured_ms": 3.1, "low_ms": 2.9, "high_ms": 3.2}] * 3,
                "learning": [{"networks": 3, "mape": 8.0, "expected_mape": 9.0}, {"networks": 10, "mape": 4.0}],
            },
        }
    ],
    "objectives": [objective.metric.to_json() for objective in _PROBLEM.objectives],
    "figures": [metric.to_json() for metric in _PROBLEM.metrics],
    "limits": {"max_macs": 2e7},
    "strategy": "random",
    "seed": 0,
}


def _open(folder: Path) -> Study:
    anchor = _NANO.architecture({label: values[0] for label, values in _NANO.space.choices.items()})
    feasible = FeasibilityFilter(_PROBLEM, anchor)
    return Study(folder, _PROBLEM, feasible, ("random", STRATEGIES["random"](feasible, 0)))


def _search(run: Path) -> None:
    study = _open(run / "study")
    for _ in range(6):
        number, arch = study.ask()
        ao = float(_WORK.of(_NANO.space.indices([arch]))[0]) / 4e7
        study.tell(number, Outcome({"ao": (ao - 0.01, ao + 0.01), "auc": (ao, ao)}, 1.0))
    study.note(0, "measured", {LATENCY.name: 3.0})
    study.note(1, "rescored", {"ao": [0.1, 0.3], "auc": [0.2, 0.2]})
    study.note(1, "recalibrated", {"ao": [0.5, 0.6, 0.7]})
    study.ask()  # a trial that was interrupted
    candidates, rejected = study.candidates(), study.rejected()
    study.close()
    members = front(candidates, [AO, LATENCY])
    found = recommend(members, AO, LATENCY)
    verified = Verification({LATENCY.name: 1}, {LATENCY.name: 1}, {LATENCY.name: 1.1}, {})
    ended = {"noise": {"calibration": 0.01, "tie_within": 0.02}, "static_ao": 0.2, "failures": 0, "stopped": None, "seconds": 5.0}
    ended["reliability"] = {"halves": 0.9, "whole": 0.95, "candidates": 8, "groups": 4}
    (run / "settings.json").write_text(json.dumps(_SETTINGS))
    (run / "summary.json").write_text(json.dumps({**summarise(members, found, verified, rejected, len(candidates)), **ended}))
    write_front(run, members, found)


@cache
def _run() -> Files:
    with tempfile.TemporaryDirectory() as scratch:
        _search(Path(scratch) / "search")
        files = files_of(Path(scratch))
    return {name: content for name, content in files.items() if not name.endswith(".lock")}


def _study() -> Files:
    return {"study/journal.log": _run()["search/study/journal.log"]}


def _read_study(folder: Path) -> object:
    found = read_candidates(folder / "study")
    assert all(np.isfinite(figure.value) for candidate in found for figure in candidate.figures.values())
    return found


def _go_on(folder: Path) -> object:
    study = _open(folder / "study")
    try:
        study.ask()
        return study.candidates(), study.failures(), study.rejected()
    finally:
        study.close()


def _page(folder: Path) -> object:
    return draw(collect(folder / "search"))


def _job() -> Files:
    settings = {"minutes": 12.0, "family": "nano", "seconds_per_step": 0.1, "supernet_steps": 1000, "winner_steps": 500, "evaluations": 60}
    return {**_run(), "settings.json": json.dumps(settings).encode()}


def _read_job(folder: Path) -> object:
    """What the demo reads when it goes on: its settings, and the summary and front of its search."""
    settings = scratch_settings(folder, 12.0)
    scored = {"ao": 0.5, "static_ao": 0.2, "ms_per_frame": 3.0, "sequences": [{"ao": 0.5, "static_ao": 0.2}, {"ao": 0.6, "static_ao": 0.3}]}
    return demo._verdict(demo._summary(folder, settings, read_found(folder / "search"), scored, None))


_JOURNAL = {"study/journal.log": ".jsonl"}
READERS = (
    Reader("study, for reading", _study, _read_study, ("study/journal.log",), kinds=_JOURNAL),
    Reader("study, to go on", _study, _go_on, ("study/journal.log",), kinds=_JOURNAL),
    Reader(
        "address of a database",
        lambda: {"database.json": b'{"url": "postgresql://me@localhost:1/studies", "study": "s"}'},
        lambda folder: Address.read(folder),
        ("database.json",),
    ),
    Reader(
        "settings of a search",
        lambda: {"settings.json": json.dumps(_SETTINGS).encode()},
        lambda folder: _write_settings(folder / "settings.json", _SETTINGS, {}),
        ("settings.json",),
    ),
    Reader(
        "page of a search",
        _run,
        _page,
        ("search/settings.json", "search/summary.json", "search/study/journal.log"),
        kinds={"search/study/journal.log": ".jsonl"},
    ),
    Reader("files of a demo", _job, _read_job, ("settings.json", "search/summary.json", "search/front/01.json")),
)
