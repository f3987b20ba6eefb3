"""The trade-off page of a search: what it found, how sure that is, and how to go on.

`collect` returns plain data, `draw` makes one HTML file of it that needs no network. Besides what `search` writes into its folder
(RUN), the page shows, where they exist, `RUN/measured.json` (a list of `{"key": ARCHITECTURE KEY, "latency_ms": MEASURED}`, for
architectures of the study) and `summary.json` beside RUN (any figures by name, as `chiptrack demo` writes them). Networks that a predictor
was validated on come with its `fit.held_out`, a list of `{"name", "predicted_ms", "measured_ms"}`.
"""

from __future__ import annotations

import html
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from search.candidate import Candidate
from search.objectives import ACCURACY, Objective
from search.page import PAGE
from search.pareto import hypervolume
from search.study import read_candidates
from search.winner import front, losses
from tracking.atomic import write_text

_INK, _FAINT, _FRONT, _WINNER, _GRID = "#1f2a37", "#a9b4c0", "#1d6f8a", "#c8452f", "#e6eaee"


@dataclass(frozen=True)
class Comparison:
    """A latency that was both predicted and measured."""

    label: str
    kind: str
    """`measured network, held out` or `candidate of this search`."""
    predicted_ms: float
    measured_ms: float


@dataclass(frozen=True)
class ReportData:
    """Everything the page shows."""

    run: Path
    settings: Mapping
    summary: Mapping
    """What `search` concluded; empty while it has not ended."""
    candidates: Sequence[Candidate]
    front: Sequence[Candidate]
    """The non-dominated feasible candidates, highest AO first."""
    convergence: Sequence[float]
    """After each evaluation: share of the box between the worst and the best figures of this search that the front dominates."""
    comparisons: Sequence[Comparison]
    figures: Mapping
    """Of the folder that the search is part of."""

    @property
    def winner(self) -> Candidate | None:
        """The recommended candidate, once there is one."""
        number = self.summary.get("winner", {}).get("number")
        return next((candidate for candidate in self.candidates if candidate.number == number), None)


def report(run: Path) -> Path:
    """Write the interactive page of a search.

    Args:
        run: Folder that `chiptrack search` wrote; an unfinished one shows what there is.

    Returns:
        The page, `report.html` in that folder.

    Raises:
        FileNotFoundError: There is no search in the folder.
        ValueError: A file in it cannot be read.
    """
    path = Path(run) / "report.html"
    write_text(path, draw(collect(Path(run))))
    return path


def collect(run: Path) -> ReportData:
    """Read what the page shows.

    Args:
        run: Folder of a search.

    Raises:
        FileNotFoundError: There is no search in the folder.
        ValueError: A file in it cannot be read.
    """
    candidates = read_candidates(run / "study")
    settings, summary, figures = (
        _read(path) for path in (run / "settings.json", run / "summary.json", run.absolute().parent / "summary.json")
    )
    objectives = [ACCURACY, *(Objective(name, "ms", "minimize", "predicted") for name in _latency_names(candidates))]
    comparisons = [*_validation(settings), *_measured(run / "measured.json", candidates)]
    return ReportData(
        run, settings, summary, candidates, front(candidates, objectives), _convergence(candidates, objectives), comparisons, figures
    )


def _read(path: Path) -> dict:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as err:
        raise ValueError(f"{path.name} must be JSON, {path} is not; remove it") from err
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} must be a JSON object, {path} is none; remove it")
    return content


def _latency_names(candidates: Sequence[Candidate]) -> list[str]:
    return [name for name in candidates[0].values if name.startswith("latency_ms")] if candidates else []


def _convergence(candidates: Sequence[Candidate], objectives: Sequence[Objective]) -> list[float]:
    feasible = [candidate.feasible for candidate in candidates]
    points = losses(candidates, objectives)
    if not any(feasible):
        return [0.0] * len(candidates)
    worst, best = points[feasible].max(0), points[feasible].min(0)
    scaled = (points - best) / np.where(worst > best, worst - best, 1)
    return [hypervolume(scaled[: n + 1][feasible[: n + 1]], np.ones(len(objectives))) for n in range(len(candidates))]


def _validation(settings: Mapping) -> list[Comparison]:
    """The networks that the predictors were cross-validated on, each predicted by a model that had not seen it."""
    return [
        Comparison(row["name"], "measured network, held out", float(row["predicted_ms"]), float(row["measured_ms"]))
        for predictor in settings.get("predictors", [])
        for row in predictor.get("fit", {}).get("held_out", [])
    ]


