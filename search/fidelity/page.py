"""The page of a fidelity run: one HTML file that contains everything and loads nothing from a network."""

from __future__ import annotations

import html
from collections.abc import Sequence
from importlib.resources import files

import plotly.graph_objects as go

from search.fidelity.record import Fidelity, Measured
from search.fidelity.statistics import Estimate, Figures
from search.metrics.amounts import count

_INK, _DOT, _GRID = "#1f2a37", "#1d6f8a", "#e6eaee"
_WHAT = (
    "A search judges architectures with weights that they inherit from one supernet. Whether that is fair is seen here: each of these "
    "architectures was also trained alone, from random weights, and judged on the same pairs. If both scores rank the architectures "
    "alike, the dots lie along a rising line. Bars span the seeds of the trainings alone."
)
_COSTS = (
    "Larger networks are often better, so multiply-adds alone rank architectures too, without any training. Inherited scores are worth "
    "something if they rank clearly better than that."
)
_READ = (
    "Kendall's tau is 1 if every pair of architectures is put in the same order, 0 if the order is chance, and -1 if it is reversed: "
    "(1 + tau) / 2 of all pairs are in the right order. Intervals cover 95 % and come from resampling the architectures (bootstrap): "
    "they say what another choice of as many architectures might have given. The ceiling is how well two seeds of the trainings alone agree "
    "with each other; the reference is no surer than that."
)


def draw(fidelity: Fidelity, figures: Figures) -> str:
    """Draw the page.

    Args:
        fidelity: What was measured.
        figures: What follows from it.

    Returns:
        A complete HTML document; names, which come from outside, are escaped.
    """
    scatter = _scatter(
        fidelity.rows,
        [row.inherited for row in fidelity.rows],
        f"{fidelity.setting.metric} with inherited weights",
        fidelity.setting.metric,
        log=False,
    )
    costs = _scatter(fidelity.rows, [row.macs for row in fidelity.rows], "multiply-adds per frame", fidelity.setting.metric, log=True)
    setting = fidelity.setting
    rule = f", trained with the sampling rule {setting.paths} for {setting.supernet_steps:,} steps" if setting.paths else ""
    lead = (
        f"{figures.architectures} architectures of {setting.family}, each trained alone for {setting.steps:,} steps with {setting.seeds} "
        f"seed{'s' * (setting.seeds > 1)}, beside the same ones in the supernet {setting.supernet}{rule}. "
        f"Judged by {setting.metric} on {setting.pairs:,} pairs of {setting.data}."
    )
    sections = [
        _section("Inherited against alone", _WHAT, scatter.to_html(full_html=False, include_plotlyjs=True)),
        _section("How to read it", _READ, _table(("order by", "Kendall tau", "95 % interval"), _agreements(figures))),
        _section("Multiply-adds against alone", _COSTS, costs.to_html(full_html=False, include_plotlyjs=False)),
        _section("All architectures", "", _table(_HEAD, [_cells(row) for row in fidelity.rows])),
    ]
    style = files("search.page").joinpath("page.css").read_text(encoding="utf-8")
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>chiptrack fidelity: {html.escape(setting.family)}</title><link rel='icon' href='data:,'><style>{style}</style></head><body><main>"
        f"<h1>How truly inherited scores rank</h1><div class='lead'><p>{html.escape(lead)}</p></div>"
        f"<div class='tiles'>{_tiles(figures)}</div>{''.join(sections)}</main></body></html>\n"
    )


_HEAD = ("multiply-adds", "parameters", "SynFlow (log)", "inherited", "alone, mean", "alone, by seed", "key", "architecture")


def _cells(row: Measured) -> tuple[str, ...]:
    seeds = ", ".join(f"{score:.4f}" for score in row.alone)
    scores = f"{row.inherited:.4f}", f"{row.alone_mean:.4f}", seeds
    return (count(row.macs), count(row.params), f"{row.zero_cost:.1f}", *scores, row.key, row.name)


def _agreements(figures: Figures) -> list[tuple[str, ...]]:
    rows = [
        ("inherited score", figures.kendall),
        ("multiply-adds alone", figures.macs_kendall),
        ("parameters alone", figures.params_kendall),
        ("zero-cost score (SynFlow)", figures.zero_cost_kendall),
        ("inherited score, less multiply-adds", figures.above_macs),
        ("inherited score (Spearman instead of Kendall)", figures.spearman),
    ]
    return [(name, f"{found.value:.2f}", _interval(found)) for name, found in rows] + [
        ("another seed of the trainings alone (ceiling)", "one seed only" if figures.ceiling is None else f"{figures.ceiling:.2f}", "")
    ]


def _interval(found: Estimate) -> str:
    return f"{found.low:.2f} to {found.high:.2f}"


def _tiles(figures: Figures) -> str:
    tiles = [
        ("Kendall tau", f"{figures.kendall.value:.2f}", _interval(figures.kendall)),
        ("above multiply-adds alone", f"{figures.above_macs.value:+.2f}", _interval(figures.above_macs)),
        ("ceiling", "–" if figures.ceiling is None else f"{figures.ceiling:.2f}", "agreement of two seeds"),
        (
            f"best {figures.top} found",
            f"{figures.top_overlap:.0%}",
            f"of the best {figures.top} alone are among the best {figures.top} inherited",
        ),
    ]
    parts = ("label", "value", "note")
    return "".join(
        "<div class='tile'>"
        + "".join(f"<div class='{part}'>{html.escape(text)}</div>" for part, text in zip(parts, tile, strict=True))
        + "</div>"
        for tile in tiles
    )


def _section(title: str, text: str, content: str) -> str:
    note = f"<p class='text'>{html.escape(text)}</p>" if text else ""
    return f"<section><h2>{html.escape(title)}</h2>{note}{content}</section>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    heads = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class='scroll'><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"


def _scatter(rows: Sequence[Measured], x: Sequence[float], title: str, metric: str, log: bool = False) -> go.Figure:
    means = [row.alone_mean for row in rows]
    figure = go.Figure()
    figure.add_scatter(
        x=list(x),
        y=means,
        error_y={
            "symmetric": False,
            "array": [max(row.alone) - mean for row, mean in zip(rows, means, strict=True)],
            "arrayminus": [mean - min(row.alone) for row, mean in zip(rows, means, strict=True)],
            "thickness": 1,
            "width": 0,
        },
        mode="markers",
        marker={"size": 9, "color": _DOT},
        customdata=[_hover(row) for row in rows],
        hovertemplate="%{customdata}<extra></extra>",
    )
    axis = {"gridcolor": _GRID, "zeroline": False, "automargin": True}
    return figure.update_layout(
        height=420,
        margin={"l": 60, "r": 16, "t": 12, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": _INK},
        hoverlabel={"align": "left", "bgcolor": "white", "font": {"size": 12}},
        xaxis={**axis, "title": title, "type": "log" if log else "linear"},
        yaxis={**axis, "title": f"{metric} after training alone"},
    )


def _hover(row: Measured) -> str:
    """A row as plotly's HTML, with the name in lines of 60 letters."""
    name = "<br>".join(html.escape(row.name[i : i + 60]) for i in range(0, min(len(row.name), 240), 60))
    return f"{name}<br>inherited {row.inherited:.4f}, alone {row.alone_mean:.4f}<br>{count(row.macs)} multiply-adds, {count(row.params)} parameters"
