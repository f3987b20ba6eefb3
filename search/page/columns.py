"""All candidates of a search by columns: compact enough that a page holds tens of thousands. `search/page/page.js` reads them.

Figures have nine digits; a figure that is not known is null.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from search.study.candidate import Candidate
from search.problem.objectives import Objective
from search.page.drawing import digits, plan
from search.page.wording import title
from search.report import ReportData


def columns(data: ReportData) -> dict:
    """What the page computes with, as JSON.

    Args:
        data: A search.
    """
    candidates = data.candidates
    places = {candidate.number: i for i, candidate in enumerate(candidates)}
    strategies = list(dict.fromkeys(candidate.strategy for candidate in candidates))
    found = data.recommendation
    tables = plan(data.family)
    return {
        "figures": [_figure(objective, candidates) for objective in _every(data)],
        "objectives": [objective.name for objective in data.objectives],
        "number": [candidate.number for candidate in candidates],
        "feasible": [int(candidate.feasible) for candidate in candidates],
        "strategies": strategies,
        "strategy": [strategies.index(candidate.strategy) for candidate in candidates],
        "seconds": _numbers(candidate.seconds for candidate in candidates),
        "digits": digits(data.choices),
        "key": [candidate.architecture.key for candidate in candidates],
        "name": [candidate.architecture.name for candidate in candidates],
        "front": [places[member.number] for member in data.front],
        "recommended": None if found is None else places[found.winner.number],
        "ties": [] if found is None else [places[number] for number in found.ties],
        "errors": {} if found is None else {places[n]: _number(d.standard_error) for n, d in found.differences.items()},
        "chips": [
            {
                "latency": device.latency,
                "name": device.name,
                "title": f"{device.predictor.name}: {device.predictor.device}",
                "ms": None if device.operator_ms is None else [device.operator_ms.get(op["key"]) for op in tables["operators"]],
            }
            for device in data.devices
        ],
        "plan": tables,
    }


def _every(data: ReportData) -> list[Objective]:
    """The figures, and where candidates were judged again also what that gave."""
    again = [
        Objective(f"{figure.name}_rescored", figure.unit, figure.direction, figure.source)
        for figure in data.figures
        if any(f"{figure.name}_rescored" in candidate.values for candidate in data.candidates)
    ]
    return [*data.figures, *again]


def _figure(figure: Objective, candidates: Sequence[Candidate]) -> dict:
    name = figure.name
    sources = [candidate.sources.get(name) for candidate in candidates]
    common = Counter(source for source in sources if source).most_common(1)
    usual = common[0][0] if common else figure.source
    noise = _numbers(candidate.noise.get(name) for candidate in candidates)
    return {
        "name": name,
        "title": title(name),
        "sign": figure.sign,
        "values": _numbers(candidate.values.get(name) for candidate in candidates),
        "noise": None if all(each is None for each in noise) else noise,
        "source": usual,
        "sources": {i: source for i, source in enumerate(sources) if source not in (usual, None)},
        "predicted": {i: _number(candidate.predicted[name]) for i, candidate in enumerate(candidates) if name in candidate.predicted},
    }


def _numbers(values: Iterable[float | None]) -> list[float | int | None]:
    return [_number(value) for value in values]


def _number(value: float | None) -> float | int | None:
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value == int(value) else float(f"{value:.9g}")
