"""The page of a report: one HTML file that holds everything, plotly included, and asks no network for anything."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template

import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from predictors.report import Comparison, share_inside
from predictors.scores import score
from search import figures
from search.candidate import Candidate
from search.columns import columns, title
from search.importance import LEAST
from search.objectives import count, limit_name
from search.page_front import commands, figure_text, front_table, front_text, next_steps, rank_of
from search.peers import PEERS
from search.report import Device, ReportData
from supernet.families import FAMILIES

_TRADE_OFF = (
    "Every dot is an architecture that tracked validation sequences with weights inherited from the supernet. Circles are the front of the "
    "search: hollow where a figure shown is predicted, filled where it was measured. The line joins what is not beaten in the figures shown. "
    "Diamonds are the same architectures judged again on further sequences, which had no part in choosing them; bars are one standard "
    "error of the difference from the highest. Point at a dot to see its architecture, click to keep it."
)
_CONVERGENCE = (
    "Share of the box between the worst and the best figures of this search that the front dominates (hypervolume), against evaluations, for "
    "each strategy that took part. A curve that is still rising at its end says that more evaluations would have paid."
)
_IMPORTANCE = (
    "By how much a model of each figure errs more when one choice is shuffled: about the share of the figure's variance that goes with the "
    "choice. The share explained tells how well that model predicts candidates that it was not fitted on; where it is low, bars are mostly "
    "noise. This is association among what the strategy chose to look at, not proof of a cause."
)
_METHOD = (
    "AO is the mean overlap after the first frame, averaged over sequences; AUC the area under the curve of overlaps. They are found with "
    "inherited weights: whether these rank architectures as training each alone would has not been shown. Times are predicted from a "
    "latency table, not measured, unless the page says so."
)
_PEERS = (
    "As in Figure 1 of the LightTrack paper: accuracy against multiply-adds, the area of a bubble for the parameters (a dot where they are "
    "not given). Above, hollow: accuracy as published, EAO on real video (VOT2019). Below, filled: this search, {accuracy} with inherited "
    "weights on its own validation sequences. The two accuracies cannot be compared; multiply-adds and parameters can"
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


def plots(data: ReportData) -> dict[str, go.Figure]:
    """The figures that stand still, by their place in the page; those of which something is known.

    Args:
        data: A search.
    """
    found = {"convergence": figures.convergence(data.curves)}
    if data.importances:
        found["importance"] = figures.importances(data.importances, list(data.family.space.choices))
    found |= {f"comparison-{i}": figures.comparison(device) for i, device in enumerate(data.devices) if device.comparisons}
    if any(device.predictor.learning for device in data.devices):
        found["learning"] = figures.learning(data.devices)
    winner = data.recommendation and data.recommendation.winner
    return found | {"peers": figures.peers([member for member in data.front if _sized(member)], winner, data.accuracy)}


def _sized(member: Candidate) -> bool:
    return {"macs", "params"} <= member.values.keys()


def draw(data: ReportData) -> str:
    """Make the page.

    Args:
        data: A search.

    Returns:
        A whole HTML document; every text that comes from outside is escaped.
    """
    shown = plots(data)
    places = {name: _place(name, figure.to_dict()["layout"]["height"]) for name, figure in shown.items()}
    sections = [
        _section("Trade-off", _TRADE_OFF, _EXPLORER),
        _section("Front", front_text(data), "<a id='front'></a>", front_table(data), next_steps(data)),
        _figures_of_the_job(data),
        _section("How sure this is", "", _facts(_certainty(data))),
        _section("Convergence", _CONVERGENCE, places["convergence"]),
        _importance(places.get("importance")),
        _comparisons(data, places),
        _learning(places.get("learning")),
        _peers(data, places["peers"]),
        _section("How this was found", _METHOD, _facts(_settings(data))),
    ]
    folder = Path(__file__).parent
    files = {name: (folder / f"page.{name}").read_text(encoding="utf-8") for name in ("html", "css", "js")}
    return Template(files["html"]).substitute(
        title=html.escape(f"chiptrack search: {data.run.name}"),
        heading=html.escape(f"{data.family.name} on {_devices(data)}"),
        lead=_lead(data),
        tiles=_tiles(data),
        sections="\n".join(sections),
        style=files["css"],
        script=files["js"],
        data=_embedded(data, shown),
        plotly=get_plotlyjs(),
    )


def _embedded(data: ReportData, shown: Mapping[str, go.Figure]) -> str:
    """What the page computes with and draws, as JSON that cannot end its script element."""
    drawn = {name: json.loads(figure.to_json() or "{}") for name, figure in shown.items()}
    record = {**columns(data), "plots": drawn, "run": str(data.run), "commands": commands(data, "\x01", "\x02")}
    return json.dumps(record, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


_EXPLORER = """
<div class="controls">
<label>across <select id="axis-x"></select></label>
<label>up <select id="axis-y"></select></label>
<label>deep <select id="axis-z"></select></label>
<label>chip <select id="chip"></select></label>
<label><input type="checkbox" id="space"> three figures</label>
<span class="right"><button data-download="candidates.csv">candidates.csv</button><button data-download="candidates.json">candidates.json</button></span>
</div>
<div class="explorer"><div id="trade-off"></div><div class="panel" id="candidate"></div></div>
<noscript><p class="text">The plots of this page need JavaScript.</p></noscript>
"""


def _section(title: str, text: str, *parts: str) -> str:
    note = f"<p class='text'>{html.escape(text)}</p>" if text else ""
    return f"<section><h2>{html.escape(title)}</h2>{note}{''.join(parts)}</section>"


def _place(name: str, height: float) -> str:
    return f"<div id='{name}' style='min-height:{height:.0f}px'></div>"


def _devices(data: ReportData) -> str:
    return "; ".join(dict.fromkeys(device.predictor.device for device in data.devices)) or "an unnamed device"


def _lead(data: ReportData) -> str:
    found = data.recommendation
    if found is None:
        return "<p>This search has not ended: there is no recommendation yet.</p>"
    return f"<p>Recommended: <a href='#front'>front/{rank_of(data, found.winner):02}.json</a>, the {html.escape(found.why)}.</p>"


def _tiles(data: ReportData) -> str:
    found, summary = data.recommendation, data.summary
    accuracy, cost = data.accuracy, data.cost
    rejected = summary.get("rejected_share")
    tiles = [
        (
            "evaluations",
            f"{len(data.candidates):,}",
            "" if rejected is None else f"{rejected:.0%} of the samples drawn were over budget or known",
        ),
        ("on the front", f"{len(data.front):,}", f"{len(found.ties)} tied with the highest {title(accuracy)}" if found else ""),
    ]
    if found is not None:
        winner = found.winner
        costs = [name for name in winner.values if name.partition(":")[0] == cost.partition(":")[0]]
        tiles = [
            (f"{title(accuracy)} of the recommended", f"{winner.accuracy(accuracy):.3f}", _accuracy_note(winner, accuracy, summary)),
            *(_cost_tile(winner, name, data) for name in dict.fromkeys([max(costs, key=lambda name: winner.values[name]), "macs"])),
            *tiles,
        ]
    cells = [[html.escape(text) for text in tile] for tile in tiles]
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


def _figures_of_the_job(data: ReportData) -> str:
    return _section("Figures of the whole job", "", _facts(_flatten(data.job))) if data.job else ""


def _certainty(data: ReportData) -> list[tuple[str, str]]:
    """What is known of the noise of accuracies and of the truth of predictions."""
    accuracy = title(data.accuracy)
    rows = []
    noise, verified = data.summary.get("noise", {}), data.summary.get("verified", {})
    if data.candidates:
        errors = [candidate.noise[name] for candidate in data.candidates if (name := data.accuracy) in candidate.noise]
        if errors:
            rows.append((f"{accuracy} by the sequences drawn", f"± {np.median(errors):.3f}, one standard error of a typical candidate"))
    if noise.get("calibration"):
        rows.append((f"{accuracy} by calibration", f"± {noise['calibration']:.4f}, when BatchNorm statistics come from other pairs"))
    if noise.get("tie_within"):
        rows.append(("a tie", f"differences below about {noise['tie_within']:.3f}: two standard errors, both kinds of noise together"))
    for name in {**verified.get("measured", {}), **verified.get("missing", {})}:
        rows.append((title(name), _verified(name, verified)))
    measured = sum("measured" in candidate.sources.values() for candidate in data.candidates)
    rows.append(("measured on a device", f"{measured} of {len(data.candidates):,} candidates; all other times are predicted"))
    return rows


def _verified(name: str, verified: Mapping) -> str:
    if name not in verified.get("measured", {}):
        return f"the front stays predicted: {verified['missing'][name]}"
    text = f"{verified['measured'][name]} measured, {verified['outside'].get(name, 0)} outside the intervals of their predictions"
    factor = verified.get("corrected", {}).get(name)
    return text + ("" if factor is None else f"; predictions of the others are multiplied by {factor:.3f}")


def _importance(place: str | None) -> str:
    text = _IMPORTANCE if place else f"Too few candidates, or all alike: {LEAST} are needed."
    return _section("Which choices matter", text, place or "")


def _peers(data: ReportData, place: str) -> str:
    """Figure 1 of LightTrack's paper, with this search beside it."""
    accuracy = data.accuracy
    published = FAMILIES["lighttrack"]
    other = data.family.search_size != published.search_size
    crops = (
        f", but the crops are smaller here ({data.family.search_size} instead of {published.search_size} px): another family"
        if other
        else ""
    )
    rows = [
        (
            peer.name,
            count(peer.macs),
            "–" if peer.params is None else count(peer.params),
            "–" if peer.eao is None else f"{peer.eao:.3f} published" + ("" if peer.verified else ", not verified"),
            "; ".join(f"{t.ms:.2f} ({t.low:.2f} to {t.high:.2f}) on {t.device}" for t in data.peer_times.get(peer.name, [])) or "–",
            peer.paper,
            peer.source,
        )
        for peer in PEERS
    ]
    head = ("tracker", "MACs", "parameters", "EAO, VOT2019", "ms per frame, predicted from a measured table", "paper", "read in")
    cells = ["".join(f"<td>{html.escape(text)}</td>" for text in row) for row in rows]
    table = "".join(f"<th>{html.escape(name)}</th>" for name in head), "".join(f"<tr>{row}</tr>" for row in cells)
    note = "<p class='text'>– in the column of times: chiptrack cannot build the graph.</p>"
    return _section(
        "Beside published trackers",
        _PEERS.format(accuracy=title(accuracy)) + crops + ".",
        place,
        f"<div class='scroll'><table><thead><tr>{table[0]}</tr></thead><tbody>{table[1]}</tbody></table></div>{note}",
    )


