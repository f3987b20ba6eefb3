"""The content of a search's page as plain data; `search/page/document.py` draws it.

Besides the files that `search` writes into its folder (RUN), two sources are used where they exist: the files of the predictors that
the search used, as long as they are unchanged (for the times of operators and of published trackers), and `summary.json` in the parent
folder of RUN (any figures by name, as `chiptrack demo` writes them).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, repeat
from pathlib import Path

import numpy as np

from predictors.latency import LatencyPredictor
from predictors.load import load_latency
from predictors.report import Comparison, PredictorReport, predictor_report
from search.front.verify import apply
from search.front.winner import Recommendation, front, recommend
from search.judging.reliability import Reliability, reliability
from search.metrics.metric import Metric
from search.metrics.predicted import LATENCY
from search.page.convergence import Curve, curves
from search.page.files import read_job, read_settings, read_summary
from search.page.importance import Importance, importance
from search.page.peers import PeerTime, peer_times
from search.problem.problem import deciding
from search.study.candidate import Candidate
from search.study.study import read_candidates
from supernet.catalogue import find_family
from supernet.families.family import Family


@dataclass(frozen=True)
class Device:
    """One of the devices of a search, and how well latency on it is predicted."""

    latency: Metric
    """The metric of latency on this device."""
    predictor: PredictorReport
    """What is known about the accuracy of the device's predictor."""
    measured: Sequence[Comparison]
    """Predicted and measured latency of the candidates of this search that were measured on the device."""
    operator_ms: Mapping[str, float] | None
    """Milliseconds of each operator by its key; None if the predictor's file is missing or has changed."""

    @property
    def name(self) -> str:
        """Name of the device in the search; empty if there is only one device."""
        return self.latency.device

    @property
    def comparisons(self) -> list[Comparison]:
        """All networks that were both predicted and measured: held-out networks of the predictor, then candidates of this search."""
        return [*self.predictor.held_out, *self.measured]


@dataclass(frozen=True)
class ReportData:
    """Everything the page shows."""

    run: Path
    """Folder of the search."""
    family: Family
    settings: Mapping
    """Contents of `settings.json`."""
    summary: Mapping
    """Contents of `summary.json`, which `search` writes when it ends; empty for an unfinished search."""
    job: Mapping
    """Figures of the larger job that the search is part of; empty if there is none."""
    objectives: Sequence[Metric]
    """Metrics that were optimised: the first is an accuracy, and at least one of the others is a cost."""
    metrics: Sequence[Metric]
    """All metrics that candidates have figures of: the objectives and those that were only recorded."""
    candidates: Sequence[Candidate]
    choices: np.ndarray
    """(N, L) index of the chosen value of each choice of each candidate."""
    front: Sequence[Candidate]
    """The non-dominated feasible candidates, most accurate first."""
    recommendation: Recommendation | None
    """The recommended candidate and how the others compare with it; None if the search has not ended or the front is empty."""
    curves: Sequence[Curve]
    importances: Sequence[Importance]
    """How much each choice matters for an objective; objectives of which too little is known are left out."""
    devices: Sequence[Device]
    peer_times: Mapping[str, Sequence[PeerTime]]
    """Predicted times of the published trackers that chiptrack can build, by the tracker's name."""

    @cached_property
    def reliability(self) -> Reliability | None:
        """How alike halves of the validation data rank the candidates; None if too few are known."""
        scores = [candidate.scores.get(self.accuracy.spelling, ()) for candidate in self.candidates]
        return reliability(scores) if len(set(map(len, scores))) == 1 else None

    @property
    def accuracy(self) -> Metric:
        """The accuracy by which candidates are ranked."""
        return deciding(self.objectives)[0]

    @property
    def cost(self) -> Metric:
        """The cost that decides between candidates whose accuracies are tied."""
        return deciding(self.objectives)[1]


def collect(run: Path) -> ReportData:
    """Read the files of a search, and compute what its page shows.

    Args:
        run: Folder of the search.

    Raises:
        FileNotFoundError: The folder holds no search.
        ValueError: A file in it cannot be read.
        ConnectionError: The study's database does not answer.
        ImportError: The driver of the study's database is not installed.
    """
    candidates = read_candidates(run / "study")
    settings = read_settings(run / "settings.json")
    summary = read_summary(run / "summary.json", settings)
    job = read_job(run.absolute().parent / "summary.json")
    try:
        return assemble(run, settings, summary, job, candidates)
    except (LookupError, TypeError, AttributeError, StopIteration) as err:
        raise ValueError(
            f"settings.json and summary.json must be as `chiptrack search` writes them, those in {run} are not ({err!r:.120}); search anew"
        ) from err


def assemble(run: Path, settings: Mapping, summary: Mapping, job: Mapping, candidates: Sequence[Candidate]) -> ReportData:
    """Compute what the page of a search shows.

    Args:
        run: Folder of the search, which stands in the commands that the page offers.
        settings: Contents of `settings.json`, with at least `family`, `objectives` and `figures`.
        summary: Contents of `summary.json`; empty for a search that has not ended.
        job: Figures of the larger job that the search is part of.
        candidates: Candidates in the order of their numbers, as `read_candidates` returns them. The corrections of predictions that the
            summary records are applied to them here.

    Raises:
        KeyError: The settings lack one of these fields.
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


def _latencies(settings: Mapping) -> list[Mapping]:
    """Return the settings' records of the latency predictors, in the order of the latency metrics."""
    return [record for record in settings.get("predictors", []) if record.get("metric", "latency") == "latency"]


def _models(settings: Mapping) -> list[LatencyPredictor | None]:
    """Load the latency predictors; None stands for one whose file is missing or has changed."""
    found = []
    for record in _latencies(settings):
        path = Path(record.get("path", ""))
        same = path.is_file() and _sha256(path) == record.get("sha256")
        found.append(load_latency(path) if same else None)
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:  # of any size, since anybody may have named it
        return hashlib.file_digest(file, "sha256").hexdigest()


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
