"""What the page says first: the recommended candidate, its figures, and how much was looked at."""

from __future__ import annotations

import html
from collections.abc import Mapping

from search.study.candidate import Candidate
from search.problem.objectives import count, kind_of, limit_name
from search.page.front import rank_of
from search.page.wording import figure_text, title
from search.report import ReportData


def lead(data: ReportData) -> str:
    """The recommendation in a sentence, as HTML."""
    found = data.recommendation
    if found is None:
        return "<p>This search has not ended: there is no recommendation yet.</p>"
    return f"<p>Recommended: <a href='#front'>front/{rank_of(data, found.winner):02}.json</a>, the {html.escape(found.why)}.</p>"


def tiles(data: ReportData) -> str:
    """The key figures, as HTML."""
    found, summary = data.recommendation, data.summary
    accuracy, cost = data.accuracy, data.cost
    rejected = summary.get("rejected_share")
    shown = [
        (
            "evaluations",
            f"{len(data.candidates):,}",
            f"{rejected:.0%} of the samples drawn were over budget or known" if rejected else "",
        ),
        ("on the front", f"{len(data.front):,}", f"{len(found.ties)} tied with the highest {title(accuracy)}" if found else ""),
    ]
    if found is not None:
        winner = found.winner
        costs = [name for name in winner.values if kind_of(name) == kind_of(cost)]
        shown = [
            (f"{title(accuracy)} of the recommended", f"{winner.accuracy(accuracy):.3f}", _accuracy_note(winner, accuracy, summary)),
            *(_cost_tile(winner, name, data) for name in dict.fromkeys([max(costs, key=lambda name: winner.values[name]), "macs"])),
            *shown,
        ]
    cells = [[html.escape(text) for text in tile] for tile in shown]
    return "".join(
        f"<div class='tile'><div class='label'>{label}</div><div class='value'>{value}</div><div class='note'>{note}</div></div>"
        for label, value, note in cells
    )


def _accuracy_note(winner: Candidate, accuracy: str, summary: Mapping) -> str:
    still = f"; a box that never moves: {summary['static_ao']:.3f}" if accuracy == "ao" and "static_ao" in summary else ""
    return f"± {winner.accuracy_noise(accuracy):.3f}{still}"


def _cost_tile(winner: Candidate, name: str, data: ReportData) -> tuple[str, str, str]:
    value, _, noise = figure_text(winner, name).partition(" ± ")
    notes = [f"± {noise}"] if noise else []
    notes += [f"predicted {winner.predicted[name]:.3g}"] if name in winner.predicted else []
    limit = data.settings.get("limits", {}).get(limit_name(name))
    notes += [f"limit {count(limit)}"] if limit is not None else []
    source = winner.sources[name]
    return f"{title(name)}{'' if source == 'counted' else f', {source}'}", value, "; ".join(notes)