def _measured(path: Path, candidates: Sequence[Candidate]) -> list[Comparison]:
    if not path.is_file():
        return []
    known = {candidate.architecture.key: candidate for candidate in candidates}
    try:
        rows = [(known[row["key"]], float(row["latency_ms"])) for row in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, TypeError, KeyError) as err:
        raise ValueError(
            f"measured.json must list key and latency_ms of architectures of the study, {path} does not ({err!r}); remove it"
        ) from err
    return [Comparison(f"#{c.number} {c.architecture.name}", "candidate of this search", c.latency_ms, measured) for c, measured in rows]


def draw(data: ReportData) -> str:
    """Make the page: one HTML file with everything in it."""
    latency_names = _latency_names(data.candidates)
    sections = [
        _section("Trade-off", _FRONT_TEXT, *(_plot(_front_figure(data, name), f"front{i}") for i, name in enumerate(latency_names))),
        _section("Front", _table_text(data), _front_table(data), _next_steps(data)),
        _section("Convergence", _CONVERGENCE_TEXT, _plot(_convergence_figure(data), "convergence")),
        _section("Predicted against measured", *_comparison(data)),
        _section("How this was found", _METHOD_TEXT, _facts(_settings_facts(data))),
    ]
    if data.figures:
        sections.append(_section("Figures of the whole job", "", _facts(_flatten(data.figures))))
    return PAGE.substitute(
        title=html.escape(f"chiptrack search: {data.run.name}"),
        heading=html.escape(f"{data.settings.get('family', 'search')} on {_devices(data)}"),
        lead=_lead(data),
        tiles=_tiles(data),
        sections="\n".join(sections),
        plotly=get_plotlyjs(),
    )


_FRONT_TEXT = (
    "Every dot is an architecture that tracked generated validation sequences with weights inherited from the supernet. "
    "Circles joined by the line are not beaten by any other in both figures. Diamonds are the same architectures judged again on "
    "further sequences, which had no part in choosing them; bars are one standard error."
)
_CONVERGENCE_TEXT = (
    "Share of the box between the worst and the best figures of this search that the front dominates (hypervolume), after each evaluation. "
    "A curve that is still rising at its end says that more evaluations would have paid."
)
_METHOD_TEXT = (
    "AO is the mean overlap after the first frame, averaged over sequences. It is found with inherited weights: whether it ranks "
    "architectures as training each alone would has not been shown. Times are predicted from a latency table, not measured, "
    "unless the page says so."
)


def _lead(data: ReportData) -> str:
    winner = data.winner
    if winner is None:
        return "<p>This search has not ended: there is no recommendation yet.</p>"
    rank = html.escape(str(data.summary["winner"]["file"]))
    return f"<p>Recommended: <a href='#front'>{rank}</a>, the {html.escape(str(data.summary['why']))}.</p>"


def _tiles(data: ReportData) -> str:
    winner, summary = data.winner, data.summary
    tiles = [
        ("evaluations", str(len(data.candidates)), f"{summary.get('rejected_share', 0):.0%} of the samples drawn were over budget or known")
    ]
    tiles.append(("on the front", str(len(data.front)), f"{len(summary.get('ties', []))} tied with the best" if summary else ""))
    if winner is not None:
        interval = max((noise for name, noise in winner.noise.items() if name.startswith("latency_ms")), default=None)
        tiles = [
            ("AO of the recommended", f"{winner.ao:.3f}", f"± {winner.ao_noise:.3f}; a box that never moves: {summary['static_ao']:.3f}"),
            ("ms per frame, predicted", f"{winner.latency_ms:.3g}", f"± {interval:.2g}" if interval is not None else ""),
            ("multiply-adds", _count(winner.values["macs"]), f"limit {_count(data.settings['limits']['max_macs'])}"),
            *tiles,
        ]
    return "".join(
        f"<div class='tile'><div class='label'>{html.escape(label)}</div><div class='value'>{html.escape(value)}</div>"
        f"<div class='note'>{html.escape(note)}</div></div>"
        for label, value, note in tiles
    )


def _front_figure(data: ReportData, latency: str) -> go.Figure:
    members = sorted(data.front, key=lambda member: member.values[latency])
    numbers = {member.number for member in members}
    others = [candidate for candidate in data.candidates if candidate.number not in numbers]
    rescored = [member for member in members if member.rescored_ao]
    figure = go.Figure()

    def add(name: str, shown: Sequence[Candidate], ao: str, noise: bool = False, joined: bool = False, **marker) -> None:
        if not shown:
            return
        bars = {"array": [c.noise[ao] for c in shown], "color": marker["color"], "thickness": 1, "width": 3} if noise else None
        figure.add_scatter(
            name=name,
            x=[c.values[latency] for c in shown],
            y=[c.values[ao] for c in shown],
            error_y=bars,
            mode="lines+markers" if joined else "markers",
            line={"color": _FRONT, "width": 1.5, "shape": "hv"} if joined else None,
            marker={"size": 8, **marker},
            customdata=[_hover(c) for c in shown],
            hovertemplate="%{customdata}<extra></extra>",
        )

    add("feasible", [c for c in others if c.feasible], "ao", color=_FAINT, size=6, opacity=0.8)
    add("over a limit", [c for c in others if not c.feasible], "ao", color=_FAINT, symbol="x-thin", line={"width": 1.5, "color": _FAINT})
    # with a third objective the front is no line in two of them
    add("front", members, "ao", joined=len(_latency_names(data.candidates)) == 1, noise=not rescored, color=_FRONT)
    add("front, judged again", rescored, "ao_rescored", noise=True, color=_INK, symbol="diamond-open")
    if data.winner is not None:
        ao = "ao_rescored" if data.winner.rescored_ao else "ao"
        add("recommended", [data.winner], ao, color=_WINNER, symbol="diamond", size=13)
    unit = "predicted ms per frame" + (f" ({latency.partition(':')[2]})" if ":" in latency else "")
    return _styled(figure, html.escape(unit), "AO", 460)


