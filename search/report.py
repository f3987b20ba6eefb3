"""The trade-off page of a search: what it found, how sure that is, and how to go on. Drawn by `search/page.py`.

Besides what `search` writes into its folder (RUN), the page shows, where they exist, `RUN/measured.json` (a list of
`{"key": ARCHITECTURE KEY, "latency_ms": MEASURED}`, for architectures of the study), `summary.json` beside RUN (any figures by name, as
`chiptrack demo` writes them), and the networks that a predictor was validated on, where its file lists them as
`fit.held_out`: `{"name", "predicted_ms", "measured_ms"}`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from search.candidate import Candidate
from search.objectives import ACCURACY, Objective
from search.pareto import hypervolume
from search.study import read_candidates
from search.winner import Recommendation, front, losses, recommend
from tracking.atomic import write_text
from tracking.records import read_record


@dataclass(frozen=True)
class Comparison:
    """A latency that was both predicted and measured."""

    label: str
    kind: str
    """`measured network, held out` or `candidate of this search`."""
    predicted_ms: float
    measured_ms: float


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
    comparisons: Sequence[Comparison]
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
        comparisons=[*_validation(settings), *_measured(run / "measured.json", candidates)],
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


def _validation(settings: Mapping) -> list[Comparison]:
    """The networks that the predictors were cross-validated on, each predicted by a model that had not seen it."""
    return [
        Comparison(row["name"], "measured network, held out", float(row["predicted_ms"]), float(row["measured_ms"]))
        for predictor in settings.get("predictors", [])
        for row in predictor.get("fit", {}).get("held_out", [])
    ]


def _measured(path: Path, candidates: Sequence[Candidate]) -> list[Comparison]:
    if not path.is_file():
        return []
    known = {candidate.architecture.key: candidate for candidate in candidates}
    try:
        rows = [(known[row["key"]], float(row["latency_ms"])) for row in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, TypeError, KeyError) as err:
        raise ValueError(
            f"measured.json must list key and latency_ms of architectures of the study, {path} does not ({err!r}); remove it"
        ) from err
    return [Comparison(f"#{c.number} {c.architecture.name}", "candidate of this search", c.latency_ms, measured) for c, measured in rows]
