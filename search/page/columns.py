"""Stores the candidates of a search by column, so that an HTML page with tens of thousands stays small; `search/page/page.js` reads them.

Numbers that are not whole are rounded to nine significant digits. A number that is unknown or not finite is null.
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
    """Return what the script of the page needs, ready to be written as JSON.

    Args:
        data: The search that the page shows.

    Returns:
        One entry for each candidate is in the lists `number`, `feasible` (0 or 1), `strategy` (index in `strategies`), `seconds` (of its
        evaluation), `digits` (its architecture as text, see `drawing.digits`), `key` and `name`. `figures` has an object for each metric,
        see `_column`, and `objectives` the names of the metrics that were optimised. Other entries refer to candidates by their index
        in the lists: the Pareto `front`, the `recommended` candidate, the `ties` (candidates whose accuracy cannot be told from the
        highest) and the `errors` (by index, the standard error of a candidate's difference from the highest accuracy). Without a
        recommendation they are null or empty. `chips` has an object for each device, whose `ms` are the milliseconds of `plan.operators`,
        null if unknown. `plan` is described at `drawing.plan`.
    """
    candidates = data.candidates
    rows = {candidate.number: i for i, candidate in enumerate(candidates)}
    strategies = list(dict.fromkeys(candidate.strategy for candidate in candidates))
    found = data.recommendation
    tables = plan(data.family)
    return {
        "figures": [_column(metric, candidates) for metric in _metrics(data)],
        "objectives": [metric.name for metric in data.objectives],
        "number": [candidate.number for candidate in candidates],
        "feasible": [int(candidate.feasible) for candidate in candidates],
        "strategies": strategies,
        "strategy": [strategies.index(candidate.strategy) for candidate in candidates],
        "seconds": _numbers(candidate.seconds for candidate in candidates),
        "digits": digits(data.choices, tables["width"]),
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


def _metrics(data: ReportData) -> list[Metric]:
    """Return the metrics of the search, followed by those of a second evaluation (`Metric.found_again`), as far as they have figures."""
    every = [*data.metrics, *(metric.found_again for metric in data.metrics)]
    return [m for m in every if m in data.objectives or any(m in candidate.figures for candidate in data.candidates)]


def _column(metric: Metric, candidates: Sequence[Candidate]) -> dict:
    """Return the figures of all candidates for one metric.

    Most figures have the same source, which is `source`; `sources` gives the source of the others by the index of the candidate.
    `predicted` gives, by index, the figures that had been predicted before they were measured.
    """
    figures = [candidate.figures.get(metric) for candidate in candidates]
    most = Counter(figure.source for figure in figures if figure).most_common(1)
    common = most[0][0] if most else metric.source
    noise = _numbers(figure and figure.noise for figure in figures)
    return {
        "name": metric.name,
        "kind": metric.rated_kind,
        "device": metric.device,
        "again": metric.again,
        "title": title(metric),
        "sign": metric.sign,
        "values": _numbers(figure and figure.value for figure in figures),
        "noise": None if all(each is None for each in noise) else noise,
        "source": common,
        "sources": {i: figure.source for i, figure in enumerate(figures) if figure and figure.source != common},
        "predicted": {i: _number(figure.predicted) for i, figure in enumerate(figures) if figure and figure.predicted is not None},
    }


def _numbers(values: Iterable[float | None]) -> list[float | int | None]:
    return [_number(value) for value in values]


def _number(value: float | None) -> float | int | None:
    """Round to nine significant digits; None stands for a value that is unknown or not finite."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value == int(value) else float(f"{value:.9g}")