def _hover(candidate: Candidate) -> str:
    """All that is known of a candidate; plotly reads a little HTML, so everything from outside is escaped."""
    figures = []
    for name, value in candidate.values.items():
        noise = f" ± {candidate.noise[name]:.2g}" if name in candidate.noise else ""
        figures.append(f"{name} {_count(value) if value >= 1e4 else f'{value:.4g}'}{noise} ({candidate.sources[name]})")
    groups: dict[str, list[str]] = {}
    for label, value in candidate.architecture.choices:
        groups.setdefault(label.rpartition(".")[0] or label, []).append(str(value))
    choices = [f"{group}: {' '.join(values)}" for group, values in groups.items()]
    name = candidate.architecture.name
    title = f"<b>#{candidate.number}</b> " + "<br>".join(html.escape(name[i : i + 60]) for i in range(0, len(name), 60))
    return "<br>".join([title, *map(html.escape, figures), *map(html.escape, choices)])


def _convergence_figure(data: ReportData) -> go.Figure:
    figure = go.Figure()
    done = list(range(1, len(data.convergence) + 1))
    figure.add_scatter(x=done, y=list(data.convergence), mode="lines", line={"color": _FRONT, "width": 2, "shape": "hv"}, showlegend=False)
    return _styled(figure, "evaluations", "share dominated", 300).update_yaxes(range=[0, 1.02])


def _comparison(data: ReportData) -> tuple[str, ...]:
    scores = [_predictor_text(predictor) for predictor in data.settings.get("predictors", []) if predictor.get("fit")]
    if not data.comparisons:
        return ("".join([*scores, "No candidate of this search has been measured yet."]),)
    predicted, measured = (np.array([getattr(c, name) for c in data.comparisons]) for name in ("predicted_ms", "measured_ms"))
    error = float(np.mean(np.abs(predicted / measured - 1)))
    figure = go.Figure()
    ends = [min(predicted.min(), measured.min()) * 0.95, max(predicted.max(), measured.max()) * 1.05]
    figure.add_scatter(x=ends, y=ends, mode="lines", line={"color": _FAINT, "width": 1, "dash": "dot"}, name="equal", hoverinfo="skip")
    for kind, colour in zip(dict.fromkeys(c.kind for c in data.comparisons), (_FRONT, _WINNER, _INK), strict=False):
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
    scores.append(f"{len(data.comparisons)} networks are shown; the prediction is off by {error:.1%} on average.")
    return ("".join(scores), _plot(_styled(figure, "measured ms", "predicted ms", 400), "comparison"))


def _predictor_text(predictor: Mapping) -> str:
    fit = predictor["fit"]
    scores = fit.get("scores", {}).get(fit.get("chosen"), {})
    figures = [f"{name.replace('_', ' ')} {value:.3g}" for name, value in scores.items()]
    return f"{Path(predictor['path']).name}, cross-validated on {fit.get('networks', '?')} networks: {', '.join(figures)}. "


