"""What the page of a search shows, as plain data. `search/page/document.py` draws it.

Besides what `search` writes into its folder (RUN), the page shows, where they exist, the predictors that it used, as long as their files are
still the same, and `summary.json` beside RUN (any figures by name, as `chiptrack demo` writes them).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path

import numpy as np

from predictors.latency import LatencyPredictor
from predictors.load import load_latency
from predictors.report import Comparison, PredictorReport, predictor_report
from search.front.verify import apply
from search.front.winner import Recommendation, front, recommend
from search.metrics.metric import Metric
from search.metrics.predicted import LATENCY
from search.page.convergence import Curve, curves
from search.page.importance import Importance, importance
from search.page.peers import PeerTime, peer_times
from search.problem.problem import deciding
from search.study.candidate import Candidate
from search.study.study import read_candidates
from supernet.catalogue import find_family
from supernet.families.family import Family
from tracking.files.records import read_record


@dataclass(frozen=True)
class Device:
    """One of the devices that a search was for: how far its predictions hold."""

    latency: Metric
    """Its latency among the metrics."""
    predictor: PredictorReport
    measured: Sequence[Comparison]
    """Candidates of this search that were measured on it."""
    operator_ms: Mapping[str, float] | None
    """Milliseconds of operators by key; None where the predictor's file is gone or another."""

    @property
    def name(self) -> str:
        """What the search calls it; empty where it knows only one."""
        return self.latency.device

    @property
    def comparisons(self) -> list[Comparison]:
        """Everything that was both predicted and measured."""
        return [*self.predictor.held_out, *self.measured]


@dataclass(frozen=True)
class ReportData:
    """Everything the page shows."""

    run: Path
    family: Family
    settings: Mapping
    summary: Mapping
    """What `search` wrote when it ended; empty before."""
    job: Mapping
    """Figures of the folder that the search is part of."""
    objectives: Sequence[Metric]
    """What was optimised; the first is an accuracy, and a cost is among the others."""
    metrics: Sequence[Metric]
    """Everything that candidates are known by: objectives and what was noted."""
    candidates: Sequence[Candidate]
    choices: np.ndarray
    """(N, L) index of the chosen value of each choice of each candidate."""
    front: Sequence[Candidate]
    """The non-dominated feasible candidates, most accurate first."""
    recommendation: Recommendation | None
    """The winner, and how the others compare; None while the search has not ended."""
    curves: Sequence[Curve]
    importances: Sequence[Importance]
    """Of the objectives; none of those of which too little is known."""
    devices: Sequence[Device]
    peer_times: Mapping[str, Sequence[PeerTime]]
    """Of published trackers that can be built, by name."""

    @property
    def accuracy(self) -> Metric:
        """The accuracy that ranks."""
        return deciding(self.objectives)[0]

    @property
    def cost(self) -> Metric:
        """The cost that decides between ties."""
        return deciding(self.objectives)[1]


def collect(run: Path) -> ReportData:
    """Read what the page shows.

    Args:
        run: Folder of a search.

    Raises:
        FileNotFoundError: There is no search in the folder.
        ValueError: A file in it cannot be read.
    """
    candidates = read_candidates(run / "study")
    paths = run / "settings.json", run / "summary.json", run.absolute().parent / "summary.json"
    settings, summary, job = map(_read, paths)
    try:
        return assemble(run, settings, summary, job, candidates)
    except (KeyError, TypeError, AttributeError, StopIteration) as err:
        raise ValueError(
            f"settings.json and summary.json must be as `chiptrack search` writes them, those in {run} are not ({err!r}); search anew"
        ) from err


def assemble(run: Path, settings: Mapping, summary: Mapping, job: Mapping, candidates: Sequence[Candidate]) -> ReportData:
    """Compute what the page shows.

    Args:
        run: Folder of the search, for the commands that go on from it.
        settings: Of the search; names at least `family`, `objectives` and `figures`.
        summary: Of the search; empty before it ends.
        job: Figures of what the search is part of.
        candidates: In the order of their numbers, as `read_candidates` returns them; what measuring corrected is applied here.

    Raises:
        KeyError: The settings lack something.
    """
    objectives, metrics = ([Metric.from_json(record) for record in settings[name]] for name in ("objectives", "figures"))
    named = {metric.name: metric for metric in metrics}
    corrected = {named[name]: factor for name, factor in summary.get("verified", {}).get("corrected", {}).items()}
    candidates = apply(candidates, corrected, settings.get("limits", {}))
    family = find_family(settings["family"])
    members = front(candidates, objectives)
    choices = family.space.indices([candidate.architecture for candidate in candidates])
    models = _models(settings)
    devices = _devices(settings, metrics, candidates, members, models)
    calibration = summary.get("noise", {}).get("calibration") or 0.0
    columns = {metric: np.array([candidate.value(metric) for candidate in candidates]) for metric in objectives}
    found = [importance(metric, choices, values) for metric, values in columns.items()]
    timed = {device.predictor.device: model for device, model in zip(devices, models, strict=False) if model is not None}
    return ReportData(
        run=run,
        family=family,
        settings=settings,
        summary=summary,
        job=job,
        objectives=objectives,
        metrics=metrics,
        candidates=candidates,
        choices=choices,
        front=members,
        recommendation=recommend(members, *deciding(objectives), calibration) if members and summary else None,
        curves=curves(candidates, objectives),
        importances=[each for each in found if each is not None],
        devices=devices,
        peer_times=peer_times(timed),
    )


def _read(path: Path) -> dict:
    if not path.is_file():
        return {}
    try:
        return read_record(path)
    except ValueError as err:
        raise ValueError(f"{path.name} must be a JSON object, {path} is none ({err}); remove it") from err


def _latencies(settings: Mapping) -> list[Mapping]:
    """What is kept of the predictors of latency, in the order of the latencies."""
    return [record for record in settings.get("predictors", []) if record.get("metric", "latency") == "latency"]


def _models(settings: Mapping) -> list[LatencyPredictor | None]:
    """The predictors of latency; None where a file is gone or another."""
    found = []
    for record in _latencies(settings):
        path = Path(record.get("path", ""))
        same = path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == record.get("sha256")
        found.append(load_latency(path) if same else None)
    return found


def _devices(
    settings: Mapping,
    metrics: Sequence[Metric],
    candidates: Sequence[Candidate],
    members: Sequence[Candidate],
    models: Sequence[LatencyPredictor | None],
) -> list[Device]:
    latencies = [metric for metric in metrics if metric.kind == LATENCY.kind]
    ranks = {member.number: f"front/{rank:02} " for rank, member in enumerate(members, 1)}
    devices = []
    for latency, (record, model) in zip(latencies, chain(zip(_latencies(settings), models, strict=True), repeat(({}, None))), strict=False):
        measured = [
            _comparison(f"{ranks.get(candidate.number, '')}#{candidate.number} {candidate.architecture.name}", candidate, latency, record)
            for candidate in candidates
            if candidate.is_measured(latency)
        ]
        devices.append(Device(latency, predictor_report(record), measured, None if model is None else model.operator_ms))
    return devices


def _comparison(title: str, candidate: Candidate, latency: Metric, record: Mapping) -> Comparison:
    figure, factors = candidate.figures[latency], record.get("interval")
    predicted = figure.value if figure.predicted is None else figure.predicted
    interval = None if factors is None else (predicted * factors["low"], predicted * factors["high"])
    return Comparison(title, predicted, figure.value, interval)
