"""The static figures of the page: convergence, importance of choices, peers, predicted against measured latency, and learning curves.

The trade-off is interactive and drawn by `search/page/page.js`. plotly interprets a little HTML in the texts that it shows, so all text
that comes from outside is escaped.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence
from itertools import cycle

import numpy as np
import plotly.graph_objects as go

from predictors.report import Comparison
from search.metrics.amounts import count
from search.metrics.counted import MACS, PARAMS
from search.metrics.metric import Metric
from search.page.convergence import Curve
from search.page.data import Device, ReportData
from search.page.importance import Importance
from search.page.peers import PEERS, Peer
from search.page.wording import title
from search.study.candidate import Candidate

INK, FAINT, FRONT, WINNER, GRID, BAND = "#1f2a37", "#a9b4c0", "#1d6f8a", "#c8452f", "#e6eaee", "#f0f3f6"
_LINES = ((FRONT, "circle"), (WINNER, "square"), ("#8a6d00", "diamond"), ("#6a51a3", "triangle-up"), (INK, "cross"))
"""Colours that also differ in lightness, each with a marker of its own."""
_MOST_CHOICES = 12
"""Most choices whose importance is shown."""


def plots(data: ReportData) -> dict[str, go.Figure]:
    """Draw the static figures of a search, by the id of their place in the page; figures without data are left out.

    Args:
        data: What the page shows.
    """
    found = {"convergence": convergence(data.curves)}
    if data.importances:
        found["importance"] = importances(data.importances, list(data.family.space.choices))
    found |= {f"comparison-{i}": comparison(device) for i, device in enumerate(data.devices) if device.comparisons}
    if any(device.predictor.learning for device in data.devices):
        found["learning"] = learning(data.devices)
    sized = [member for member in data.front if {MACS, PARAMS} <= member.figures.keys()]
    winner = next((member for member in sized if data.recommendation and member is data.recommendation.winner), None)
    return found | {"peers": peers(sized, winner, data.accuracy)}


def convergence(curves: Sequence[Curve]) -> go.Figure:
    """Draw hypervolume against evaluations, one curve for each strategy."""
    figure = go.Figure()
    for curve, (colour, _) in zip(curves, cycle(_LINES), strict=False):
        shares = curve.shares
        steps = np.unique(np.concatenate([[0, len(shares) - 1], np.flatnonzero(np.diff(shares)) + 1]))  # in between the curve is flat
        figure.add_scatter(
            name=_wrapped(f"{curve.strategy or 'unknown strategy'} ({len(shares):,})", 36),
            x=(steps + 1).tolist(),
            y=shares[steps].round(5).tolist(),
            mode="lines",
            line={"color": colour, "width": 2, "shape": "hv"},
            hovertemplate="after %{x}: %{y:.4f}<extra></extra>",
        )
    return _styled(figure, "evaluations", "share dominated", 320).update_yaxes(range=[0, 1.02]).update_layout(showlegend=True)


def importances(found: Sequence[Importance], labels: Sequence[str]) -> go.Figure:
    """Draw how much each of the most important choices matters, with one bar for each metric.

    Args:
        found: The importances of at least one metric.
        labels: Labels of the choices, in the family's order.
    """
    shares = np.array([each.shares for each in found])
    top = np.argsort(-shares.max(0), kind="stable")[:_MOST_CHOICES][::-1]
    figure = go.Figure()
    for each, (colour, _) in zip(found, cycle(_LINES), strict=False):
        figure.add_bar(
            name=_wrapped(f"{title(each.metric)} (explained {max(each.explained, 0):.0%})", 44),
            y=[labels[j] for j in top],
            x=each.shares[top].round(5).tolist(),
            orientation="h",
            marker={"color": colour},
            hovertemplate="%{y}: %{x:.1%}<extra>%{fullData.name}</extra>",
        )
    bars = 10 * len(found) + 8
    styled = _styled(figure, "share of variance", "", 120 + bars * len(top))
    return styled.update_xaxes(tickformat=".0%", rangemode="tozero").update_layout(
        bargap=0.3, showlegend=True, legend_traceorder="reversed"
    )


def peers(ours: Sequence[Candidate], winner: Candidate | None, accuracy: Metric) -> go.Figure:
    """Draw accuracy against multiply-adds, with the parameters as the area of a bubble: published trackers above, a search below.

    The two accuracies are different figures, so each has an axis of its own.

    Args:
        ours: Members of a front; all have figures of `macs` and `params`.
        winner: The recommended one of them, or None.
        accuracy: The metric by which the search ranks candidates.
    """
    figure = go.Figure()

    def add(name: str, shown: Sequence[tuple[float, float, float | None, str]], below: bool, **marker) -> None:
        if not shown:
            return
        figure.add_scatter(
            name=name,
            x=[macs for macs, *_ in shown],
            y=[y for _, y, *_ in shown],
            yaxis="y2" if below else "y",
            mode="markers" if below else "markers+text",
            text=None if below else [text.partition("<br>")[0] for *_, text in shown],
            textposition="top center",
            textfont={"size": 11},
            marker={"size": [_diameter(params) for _, _, params, _ in shown], **marker},
            customdata=[text for *_, text in shown],
            hovertemplate="%{customdata}<extra></extra>",
        )

    for verified, name, colour in ((True, "published (EAO, VOT2019)", INK), (False, "published, not verified", FAINT)):
        points = [
            (peer.macs, peer.eao, peer.params, _published(peer)) for peer in PEERS if peer.eao is not None and peer.verified == verified
        ]
        add(name, points, False, color="rgba(0,0,0,0)", line={"color": colour, "width": 1.5})
    mine = [_sized(c, accuracy) for c in ours if c is not winner]
    add("front of this search", mine, True, color=FRONT, opacity=0.6, line={"width": 0})
    if winner is not None:
        add("recommended", [_sized(winner, accuracy)], True, color=WINNER, opacity=0.85, line={"width": 0})
    ticks = [digit * 10**power for power in range(5, 12) for digit in (1, 3)]
    every = [c.value(MACS) for c in ours] + [peer.macs for peer in PEERS]
    below = f"{html.escape(title(accuracy))} on this search's<br>validation sequences"
    return (
        _styled(figure, "multiply-adds per frame", "EAO on VOT2019,<br>as published", 560)
        .update_xaxes(type="log", tickvals=ticks, ticktext=[count(tick) for tick in ticks], anchor="y2")
        .update_xaxes(range=[np.log10(min(every) / 2), np.log10(max(every) * 2.5)])
        .update_layout(yaxis_domain=[0.5, 1], yaxis_range=[0.27, 0.375], yaxis2={**_axis(below), "domain": [0, 0.42]})
    )


def _diameter(params: float | None) -> float:
    """Return a bubble's diameter in pixels. Its area is proportional to the parameters; it is the smallest if they are unknown."""
    return 5.0 if params is None else max(5.0, 14 * (params / 2e6) ** 0.5)