def _comparisons(data: ReportData, places: Mapping[str, str]) -> str:
    title = "Predicted against measured"
    if not any(device.comparisons or device.predictor.left_out for device in data.devices):
        return _section(title, "No predictor lists measured networks, and no candidate of this search has been measured yet.")
    panels = "".join(f"<div>{_panel(device)}{places.get(f'comparison-{i}', '')}</div>" for i, device in enumerate(data.devices))
    return _section(title, _COMPARISON, f"<div class='columns'>{panels}</div>" if len(data.devices) > 1 else panels)


def _panel(device: Device) -> str:
    predictor = device.predictor
    lines = [f"{predictor.name}: {predictor.device}", *_agreement(device)]
    head, *texts = map(html.escape, lines)
    return f"<p class='text'><b>{head}</b><br>{'<br>'.join(texts)}</p>"


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


def _learning(place: str | None) -> str:
    return _section("Error against number of measurements", _LEARNING, place) if place else ""


def _settings(data: ReportData) -> list[tuple[str, str]]:
    settings = {name: value for name, value in data.settings.items() if name not in ("predictors", "figures")}
    settings["objectives"] = [title(objective.name) for objective in data.objectives]
    predictors = [{name: p.get(name) for name in ("path", "sha256", "profile")} for p in data.settings.get("predictors", [])]
    found = {name: data.summary[name] for name in ("failures", "rejected", "stopped", "seconds") if name in data.summary}
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
