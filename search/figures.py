"""The figures of a report: trade-off, convergence, predicted against measured, error over the number of measurements.

plotly reads a little HTML in what it shows, so everything that comes from outside is escaped.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence
from itertools import cycle

import numpy as np
import plotly.graph_objects as go

from predictors.report import Comparison
from search.candidate import Candidate
from search.objectives import count
from search.report import Device, ReportData

INK, FAINT, FRONT, WINNER, GRID, BAND = "#1f2a37", "#a9b4c0", "#1d6f8a", "#c8452f", "#e6eaee", "#f0f3f6"
_LINES = ((FRONT, "circle"), (WINNER, "square"), ("#8a6d00", "diamond"), ("#6a51a3", "triangle-up"), (INK, "cross"))
"""Colours that also differ in lightness, each with a marker of its own."""


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
    title = f"<b>#{candidate.number}</b> {_wrapped(candidate.architecture.name, 60)}"
    return "<br>".join([title, *map(html.escape, figures), *map(html.escape, choices)])


def convergence(data: ReportData) -> go.Figure:
    """Hypervolume after each evaluation."""
    figure = go.Figure()
    done = list(range(1, len(data.convergence) + 1))
    figure.add_scatter(x=done, y=list(data.convergence), mode="lines", line={"color": FRONT, "width": 2, "shape": "hv"}, showlegend=False)
    return _styled(figure, "evaluations", "share dominated", 300).update_yaxes(range=[0, 1.02])


def comparison(device: Device) -> go.Figure:
    """Predicted over measured latency on one device, with the intervals of the predictions.

    Args:
        device: At least one network on it was both predicted and measured.
    """
    times = np.array([ms for c in device.comparisons for ms in (c.predicted_ms, c.measured_ms, *(c.interval_ms or ()))])
    margin = 0.05 * np.ptp(times) or 0.05 * times[0]
    low, high = max(times.min() - margin, 0.0), times.max() + margin
    figure = go.Figure()
    band = {"x": [low, high, high, low], "y": [0.9 * low, 0.9 * high, 1.1 * high, 1.1 * low]}
    aside = {"mode": "lines", "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(**band, **aside, fill="toself", fillcolor=BAND, line={"width": 0})
    figure.add_scatter(x=[low, high], y=[low, high], **aside, line={"color": FAINT, "width": 1.5, "dash": "dot"})

    def add(name: str, shown: Sequence[Comparison], symbol: str, colour: str) -> None:
        if not shown:
            return
        ends = [c.interval_ms or (c.predicted_ms, c.predicted_ms) for c in shown]
        figure.add_scatter(
            name=name,
            x=[c.measured_ms for c in shown],
            y=[c.predicted_ms for c in shown],
            error_y={
                "symmetric": False,
                "array": [end - c.predicted_ms for (_, end), c in zip(ends, shown, strict=True)],
                "arrayminus": [c.predicted_ms - end for (end, _), c in zip(ends, shown, strict=True)],
                "thickness": 1,
                "width": 0,
            },
            mode="markers",
            marker={"color": colour, "size": 8, "symbol": symbol, "line": {"width": 2 if "open" in symbol else 0}},
            customdata=[_compared(c) for c in shown],
            hovertemplate="%{customdata}<extra></extra>",
        )

    for name, group, symbol, colour in (
        ("held out", device.predictor.held_out, "circle", FRONT),
        ("this search", device.measured, "diamond", INK),
    ):
        add(name, [c for c in group if not c.outside], symbol, colour)
        add(f"{name}, outside", [c for c in group if c.outside], f"{symbol}-open", WINNER)
    return _styled(figure, "measured ms per frame", "predicted ms per frame", 420).update_layout(
        xaxis_range=[low, high], yaxis_range=[low, high]
    )


def _compared(c: Comparison) -> str:
    """All that is known of a comparison, as plotly's HTML."""
    expected = f" ({c.interval_ms[0]:.4g} to {c.interval_ms[1]:.4g})" if c.interval_ms else ""
    figures = f"predicted {c.predicted_ms:.4g} ms{expected}", f"measured {c.measured_ms:.4g} ms", f"off by {c.error:+.1f} %"
    return f"<b>{_wrapped(c.name, 60)}</b><br>" + "<br>".join(figures)


def learning(devices: Sequence[Device]) -> go.Figure:
    """Error of each predictor over the number of measured networks that it was fitted on.

    Args:
        devices: At least one of them has a learning curve.
    """
    figure = go.Figure()
    shown = [device.predictor for device in devices if device.predictor.learning]
    for predictor, (colour, symbol) in zip(shown, cycle(_LINES), strict=False):
        points = predictor.learning
        title = _wrapped(f"{predictor.name} ({predictor.device})", 36)
        figure.add_scatter(
            name=title,
            legendgroup=title,
            x=[p.networks for p in points],
            y=[p.mape for p in points],
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"symbol": symbol, "size": 8},
            hovertemplate="<b>%{fullData.name}</b><br>%{x} networks: off by %{y:.2f} %<extra></extra>",
        )
        expected = [p for p in points if p.expected_mape is not None]
        if expected:
            figure.add_scatter(
                name=title,
                legendgroup=title,
                showlegend=False,
                x=[p.networks for p in expected],
                y=[p.expected_mape for p in expected],
                mode="lines",
                line={"color": colour, "width": 2, "dash": "dash"},
                hovertemplate="<b>%{fullData.name}</b><br>%{x} networks: expected to be off by %{y:.2f} %<extra></extra>",
            )
    if any(p.expected_mape is not None for predictor in shown for p in predictor.learning):
        figure.add_scatter(name="expected before measuring", x=[None], y=[None], mode="lines", line={"color": FAINT, "dash": "dash"})
    ticks = [digit * 10**power for power in range(7) for digit in (1, 2, 3, 5)]
    return (
        _styled(figure, "measured networks", "error (MAPE) in %", 320 + 28 * len(shown))
        .update_xaxes(type="log", tickvals=ticks, ticktext=[f"{tick:,}" for tick in ticks])
        .update_yaxes(rangemode="tozero")
        .update_layout(showlegend=True)  # plotly hides that of a single line
    )


def _wrapped(text: str, width: int) -> str:
    """Text from outside as lines of plotly's HTML."""
    return "<br>".join(map(html.escape, textwrap.wrap(text, width)))


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