def _published(peer: Peer) -> str:
    """Return what is known of a published tracker, as plotly's HTML."""
    params = "not given" if peer.params is None else count(peer.params)
    lines = f"EAO {peer.eao}, published", f"multiply-adds {count(peer.macs)}", f"parameters {params}", peer.paper, f"read in: {peer.source}"
    return "<br>".join(map(html.escape, (peer.name, *lines)))


def _sized(candidate: Candidate, accuracy: Metric) -> tuple[float, float, float, str]:
    """Return a candidate's multiply-adds, accuracy and parameters, and a text with all three as plotly's HTML."""
    macs, found, params = candidate.value(MACS), candidate.accuracy(accuracy).value, candidate.value(PARAMS)
    lines = (f"#{candidate.number}", f"{title(accuracy)} {found:.3f}", f"multiply-adds {count(macs)}", f"parameters {count(params)}")
    return macs, found, params, "<br>".join(map(html.escape, lines))


def comparison(device: Device) -> go.Figure:
    """Draw predicted against measured latency on one device, with the intervals of the predictions.

    Args:
        device: A device for which at least one network was both predicted and measured.
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
    """Return a comparison as a text, as plotly's HTML."""
    expected = f" ({c.interval_ms[0]:.4g} to {c.interval_ms[1]:.4g})" if c.interval_ms else ""
    figures = f"predicted {c.predicted_ms:.4g} ms{expected}", f"measured {c.measured_ms:.4g} ms", f"off by {c.error:+.1f} %"
    return f"<b>{_wrapped(c.name, 60)}</b><br>" + "<br>".join(figures)


def learning(devices: Sequence[Device]) -> go.Figure:
    """Draw the error of each predictor against the number of measured networks that it was fitted on.

    Args:
        devices: Devices of a search; the predictor of at least one of them has a learning curve.
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
        .update_layout(showlegend=True)  # plotly hides the legend of a single line
    )


def _wrapped(text: str, width: int) -> str:
    """Wrap and escape a text from outside, as lines of plotly's HTML."""
    return "<br>".join(map(html.escape, textwrap.wrap(text, width)))


def _styled(figure: go.Figure, x: str, y: str, height: int) -> go.Figure:
    return figure.update_layout(
        height=height,
        margin={"l": 60, "r": 16, "t": 12, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": INK},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hoverlabel={"align": "left", "bgcolor": "white", "font": {"size": 12}},
        xaxis=_axis(x),
        yaxis=_axis(y),
    )


def _axis(text: str) -> dict:
    lines = {"gridcolor": GRID, "zeroline": False, "linecolor": FAINT, "ticks": "outside", "tickcolor": FAINT, "automargin": True}
    return {**lines, "title": {"text": text, "font": {"size": 13}}}
