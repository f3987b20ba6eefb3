"""The page of `score`: one HTML file with plots, plotly included, that loads nothing from a network.

plotly interprets a little HTML in the texts that it shows, so names of trackers, sequences and attributes are escaped there as well.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from itertools import cycle

import plotly.graph_objects as go
from plotly.io import to_html
from plotly.offline import get_plotlyjs

from tracking.benchmarks.benchmark import Benchmark
from tracking.benchmarks.vot.supervised import Supervised
from tracking.scoring.row import Row

_COLOURS = ("#1d6f8a", "#c8452f", "#8a6d00", "#6a51a3", "#1f2a37", "#3c8d40", "#a9b4c0")
_DASHES = ("solid", "dash", "dot", "dashdot")
_AXES = {
    "success": ("overlap threshold", "share of frames above it"),
    "precision": ("distance of centres, px", "share of frames within it"),
    "normalised precision": ("distance of centres, share of the target's size", "share of frames within it"),
    "expected overlap": ("frames after a start", "expected overlap"),
}
_COUNTS = {"lost"}
"""Figures that are whole numbers."""
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2a37; max-width: 1100px; margin: 24px auto; padding: 0 16px; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 4px 10px; border-bottom: 1px solid #dfe4e9; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
small { color: #5b6877; }
.scroll { overflow: auto; max-height: 520px; }
"""


def draw(benchmark: Benchmark, rows: Sequence[Row]) -> str:
    """Draw the page.

    Args:
        benchmark: The benchmark.
        rows: What it says of each tracker.

    Returns:
        A complete HTML document, in which all text that comes from outside is escaped.
    """
    count = len(rows[0].scored.sequences) if rows else 0
    figures = [to_html(curves(benchmark, rows, name), include_plotlyjs=False, full_html=False) for name in _AXES if _has(rows, name)]
    attributes = sorted({attribute for row in rows for attribute in row.scored.attributes})
    parts = [
        f"<h1>{html.escape(benchmark.name)}: {len(rows)} {'tracker' if len(rows) == 1 else 'trackers'}</h1>",
        f"<p>{count} sequences. Small figures are intervals in which other sequences of the same kind would put a figure nineteen times in "
        "twenty (sequences drawn anew, 1,000 times).</p>",
        _table(
            ["tracker", *benchmark.metrics], ([row.tracker, *(_with_interval(row, metric) for metric in benchmark.metrics)] for row in rows)
        ),
        *figures,
    ]
    if attributes:
        parts.append(f"<h2>{html.escape(benchmark.metrics[0])} by attribute</h2>")
        parts.append(
            _table(["tracker", *attributes], ([row.tracker, *(row.scored.attributes.get(each) for each in attributes)] for row in rows))
        )
    parts += [f"<h2>Sequences: {html.escape(row.tracker)}</h2>{_sequences(row)}" for row in rows]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(benchmark.name)}</title>\n'
        f'<link rel="icon" href="data:,"><style>{_STYLE}</style>\n<script>{get_plotlyjs()}</script></head>\n<body>\n'
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def curves(benchmark: Benchmark, rows: Sequence[Row], name: str) -> go.Figure:
    """Draw one curve for each tracker, from the best by the benchmark's first figure to the worst."""
    figure, metric = go.Figure(), benchmark.metrics[0]
    ranked = sorted(rows, key=lambda row: -_sortable(row.scored.figures[metric]))
    for row, colour, dash in zip(ranked, cycle(_COLOURS), cycle(dash for dash in _DASHES for _ in _COLOURS), strict=False):
        x, y = row.scored.curves[name]
        label = html.escape(f"{row.tracker} [{row.scored.figures[metric]:.4f}]")
        line = {"color": colour, "dash": dash}
        figure.add_scatter(x=x.tolist(), y=[None if math.isnan(value) else value for value in y], name=label, mode="lines", line=line)
    if name == "expected overlap" and isinstance(benchmark, Supervised):
        figure.add_vrect(x0=benchmark.low, x1=benchmark.high, fillcolor="#dfe4e9", opacity=0.5, line_width=0, layer="below")
    across, up = _AXES[name]
    figure.update_layout(template="simple_white", height=420, title=name.capitalize(), xaxis_title=across, yaxis_title=up, showlegend=True)
    figure.update_yaxes(rangemode="tozero")
    return figure


def _has(rows: Sequence[Row], name: str) -> bool:
    return bool(rows) and all(name in row.scored.curves for row in rows)


def _sequences(row: Row) -> str:
    """A table of the figures of each sequence."""
    names = list(dict.fromkeys(metric for figures in row.scored.sequences.values() for metric in figures))
    lines = ([sequence, *(figures.get(metric) for metric in names)] for sequence, figures in row.scored.sequences.items())
    return f'<div class="scroll">{_table(["sequence", *names], lines)}</div>'


def _with_interval(row: Row, metric: str) -> tuple[float, tuple[float, float] | None]:
    return row.scored.figures[metric], row.intervals.get(metric)


def _table(head: Sequence[str], lines: Iterable[Sequence]) -> str:
    top = "".join(f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in head)
    rows = ("".join(f"<td>{_cell(cell, name)}</td>" for name, cell in zip(head, line, strict=True)) for line in lines)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def _cell(value: object, name: str) -> str:
    if isinstance(value, tuple):
        figure, ends = value
        return _cell(figure, name) + (f"<br><small>{_cell(ends[0], name)} to {_cell(ends[1], name)}</small>" if ends else "")
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if name in _COUNTS else f"{value:.4f}" if abs(value) < 10 else f"{value:.1f}"
    return html.escape(str(value))


def _sortable(value: float) -> float:
    return -1.0 if math.isnan(value) else value
