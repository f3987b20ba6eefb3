"""All candidates of a search as columns, which are so compact that a page can hold tens of thousands; `search/page/page.js` reads them.

Figures are rounded to nine significant digits. A figure that is unknown or not finite is null.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from search.metrics.metric import Metric
from search.page.data import ReportData
from search.page.drawing import digits, plan
from search.page.wording import title
from search.study.candidate import Candidate


def columns(data: ReportData) -> dict:
    """Return the data that the page computes with, ready to be written as JSON.

    Args:
        data: The search that the page shows.

    Returns:
        Lists with one entry for each candidate (`number`, `feasible`, `key`, ...); in `figures` a record of columns for each metric; in
        `chips` the operators' milliseconds on each device; in `plan` the tables of `drawing.plan`. The `front`, the `recommended`
        candidate, its `ties` and the `errors` (standard errors of differences) refer to candidates by their position in the lists.
    """
    candidates = data.candidates
    rows = {candidate.number: i for i, candidate in enumerate(candidates)}
    strategies = list(dict.fromkeys(candidate.strategy for candidate in candidates))
    found = data.recommendation
    tables = plan(data.family)
    return {
        "figures": [_column(metric, candidates) for metric in _every(data)],
        "objectives": [metric.name for metric in data.objectives],
        "number": [candidate.number for candidate in candidates],
        "feasible": [int(candidate.feasible) for candidate in candidates],
        "strategies": strategies,
        "strategy": [strategies.index(candidate.strategy) for candidate in candidates],
        "seconds": _numbers(candidate.seconds for candidate in candidates),
        "digits": digits(data.choices),
        "key": [candidate.architecture.key for candidate in candidates],
        "name": [candidate.architecture.name for candidate in candidates],
        "front": [rows[member.number] for member in data.front],
        "recommended": None if found is None else rows[found.winner.number],
        "ties": [] if found is None else [rows[number] for number in found.ties],
        "errors": {} if found is None else {rows[n]: _number(d.standard_error) for n, d in found.differences.items()},
        "chips": [
            {
                "latency": device.latency.name,
                "name": device.name,
                "title": f"{device.predictor.name}: {device.predictor.device}",
                "ms": None if device.operator_ms is None else [device.operator_ms.get(op["key"]) for op in tables["operators"]],
            }
            for device in data.devices
        ],
        "plan": tables,
    }


def _every(data: ReportData) -> list[Metric]:
    """Return the metrics of the search, followed by the `found_again` metrics of which some candidate has a figure."""
    again = [metric.found_again for metric in data.metrics]
    return [*data.metrics, *(metric for metric in again if any(metric in candidate.figures for candidate in data.candidates))]


def _column(metric: Metric, candidates: Sequence[Candidate]) -> dict:
    """Return one metric's figures of all candidates; `sources` lists those that differ from the most common source."""
    figures = [candidate.figures.get(metric) for candidate in candidates]
    common = Counter(figure.source for figure in figures if figure).most_common(1)
    usual = common[0][0] if common else metric.source
    noise = _numbers(figure and figure.noise for figure in figures)
    return {
        "name": metric.name,
        "kind": metric.kind,
        "device": metric.device,
        "again": metric.again,
        "title": title(metric),
        "sign": metric.sign,
        "values": _numbers(figure and figure.value for figure in figures),
        "noise": None if all(each is None for each in noise) else noise,
        "source": usual,
        "sources": {i: figure.source for i, figure in enumerate(figures) if figure and figure.source != usual},
        "predicted": {i: _number(figure.predicted) for i, figure in enumerate(figures) if figure and figure.predicted is not None},
    }


def _numbers(values: Iterable[float | None]) -> list[float | int | None]:
    return [_number(value) for value in values]


def _number(value: float | None) -> float | int | None:
    """Round to nine significant digits; None stands for a value that is unknown or not finite."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value == int(value) else float(f"{value:.9g}")
