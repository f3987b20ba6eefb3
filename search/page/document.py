"""The page of a search: a single HTML file that contains everything, plotly included, and loads nothing from a network."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from predictors.report import Comparison, share_inside
from predictors.scores import score
from search.metrics.amounts import count
from search.page.columns import columns
from search.page.data import Device, ReportData
from search.page.facts import certainty, facts, job, settings
from search.page.front import commands, front_table, front_text, next_steps
from search.page.importance import LEAST
from search.page.peers import PEERS, published_family
from search.page.plots import plots
from search.page.tiles import lead, tiles
from search.page.wording import title

_TRADE_OFF = (
    "Every dot is an architecture that was judged on validation data with weights inherited from the supernet. Large circles are the Pareto "
    "front of the search; they are hollow if one of the figures shown is predicted. The line joins the feasible architectures that no "
    "other beats in the figures shown. Diamonds are members of the front judged again on new data, which had no part in choosing them. "
    "Error bars are one standard error of the difference from the best accuracy. Point at a dot to see its architecture; click a dot to "
    "keep its architecture in view."
)
_CONVERGENCE = (
    "Hypervolume of the front after each evaluation, for each strategy that took part: the share of the box between the worst and the best "
    "figures of this search that the front dominates. If a curve is still rising at its end, more evaluations would probably have helped."
)
_IMPORTANCE = (
    "How much the error of a model of each figure grows when the values of one choice are shuffled. This is about the share of the "
    "figure's variance that goes with the choice. The explained share in the legend says how well the model predicts candidates that it "
    "was not fitted on; if it is low, the bars are mostly noise. The bars show association among the architectures that the strategy chose, "
    "not proof of a cause."
)
_METHOD = (
    "Loss, fit (exp of minus the loss), IoU (of the box at the best cell) and presence are found on fixed pairs of crops, which are the same "
    " for all candidates. AO is the mean overlap after the first frame, averaged over sequences; AUC is the area under the success "
    "curve; a candidate that has lost its target is started again, and the frames until then count as overlap 0. All are found with "
    "inherited weights. It has not been shown that inherited weights rank architectures as training each of them alone would. Times are "
    "predicted from a latency table, unless the page says that they were measured."
)
_PEERS = (
    "Accuracy against multiply-adds; the area of a bubble is proportional to the number of parameters (a dot if it is not given). The "
    "hollow bubbles above show accuracy as published: EAO on real video (VOT2019). The filled bubbles below show this search: {accuracy} "
    "with inherited weights on its own validation data. The two accuracies cannot be compared; multiply-adds and parameters can"
)
_COMPARISON = (
    "Held-out networks were measured, and each was predicted by a model that was not fitted on it. On the dotted line, prediction and "
    "measurement are equal; in the band, they differ by at most 10 %. A bar is the interval in which the measurement was expected. If it "
    "does not cross the dotted line, the measurement lies outside the interval."
)
_LEARNING = (
    "Mean error on held-out networks, against the number of measured networks of the device that the predictor is fitted on. "
    "If a curve is still falling at its end, measuring more networks would probably help."
)


def draw(data: ReportData) -> str:
    """Draw the page of a search.

    Args:
        data: What the page shows.

    Returns:
        A complete HTML document. Text that comes from outside, such as names of architectures and devices, is escaped.
    """
    shown = plots(data)
    holders = {name: _holder(name, figure.to_dict()["layout"]["height"]) for name, figure in shown.items()}
    sections = [
        _section("Trade-off", _TRADE_OFF, _EXPLORER),
        _section("Front", front_text(data), "<a id='front'></a>", front_table(data), next_steps(data)),
        _section("Figures of the whole job", "", facts(job(data))) if data.job else "",
        _section("How sure this is", "", facts(certainty(data))),
        _section("Convergence", _CONVERGENCE, holders["convergence"]),
        _importance(holders.get("importance")),
        _comparisons(data, holders),
        _learning(holders.get("learning")),
        _peers(data, holders["peers"]),
        _section("How this was found", _METHOD, facts(settings(data))),
    ]
    folder = Path(__file__).parent
    files = {name: (folder / f"page.{name}").read_text(encoding="utf-8") for name in ("html", "css", "js")}
    return Template(files["html"]).substitute(
        title=html.escape(f"chiptrack search: {data.run.name}"),
        heading=html.escape(f"{data.family.name} on {_devices(data)}"),
        lead=lead(data),
        tiles=tiles(data),
        sections="\n".join(sections),
        style=files["css"],
        script=files["js"],
        data=_embedded(data, shown),
        plotly=get_plotlyjs(),
    )


def _embedded(data: ReportData, shown: Mapping[str, go.Figure]) -> str:
    """Return the data of the page's script as JSON that cannot end its script element."""
    drawn = {name: json.loads(figure.to_json() or "{}") for name, figure in shown.items()}
    record = {**columns(data), "plots": drawn, "run": str(data.run), "commands": commands(data, "\x01", "\x02")}
    return json.dumps(record, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


_EXPLORER = """
<div class="controls">
<label>x axis <select id="axis-x"></select></label>
<label>y axis <select id="axis-y"></select></label>
<label>z axis <select id="axis-z"></select></label>
<label>device <select id="chip"></select></label>
<label><input type="checkbox" id="space"> three axes</label>
<span class="right"><button data-download="candidates.csv">candidates.csv</button><button data-download="candidates.json">candidates.json</button></span>
</div>
<div class="explorer"><div id="trade-off"></div><div class="panel" id="candidate"></div></div>
<noscript><p class="text">The plots of this page need JavaScript.</p></noscript>
"""


def _section(title: str, text: str, *parts: str) -> str:
    note = f"<p class='text'>{html.escape(text)}</p>" if text else ""
    return f"<section><h2>{html.escape(title)}</h2>{note}{''.join(parts)}</section>"


def _holder(name: str, height: float) -> str:
    return f"<div id='{name}' style='min-height:{height:.0f}px'></div>"


def _devices(data: ReportData) -> str:
    return "; ".join(dict.fromkeys(device.predictor.device for device in data.devices)) or "an unnamed device"


def _importance(holder: str | None) -> str:
    text = _IMPORTANCE if holder else f"Too few candidates are known, or their figures are all equal; at least {LEAST} are needed."
    return _section("Which choices matter", text, holder or "")


def _peers(data: ReportData, holder: str) -> str:
    """Return the section that sets this search beside published trackers, as Figure 1 of the LightTrack paper shows them."""
    ours, theirs = data.family.settings.search_size, published_family().settings.search_size
    compared = "smaller" if ours < theirs else "larger"
    crops = f", but the crops are {compared} here ({ours} instead of {theirs} px), since the family is another" if ours != theirs else ""
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
    head = ("tracker", "MACs", "parameters", "EAO, VOT2019", "ms per frame, predicted from a measured table", "paper", "source")
    cells = ["".join(f"<td>{html.escape(text)}</td>" for text in row) for row in rows]
    table = "".join(f"<th>{html.escape(name)}</th>" for name in head), "".join(f"<tr>{row}</tr>" for row in cells)
    note = "<p class='text'>A dash in the column of times: chiptrack cannot build the tracker, or no device of this search can run it.</p>"
    return _section(
        "Beside published trackers",
        _PEERS.format(accuracy=title(data.accuracy)) + crops + ".",
        holder,
        f"<div class='scroll'><table><thead><tr>{table[0]}</tr></thead><tbody>{table[1]}</tbody></table></div>{note}",
    )


def _comparisons(data: ReportData, holders: Mapping[str, str]) -> str:
    title = "Predicted against measured"
    if not any(device.comparisons or device.predictor.left_out for device in data.devices):
        return _section(title, "No predictor lists measured networks, and no candidate of this search has been measured yet.")
    panels = "".join(f"<div>{_panel(device)}{holders.get(f'comparison-{i}', '')}</div>" for i, device in enumerate(data.devices))
    return _section(title, _COMPARISON, f"<div class='columns'>{panels}</div>" if len(data.devices) > 1 else panels)


def _panel(device: Device) -> str:
    predictor = device.predictor
    lines = [f"{predictor.name}: {predictor.device}", *_agreement(device)]
    head, *texts = map(html.escape, lines)
    return f"<p class='text'><b>{head}</b><br>{'<br>'.join(texts)}</p>"


def _agreement(device: Device) -> list[str]:
    """Return sentences on how well predictions and measurements of a device agree."""
    predictor = device.predictor
    groups = [("Held-out networks", predictor.held_out), ("Candidates of this search", device.measured)]
    lines = [f"{name} ({len(group)}): {_errors(group, predictor.coverage)}." for name, group in groups if group]
    if predictor.left_out:
        lines.append(f"Entries of the predictor's file that cannot be read and are left out: {predictor.left_out}.")
    return lines or ["There is no measurement to compare with."]


def _errors(comparisons: Sequence[Comparison], coverage: float | None) -> str:
    if len(comparisons) == 1:
        return f"off by {abs(comparisons[0].error):.2f} %" + (", outside its interval" if comparisons[0].outside else "")
    found = score(np.array([c.predicted_ms for c in comparisons]), np.array([c.measured_ms for c in comparisons]))
    text = f"off by {found.mape:.2f} % on average (MAPE), {found.within_10:.0f} % within ±10 %, rank correlation {found.spearman:.3f}"
    inside = share_inside(comparisons)
    if inside is not None:
        text += f"; {100 * inside:.0f} % inside their intervals" + ("" if coverage is None else f" ({100 * coverage:.0f} % stated)")
    return text


def _learning(holder: str | None) -> str:
    return _section("Error against number of measurements", _LEARNING, holder) if holder else ""