def _styled(figure: go.Figure, x: str, y: str, height: int) -> go.Figure:
    axis = {"gridcolor": _GRID, "zeroline": False, "linecolor": _FAINT, "ticks": "outside", "tickcolor": _FAINT, "automargin": True}
    return figure.update_layout(
        height=height,
        margin={"l": 60, "r": 16, "t": 12, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": _INK},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hoverlabel={"align": "left", "bgcolor": "white", "font": {"size": 12}},
        xaxis={**axis, "title": {"text": x}},
        yaxis={**axis, "title": {"text": y}},
    )


def _plot(figure: go.Figure, name: str) -> str:
    return figure.to_html(full_html=False, include_plotlyjs=False, div_id=name, config={"responsive": True, "displaylogo": False})


def _section(title: str, text: str, *parts: str) -> str:
    anchor = title.lower().replace(" ", "-")
    note = f"<p class='text'>{html.escape(text)}</p>" if text else ""
    return f"<section id='{anchor}'><h2>{html.escape(title)}</h2>{note}{''.join(parts)}</section>"


def _table_text(data: ReportData) -> str:
    if not data.summary:
        return ""
    optimism = data.summary.get("optimism")
    judged = (
        ""
        if optimism is None
        else f" Judged again, the shortlist lost {optimism:.3f} AO on average: the best of many noisy scores flatters."
    )
    return "Highest AO first. A tie is a difference from the best within two standard errors of the paired scores." + judged


def _front_table(data: ReportData) -> str:
    winner, ties = data.winner, data.summary.get("ties", [])
    names = _latency_names(data.candidates)
    head = [
        "",
        "AO",
        "judged again",
        *(name.replace("latency_ms", "ms").replace(":", " ") for name in names),
        "multiply-adds",
        "",
        "commands",
    ]
    rows = []
    for rank, member in enumerate(data.front, 1):
        mark = "recommended" if winner is not None and member.number == winner.number else "tie" if member.number in ties else ""
        again = _pm(member, "ao_rescored", ".3f") if member.rescored_ao else "–"
        figures = [
            f"{rank:02}",
            _pm(member, "ao", ".3f"),
            again,
            *(_pm(member, name, ".3g") for name in names),
            _count(member.values["macs"]),
        ]
        cells = "".join(f"<td>{html.escape(figure)}</td>" for figure in figures)
        buttons = "".join(_button(*command) for command in _commands(data, rank))
        title = html.escape(member.architecture.name)
        rows.append(f"<tr class='{mark}' title='{title}'>{cells}<td class='mark'>{mark}</td><td class='buttons'>{buttons}</td></tr>")
    header = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    return f"<div class='scroll'><table><thead><tr>{header}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"


def _pm(candidate: Candidate, name: str, form: str) -> str:
    noise = f" ± {candidate.noise[name]:.2g}" if name in candidate.noise else ""
    return f"{candidate.values[name]:{form}}{noise}"


def _commands(data: ReportData, rank: int) -> list[tuple[str, str]]:
    arch = shlex.quote(str(data.run / "front" / f"{rank:02}.json"))
    return [
        ("retrain", f"chiptrack retrain {arch} --out {shlex.quote(f'tracker-{rank:02}.safetensors')}"),
        ("export", f"chiptrack export {arch} --format onnx --out {shlex.quote(f'tracker-{rank:02}')}"),
    ]


def _button(label: str, command: str) -> str:
    return f"<button data-command='{html.escape(command)}' title='{html.escape(command)}'>{html.escape(label)}</button>"


def _next_steps(data: ReportData) -> str:
    rank = next(
        (rank for rank, member in enumerate(data.front, 1) if data.winner is not None and member.number == data.winner.number), None
    )
    if rank is None:
        return ""
    lines = "".join(
        f"<div class='command'><code>{html.escape(command)}</code>{_button('copy', command)}</div>" for _, command in _commands(data, rank)
    )
    return f"<p class='text'>To go on with the recommended one:</p>{lines}"


def _devices(data: ReportData) -> str:
    parts = ("chip", "runtime", "precision")
    profiles = [predictor.get("profile", {}) for predictor in data.settings.get("predictors", [])]
    return "; ".join(" ".join(str(profile[part]) for part in parts if part in profile) or "unknown device" for profile in profiles)


def _settings_facts(data: ReportData) -> list[tuple[str, str]]:
    settings = {name: value for name, value in data.settings.items() if name != "predictors"}
    predictors = [{name: p.get(name) for name in ("path", "sha256", "profile")} for p in data.settings.get("predictors", [])]
    found = {name: data.summary[name] for name in ("failures", "rejected", "seconds") if name in data.summary}
    return _flatten({**settings, "predictor": predictors[0] if len(predictors) == 1 else predictors, **found})


def _flatten(figures: Mapping, prefix: str = "") -> list[tuple[str, str]]:
    """Nested figures as (name, text), names joined by slashes."""
    rows = []
    for name, value in figures.items():
        label = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
            value = {str(i): item for i, item in enumerate(value, 1)}
        if isinstance(value, Mapping):
            rows += _flatten(value, f"{label} / ")
        elif isinstance(value, list):
            rows.append((label, ", ".join(_text(item) for item in value) or "none"))
        else:
            rows.append((label, _text(value)))
    return rows


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) and abs(value) < 1e4 else f"{value:,.0f}" if isinstance(value, float) else str(value)


def _facts(rows: Iterable[tuple[str, str]]) -> str:
    cells = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in rows)
    return f"<dl>{cells}</dl>"


def _count(value: float) -> str:
    """A large number with k, M or G."""
    for scale, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= scale:
            return f"{value / scale:.3g}{letter}"
    return f"{value:.3g}"
