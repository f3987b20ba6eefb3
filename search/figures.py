"""The figures of a report: trade-off, convergence, predicted against measured.

plotly reads a little HTML in what it shows, so everything that comes from outside is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from search.candidate import Candidate
from search.objectives import count
from search.report import ReportData

INK, FAINT, FRONT, WINNER, GRID = "#1f2a37", "#a9b4c0", "#1d6f8a", "#c8452f", "#e6eaee"


def trade_off(data: ReportData, latency: str) -> go.Figure:
    """AO over one predicted latency: all candidates, the front, what was judged again, and the winner.

    Args:
        data: A search.
        latency: Name of the latency.
    """
    members = sorted(data.front, key=lambda member: member.values[latency])
    numbers = {member.number for member in members}
    others = [candidate for candidate in data.candidates if candidate.number not in numbers]
    again = [member for member in members if member.rescored_ao]
    found = data.recommendation
    figure = go.Figure()

    def add(name: str, shown: Sequence[Candidate], ao: str, joined: bool = False, **marker) -> None:
        if not shown:
            return
        bars = None
        if found is not None and all(candidate.number in found.differences for candidate in shown) and ao == compared:
            spread = [found.differences[candidate.number].standard_error for candidate in shown]
            bars = {"array": spread, "color": marker["color"], "thickness": 1, "width": 3}
        figure.add_scatter(
            name=name,
            x=[candidate.values[latency] for candidate in shown],
            y=[candidate.values[ao] for candidate in shown],
            error_y=bars,
            mode="lines+markers" if joined else "markers",
            line={"color": FRONT, "width": 1.5, "shape": "hv"} if joined else None,
            marker={"size": 8, **marker},
            customdata=[hover(candidate) for candidate in shown],
            hovertemplate="%{customdata}<extra></extra>",
        )

    compared = "ao_rescored" if again else "ao"
    add("feasible", [c for c in others if c.feasible], "ao", color=FAINT, size=6, opacity=0.8)
    add("over a limit", [c for c in others if not c.feasible], "ao", color=FAINT, symbol="x-thin", line={"width": 1.5, "color": FAINT})
    add("front", members, "ao", joined=len(data.latency_names) == 1, color=FRONT)  # of three objectives it is no line in two
    add("front, judged again", again, "ao_rescored", color=INK, symbol="diamond-open")
    if found is not None:
        add("recommended", [found.winner], "ao", color=WINNER, size=13)
        add("recommended, judged again", [found.winner] if again else [], "ao_rescored", color=WINNER, symbol="diamond", size=11)
    device = f" ({latency.partition(':')[2]})" if ":" in latency else ""
    return _styled(figure, html.escape(f"predicted ms per frame{device}"), "AO", 460)


def hover(candidate: Candidate) -> str:
    """All that is known of a candidate, as plotly's HTML."""
    figures = []
    for name, value in candidate.values.items():
        noise = f" ± {candidate.noise[name]:.2g}" if name in candidate.noise else ""
        figures.append(f"{name} {count(value) if value >= 1e4 else f'{value:.4g}'}{noise} ({candidate.sources[name]})")
    groups: dict[str, list[str]] = {}
    for label, value in candidate.architecture.choices:
        groups.setdefault(label.rpartition(".")[0] or label, []).append(str(value))
    choices = [f"{group}: {' '.join(values)}" for group, values in groups.items()]
    name = candidate.architecture.name
    title = f"<b>#{candidate.number}</b> " + "<br>".join(html.escape(name[i : i + 60]) for i in range(0, len(name), 60))
    return "<br>".join([title, *map(html.escape, figures), *map(html.escape, choices)])


def convergence(data: ReportData) -> go.Figure:
    """Hypervolume after each evaluation."""
    figure = go.Figure()
    done = list(range(1, len(data.convergence) + 1))
    figure.add_scatter(x=done, y=list(data.convergence), mode="lines", line={"color": FRONT, "width": 2, "shape": "hv"}, showlegend=False)
    return _styled(figure, "evaluations", "share dominated", 300).update_yaxes(range=[0, 1.02])


def comparison(data: ReportData) -> go.Figure:
    """Predicted over measured latency."""
    figure = go.Figure()
    values = np.array([(c.predicted_ms, c.measured_ms) for c in data.comparisons])
    ends = [values.min() * 0.97, values.max() * 1.03]
    figure.add_scatter(x=ends, y=ends, mode="lines", line={"color": FAINT, "width": 1, "dash": "dot"}, name="equal", hoverinfo="skip")
    for kind, colour in zip(dict.fromkeys(c.kind for c in data.comparisons), (FRONT, WINNER), strict=False):
        shown = [c for c in data.comparisons if c.kind == kind]
        figure.add_scatter(
            name=html.escape(kind),
            x=[c.measured_ms for c in shown],
            y=[c.predicted_ms for c in shown],
            mode="markers",
            marker={"color": colour, "size": 8, "opacity": 0.85},
            customdata=[html.escape(c.label) for c in shown],
            hovertemplate="%{customdata}<br>predicted %{y:.4g} ms, measured %{x:.4g} ms<extra></extra>",
        )
    return _styled(figure, "measured ms", "predicted ms", 400)


def _styled(figure: go.Figure, x: str, y: str, height: int) -> go.Figure:
    axis = {"gridcolor": GRID, "zeroline": False, "linecolor": FAINT, "ticks": "outside", "tickcolor": FAINT, "automargin": True}
    return figure.update_layout(
        height=height,
        margin={"l": 60, "r": 16, "t": 12, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": INK},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hoverlabel={"align": "left", "bgcolor": "white", "font": {"size": 12}},
        xaxis={**axis, "title": {"text": x}},
        yaxis={**axis, "title": {"text": y}},
    )
