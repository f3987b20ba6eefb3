"""The trade-off page of a search: what it found, how sure that is, and how to go on. Drawn by `search/page.py`.

Besides what `search` writes into its folder (RUN), the page shows, where they exist, `RUN/measured.json` (a list of
`{"key": ARCHITECTURE KEY, "latency_ms": MEASURED}` for architectures of the study; where there are several devices, `"latency"` names the
one by its prediction, such as `latency_ms:phone`, else it is the slowest), `summary.json` beside RUN (any figures by name, as
`chiptrack demo` writes them), and how well each predictor does on measured networks, as `predictors/report.py` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np

from predictors.report import Comparison, PredictorReport, predictor_report
from search.candidate import Candidate
from search.objectives import ACCURACY, Objective
from search.pareto import hypervolume
from search.study import read_candidates
from search.winner import Recommendation, front, losses, recommend
from tracking.atomic import write_text
from tracking.records import read_record


@dataclass(frozen=True)
class Device:
    """One of the devices that a search was for: how far its predictions hold."""

    predictor: PredictorReport
    measured: Sequence[Comparison]
    """Candidates of this search that were measured on it."""

    @property
    def comparisons(self) -> list[Comparison]:
        """Everything that was both predicted and measured."""
        return [*self.predictor.held_out, *self.measured]


@dataclass(frozen=True)
class ReportData:
    """Everything the page shows."""

    run: Path
    settings: Mapping
    summary: Mapping
    """What `search` wrote when it ended; empty before."""
    candidates: Sequence[Candidate]
    front: Sequence[Candidate]
    """The non-dominated feasible candidates, highest AO first."""
    recommendation: Recommendation | None
    """The winner, and how the others compare; None while the search has not ended."""
    convergence: Sequence[float]
    """After each evaluation: share of the box between the worst and the best figures of this search that the front dominates."""
    devices: Sequence[Device]
    """In the order of `latency_names`."""
    figures: Mapping
    """Of the folder that the search is part of."""

    @property
    def latency_names(self) -> list[str]:
        """Names of the predicted latencies, one for each device."""
        return _latency_names(self.candidates)


def report(run: Path) -> Path:
    """Write the interactive page of a search.

    Args:
        run: Folder that `chiptrack search` wrote; an unfinished one shows what there is.

    Returns:
        The page, `report.html` in that folder.

    Raises:
        FileNotFoundError: There is no search in the folder.
        ValueError: A file in it cannot be read.
    """
    from search.page import draw  # plotly takes a while to import, and workers do not need it

    path = Path(run) / "report.html"
    write_text(path, draw(collect(Path(run))))
    return path


def collect(run: Path) -> ReportData:
    """Read what the page shows.

    Args:
        run: Folder of a search.

    Raises:
        FileNotFoundError: There is no search in the folder.
        ValueError: A file in it cannot be read.
    """
    candidates = read_candidates(run / "study")
    settings, summary, figures = (
        _read(path) for path in (run / "settings.json", run / "summary.json", run.absolute().parent / "summary.json")
    )
    objectives = [ACCURACY, *(Objective(name, "ms", "minimize", "predicted") for name in _latency_names(candidates))]
    members = front(candidates, objectives)
    return ReportData(
        run=run,
        settings=settings,
        summary=summary,
        candidates=candidates,
        front=members,
        recommendation=recommend(members) if members and summary else None,
        convergence=_convergence(candidates, objectives),
        devices=_devices(run, settings, candidates, members),
        figures=figures,
    )


def _read(path: Path) -> dict:
    if not path.is_file():
        return {}
    try:
        return read_record(path)
    except ValueError as err:
        raise ValueError(f"{path.name} must be a JSON object, {path} is none ({err}); remove it") from err


def _latency_names(candidates: Sequence[Candidate]) -> list[str]:
    return [name for name in candidates[0].values if name.startswith("latency_ms")] if candidates else []


def _convergence(candidates: Sequence[Candidate], objectives: Sequence[Objective]) -> list[float]:
    points = losses(candidates, objectives)
    feasible = np.array([candidate.feasible for candidate in candidates], bool)
    if not feasible.any():
        return [0.0] * len(candidates)
    worst, best = points[feasible].max(0), points[feasible].min(0)
    scaled = (points - best) / np.where(worst > best, worst - best, 1)
    return [hypervolume(scaled[:n][feasible[:n]], np.ones(len(objectives))) for n in range(1, len(candidates) + 1)]


def _devices(run: Path, settings: Mapping, candidates: Sequence[Candidate], members: Sequence[Candidate]) -> list[Device]:
    records = settings.get("predictors", [])
    if not (isinstance(records, list) and all(isinstance(record, dict) for record in records)):
        raise ValueError(f"settings.json must list predictors as objects, {run / 'settings.json'} does not; remove it")
    measured = _measured(run / "measured.json", candidates, members)
    pairs = zip_longest(records, _latency_names(candidates))
    return [Device(predictor_report(record or {}), measured.get(name, [])) for record, name in pairs]


def _measured(path: Path, candidates: Sequence[Candidate], members: Sequence[Candidate]) -> dict[str, list[Comparison]]:
    if not path.is_file():
        return {}
    try:
        return by_latency(json.loads(path.read_text(encoding="utf-8")), candidates, members)
    except (ValueError, TypeError, KeyError, AttributeError) as err:
        raise ValueError(
            f"measured.json must list key and latency_ms of architectures of the study, {path} does not ({err!r}); remove it"
        ) from err


def by_latency(rows: Sequence[Mapping], candidates: Sequence[Candidate], members: Sequence[Candidate]) -> dict[str, list[Comparison]]:
    """Join measured milliseconds with the predicted latency that each stands for.

    Args:
        rows: What `measured.json` lists.
        candidates: All of the search.
        members: Those on the front, by rank.

    Returns:
        Comparisons by the latency's name.
    """
    known = {candidate.architecture.key: candidate for candidate in candidates}
    ranks = {member.number: f"front/{rank:02} " for rank, member in enumerate(members, 1)}
    names = _latency_names(candidates)
    found: dict[str, list[Comparison]] = {name: [] for name in names}
    for row in rows:
        candidate = known[row["key"]]
        latency = row.get("latency", max(names, key=lambda name: candidate.values[name]))
        title = f"{ranks.get(candidate.number, '')}#{candidate.number} {candidate.architecture.name}"
        found[latency].append(_comparison(title, candidate, latency, float(row["latency_ms"])))
    return found


def _comparison(title: str, candidate: Candidate, latency: str, measured_ms: float) -> Comparison:
    value, half = candidate.values[latency], candidate.noise.get(latency)
    return Comparison(title, value, measured_ms, None if half is None else (value - half, value + half))
