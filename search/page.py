"""The page of a report: one HTML file that holds everything, plotly included, and asks no network for anything."""

from __future__ import annotations

import html
import shlex
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from predictors.report import Comparison, share_inside
from predictors.scores import score
from search import figures
from search.candidate import Candidate
from search.frame import FRAME
from search.objectives import count
from search.report import Device, ReportData
from search.winner import Recommendation

_TRADE_OFF = (
    "Every dot is an architecture that tracked generated validation sequences with weights inherited from the supernet. "
    "Circles joined by the line are not beaten by any other in both figures. Diamonds are the same architectures judged again on "
    "further sequences, which had no part in choosing them. Bars are one standard error of the difference from the highest one."
)
_CONVERGENCE = (
    "Share of the box between the worst and the best figures of this search that the front dominates (hypervolume), after each evaluation. "
    "A curve that is still rising at its end says that more evaluations would have paid."
)
_METHOD = (
    "AO is the mean overlap after the first frame, averaged over sequences. It is found with inherited weights: whether it ranks "
    "architectures as training each alone would has not been shown. Times are predicted from a latency table, not measured, "
    "unless the page says so."
)
_COMPARISON = (
    "Held out: measured networks, each predicted by a model that was not fitted on it. On the dotted line prediction and measurement are "
    "equal, in the band they differ by at most 10 %. A bar is the interval in which the measurement was expected; where it does not "
    "cross the dotted line, the measurement lies outside."
)
_LEARNING = (
    "Mean error on networks that were held out, when only so many measured networks of the device are fitted on. "
    "A curve that still falls at its end says that measuring more networks would pay."
)
# not auto-fit: a plot takes the width of its column while the panels after it are still to come
_COLUMNS = "display:grid;align-items:end;gap:12px 24px;grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr))"


def draw(data: ReportData) -> str:
    """Make the page.

    Args:
        data: A search.

    Returns:
        A whole HTML document; every text that comes from outside is escaped.
    """
    sections = [
        _section(
            "Trade-off", _TRADE_OFF, *(_plot(figures.trade_off(data, name), f"trade-off-{i}") for i, name in enumerate(data.latency_names))
        ),
        _section("Front", _front_text(data), "<a id='front'></a>", _front_table(data), _next_steps(data)),
        _section("Convergence", _CONVERGENCE, _plot(figures.convergence(data), "convergence")),
        _comparisons(data),
        *_learning(data),
        _section("How this was found", _METHOD, _facts(_settings(data))),
    ]
    if data.figures:
        sections.insert(2, _section("Figures of the whole job", "", _facts(_flatten(data.figures))))
    return FRAME.substitute(
        title=html.escape(f"chiptrack search: {data.run.name}"),
        heading=html.escape(f"{data.settings.get('family', 'search')} on {_devices(data)}"),
        lead=_lead(data),
        tiles=_tiles(data),
        sections="\n".join(sections),
        plotly=get_plotlyjs(),
    )


def _section(title: str, text: str, *parts: str) -> str:
    note = f"<p class='text'>{html.escape(text)}</p>" if text else ""
    return f"<section><h2>{html.escape(title)}</h2>{note}{''.join(parts)}</section>"


def _plot(figure: go.Figure, name: str) -> str:
    return figure.to_html(full_html=False, include_plotlyjs=False, div_id=name, config={"responsive": True, "displayModeBar": False})


def _devices(data: ReportData) -> str:
    return "; ".join(device.predictor.device for device in data.devices) or "an unnamed device"


def _lead(data: ReportData) -> str:
    found = data.recommendation
    if found is None:
        return "<p>This search has not ended: there is no recommendation yet.</p>"
    return f"<p>Recommended: <a href='#front'>front/{_rank(data, found.winner):02}.json</a>, the {html.escape(found.why)}.</p>"


def _rank(data: ReportData, member: Candidate) -> int:
    return 1 + [candidate.number for candidate in data.front].index(member.number)


