"""The top of the page: the recommended candidate, its key figures, and how many architectures were evaluated."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping

from search.judging.reliability import Reliability
from search.metrics.accuracy import AO
from search.metrics.amounts import count
from search.metrics.counted import MACS
from search.metrics.metric import Figure, Metric
from search.page.data import ReportData
from search.page.front import rank_of
from search.page.wording import figure_text, title
from search.study.candidate import Candidate


def lead(data: ReportData) -> str:
    """Return the recommendation as HTML, after a warning if candidates are ranked by luck."""
    found = data.recommendation
    if found is None:
        return "<p>This search has not ended: there is no recommendation yet.</p>"
    known = data.reliability
    warning = (
        "" if known is None or known.enough else f"<p class='warning'>Do not trust this ranking: {html.escape(_told(data, known))}.</p>"
    )
    return f"{warning}<p>Recommended: <a href='#front'>front/{rank_of(data, found.winner):02}.json</a>, the {html.escape(found.why)}.</p>"


def tiles(data: ReportData) -> str:
    """Return the key figures of the search as HTML."""
    found, summary = data.recommendation, data.summary
    accuracy, cost = data.accuracy, data.cost
    rejected = summary.get("rejected_share")
    shown = [
        (
            "evaluations",
            f"{len(data.candidates):,}",
            f"{rejected:.0%} of the samples drawn exceeded a limit or were already known" if rejected else "",
        ),
        ("on the front", f"{len(data.front):,}", f"{len(found.ties)} tied with the {accuracy.best} {title(accuracy)}" if found else ""),
    ]
    if found is not None:
        winner = found.winner
        dearest = max((metric for metric in winner.figures if metric.kind == cost.kind), key=winner.value)
        figure = winner.accuracy(accuracy)
        shown = [
            (f"{title(accuracy)} of the recommended candidate", f"{figure.value:.3f}", _accuracy_note(figure, accuracy, summary)),
            *(_cost_tile(winner, metric, data) for metric in dict.fromkeys([dearest, MACS]) if metric in winner.figures),
            *shown,
        ]
    if known := data.reliability:
        shown.append((f"reliability of {title(accuracy)}", f"{known.halves:.2f}", _reliability_note(known)))
    cells = [[html.escape(text) for text in tile] for tile in shown]
    return "".join(
        f"<div class='tile'><div class='label'>{label}</div><div class='value'>{value}</div><div class='note'>{note}</div></div>"
        for label, value, note in cells
    )


def _told(data: ReportData, known: Reliability) -> str:
    return known.told(title(data.accuracy))


def _reliability_note(known: Reliability) -> str:
    return f"how alike two halves of the data rank {known.candidates:,} candidates; all of it: about {known.whole:.2f}"


def _accuracy_note(figure: Figure, accuracy: Metric, summary: Mapping) -> str:
    still = f"; a box that never moves: {summary['static_ao']:.3f}" if accuracy == AO and "static_ao" in summary else ""
    return f"± {math.nan if figure.noise is None else figure.noise:.3f}{still}"


def _cost_tile(winner: Candidate, metric: Metric, data: ReportData) -> tuple[str, str, str]:
    figure = winner.figures[metric]
    value, _, noise = figure_text(figure).partition(" ± ")
    notes = [f"± {noise}"] if noise else []
    notes += [f"predicted {figure.predicted:.3g}"] if figure.predicted is not None else []
    limit = data.settings.get("limits", {}).get(metric.limit_name)
    notes += [f"limit {count(limit)}"] if limit is not None else []
    return f"{title(metric)}{'' if figure.source == 'counted' else f', {figure.source}'}", value, "; ".join(notes)