def _tiles(data: ReportData) -> str:
    found, summary = data.recommendation, data.summary
    tiles = [
        (
            "evaluations",
            str(len(data.candidates)),
            f"{summary['rejected_share']:.0%} of the samples drawn were over budget or known" if summary else "",
        ),
        ("on the front", str(len(data.front)), f"{len(found.ties)} tied with the highest AO" if found else ""),
    ]
    if found is not None:
        winner = found.winner
        slowest = max(data.latency_names, key=lambda name: winner.values[name])
        latency, _, interval = _figure(winner, slowest).partition(" ± ")
        limits = [f"limit {count(limit)}" for name, limit in data.settings.get("limits", {}).items() if name == "max_macs"]
        tiles = [
            ("AO of the recommended", f"{winner.ao:.3f}", f"± {winner.ao_noise:.3f}; a box that never moves: {summary['static_ao']:.3f}"),
            ("ms per frame, predicted", latency, f"± {interval}" if interval else ""),
            ("multiply-adds", count(winner.values["macs"]), "".join(limits)),
            *tiles,
        ]
    cells = [[html.escape(text) for text in tile] for tile in tiles]
    return "".join(
        f"<div class='tile'><div class='label'>{label}</div><div class='value'>{value}</div><div class='note'>{note}</div></div>"
        for label, value, note in cells
    )


def _front_text(data: ReportData) -> str:
    if data.recommendation is None:
        return ""
    text = "Highest AO first. A tie lies within two standard errors of the highest AO, compared sequence by sequence."
    drop = data.summary.get("rescoring_drop") or 0
    if drop > 0:
        text += f" Judged again, AO was {drop:.3f} lower on average: the sequences are others, and the best of many noisy scores flatters."
    return text


def _front_table(data: ReportData) -> str:
    latencies = [name.replace("latency_ms", "ms").replace(":", " ") for name in data.latency_names]
    head = ["", "AO", "judged again", "below highest", *latencies, "MACs", "", "commands"]
    rows = []
    for rank, member in enumerate(data.front, 1):
        again = f"{member.values['ao_rescored']:.3f}" if member.rescored_ao else "–"
        below, mark = _verdict(data.recommendation, member)
        speeds = [_figure(member, name) for name in data.latency_names]
        texts = [f"{rank:02}", f"{member.values['ao']:.3f}", again, below, *speeds, count(member.values["macs"])]
        cells = "".join(f"<td>{html.escape(text)}</td>" for text in texts)
        buttons = "".join(_button(*command) for command in _commands(data, rank))
        title = html.escape(member.architecture.name)
        rows.append(f"<tr class='{mark}' title='{title}'>{cells}<td class='mark'>{mark}</td><td class='buttons'>{buttons}</td></tr>")
    header = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    return f"<div class='scroll'><table><thead><tr>{header}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"


def _verdict(found: Recommendation | None, member: Candidate) -> tuple[str, str]:
    """How far a member of the front lies below the highest AO, and a word on it."""
    if found is None or member.number not in found.differences:
        return "–", ""
    lead = found.differences[member.number]
    below = "highest" if member.number == found.best.number else f"{lead.mean:.3f} ± {lead.standard_error:.3f}"
    return below, "recommended" if member.number == found.winner.number else "tie" if member.number in found.ties else ""


def _figure(candidate: Candidate, name: str) -> str:
    """A figure with three significant digits, and its noise with as many decimals."""
    value = candidate.values[name]
    decimals = max(0, 2 - int(np.floor(np.log10(value)))) if value > 0 else 2
    return f"{value:.{decimals}f}" + (f" ± {candidate.noise[name]:.{decimals}f}" if name in candidate.noise else "")


def _commands(data: ReportData, rank: int) -> list[tuple[str, str]]:
    arch = shlex.quote(str(data.run / "front" / f"{rank:02}.json"))
    supernet = data.settings.get("supernet", {}).get("path")
    inherited = f" --supernet {shlex.quote(supernet)}" if supernet else ""
    return [
        ("retrain", f"chiptrack retrain {arch}{inherited} --out tracker-{rank:02}.safetensors"),
        ("export", f"chiptrack export tracker-{rank:02}.safetensors --format onnx --out tracker-{rank:02}"),
    ]


def _button(label: str, command: str) -> str:
    return f"<button data-command='{html.escape(command)}' title='{html.escape(command)}'>{html.escape(label)}</button>"


def _next_steps(data: ReportData) -> str:
    if data.recommendation is None:
        return ""
    commands = [command for _, command in _commands(data, _rank(data, data.recommendation.winner))]
    lines = "".join(f"<div class='command'><code>{html.escape(command)}</code>{_button('copy', command)}</div>" for command in commands)
    return f"<p class='text'>To go on with the recommended one:</p>{lines}"


def _comparisons(data: ReportData) -> str:
    title = "Predicted against measured"
    if not any(device.comparisons or device.predictor.left_out for device in data.devices):
        return _section(title, "No predictor lists measured networks, and no candidate of this search has been measured yet.")
    panels = "".join(f"<div>{_panel(device, i)}</div>" for i, device in enumerate(data.devices))
    return _section(title, _COMPARISON, f"<div style='{_COLUMNS}'>{panels}</div>" if len(data.devices) > 1 else panels)


def _panel(device: Device, place: int) -> str:
    predictor = device.predictor
    lines = [f"{predictor.name}: {predictor.device}", *_agreement(device)]
    head, *texts = map(html.escape, lines)
    plot = _plot(figures.comparison(device), f"comparison-{place}") if device.comparisons else ""
    return f"<p class='text'><b>{head}</b><br>{'<br>'.join(texts)}</p>{plot}"


def _agreement(device: Device) -> list[str]:
    """Lines on how well predictions and measurements of a device agree."""
    predictor = device.predictor
    groups = [("held out", predictor.held_out), ("of this search", device.measured)]
    lines = [f"{len(group)} {name}: {_errors(group, predictor.coverage)}." for name, group in groups if group]
    if predictor.left_out:
        lines.append(f"Entries of its file that cannot be read, and are left out: {predictor.left_out}.")
    return lines or ["Nothing measured to compare with."]


def _errors(comparisons: Sequence[Comparison], coverage: float | None) -> str:
    if len(comparisons) == 1:
        return f"off by {abs(comparisons[0].error):.2f} %" + (", outside its interval" if comparisons[0].outside else "")
    found = score(np.array([c.predicted_ms for c in comparisons]), np.array([c.measured_ms for c in comparisons]))
    text = f"off by {found.mape:.2f} % on average (MAPE), {found.within_10:.0f} % within ±10 %, rank correlation {found.spearman:.3f}"
    inside = share_inside(comparisons)
    if inside is not None:
        text += f"; {100 * inside:.0f} % inside their intervals" + ("" if coverage is None else f" ({100 * coverage:.0f} % stated)")
    return text


def _learning(data: ReportData) -> list[str]:
    if not any(device.predictor.learning for device in data.devices):
        return []
    return [_section("Error against number of measurements", _LEARNING, _plot(figures.learning(data.devices), "learning"))]


def _settings(data: ReportData) -> list[tuple[str, str]]:
    settings = {name: value for name, value in data.settings.items() if name != "predictors"}
    predictors = [{name: p.get(name) for name in ("path", "sha256", "profile")} for p in data.settings.get("predictors", [])]
    found = {name: data.summary[name] for name in ("failures", "rejected", "seconds") if name in data.summary}
    return _flatten({**settings, "predictor": predictors[0] if len(predictors) == 1 else predictors, **found})


def _flatten(records: Mapping, prefix: str = "") -> list[tuple[str, str]]:
    """Nested records as (name, text), names joined by slashes."""
    rows = []
    for name, value in records.items():
        label = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
            value = {str(i): item for i, item in enumerate(value, 1)}
        if isinstance(value, Mapping):
            rows += _flatten(value, f"{label} / ")
        elif isinstance(value, list):
            rows.append((label, ", ".join(map(_text, value)) or "none"))
        else:
            rows.append((label, _text(value)))
    return rows


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "none" if value is None else str(value)


def _facts(rows: Iterable[tuple[str, str]]) -> str:
    cells = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in rows)
    return f"<dl>{cells}</dl>"
