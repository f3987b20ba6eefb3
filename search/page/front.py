"""The Pareto front on the page: a table with a row for each member, and the commands with which a person continues from a member."""

from __future__ import annotations

import html
import shlex

from search.front.winner import Recommendation
from search.metrics.counted import MACS
from search.metrics.metric import Metric
from search.page.data import ReportData
from search.page.wording import figure_text, title
from search.study.candidate import Candidate

_MOST_MEMBERS = 100
"""Most rows that the table shows."""


def rank_of(data: ReportData, member: Candidate) -> int:
    """Return the rank of a member of the front, from 1 for the most accurate; its file is named after it."""
    return 1 + [candidate.number for candidate in data.front].index(member.number)


def front_text(data: ReportData) -> str:
    """Return the introduction to the table; empty while there is no recommendation."""
    if data.recommendation is None:
        return ""
    text = (
        f"Members are listed from the most accurate down. The accuracy of a tie lies within two standard errors of the {data.accuracy.best}, "
        "compared sequence by sequence or group of pairs by group of pairs."
    )
    optimism = data.summary.get("optimism")
    if optimism is not None:
        text += (
            f" Optimism: members that were judged again were {abs(optimism):.3f} {'worse' if optimism >= 0 else 'better'} on average on new "
            "data, which had no part in choosing them; the best of many noisy scores is too good. How much harder the new data are for "
            "candidates that were not chosen for their accuracy is taken off, where it is known."
        )
    if len(data.front) > _MOST_MEMBERS:
        text += f" The first {_MOST_MEMBERS} of {len(data.front):,} are listed."
    return text


def front_table(data: ReportData) -> str:
    """Return the table as HTML."""
    accuracy = data.accuracy
    metrics = dict.fromkeys([*data.objectives[1:], *(device.latency for device in data.devices), MACS])
    shown = [metric for metric in metrics if any(metric in member.figures for member in data.front)]
    head = ["", title(accuracy), "judged again", f"from {accuracy.best}", *map(title, shown), ""]
    places = {candidate.number: i for i, candidate in enumerate(data.candidates)}
    rows = []
    for rank, member in enumerate(data.front[:_MOST_MEMBERS], 1):
        again = f"{member.accuracy(accuracy).value:.3f}" if member.rescored else "–"
        below, mark = _verdict(data.recommendation, member)
        texts = [f"{rank:02}", f"{member.value(accuracy):.3f}", again, below, *(_cell(member, metric) for metric in shown)]
        cells = "".join(f"<td>{html.escape(text)}</td>" for text in texts)
        buttons = f"<button data-show='{places[member.number]}'>show</button>"
        buttons += "".join(_button(*command) for command in commands(data, _file(data, rank), f"tracker-{rank:02}").items())
        name = html.escape(member.architecture.name)
        rows.append(f"<tr class='{mark}' title='{name}'>{cells}<td class='mark'>{mark}</td><td class='buttons'>{buttons}</td></tr>")
    header = "".join(f"<th>{html.escape(name)}</th>" for name in head) + "<th class='buttons'>copy commands</th>"
    return f"<div class='scroll'><table><thead><tr>{header}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"


def _cell(member: Candidate, metric: Metric) -> str:
    figure = member.figures.get(metric)
    if figure is None:
        return "–"
    return figure_text(figure) + (" measured" if figure.source == "measured" else "")


def _verdict(found: Recommendation | None, member: Candidate) -> tuple[str, str]:
    """Return how far a member lies from the best accuracy, and its mark: `recommended`, `tie` or none."""
    if found is None or member.number not in found.differences:
        return "–", ""
    difference = found.differences[member.number]
    best, distance = found.accuracy.best, abs(difference.mean)
    below = best if member.number == found.best.number else f"{distance:.3f} ± {difference.standard_error:.3f}"
    return below, "recommended" if member.number == found.winner.number else "tie" if member.number in found.ties else ""


def _file(data: ReportData, rank: int) -> str:
    return shlex.quote(str(data.run / "front" / f"{rank:02}.json"))


def commands(data: ReportData, architecture: str, tracker: str) -> dict[str, str]:
    """Return the shell commands that continue from an architecture, by what they do.

    Args:
        data: The search; its supernet's weights are where retraining begins.
        architecture: Name or file of the architecture, quoted for the shell.
        tracker: Path of the files that the commands write, without its ending.
    """
    supernet = data.settings.get("supernet", {}).get("path")
    inherited = f" --supernet {shlex.quote(supernet)}" if supernet else ""
    return {
        "retrain": f"chiptrack retrain {architecture}{inherited} --out {tracker}.safetensors",
        "export": f"chiptrack export {tracker}.safetensors --format onnx --out {tracker}",
    }


def _button(label: str, command: str) -> str:
    return f"<button data-command='{html.escape(command)}' title='{html.escape(command)}'>{html.escape(label)}</button>"


def next_steps(data: ReportData) -> str:
    """Return the commands for the recommended candidate as HTML; empty if there is none."""
    if data.recommendation is None:
        return ""
    rank = rank_of(data, data.recommendation.winner)
    steps = commands(data, _file(data, rank), f"tracker-{rank:02}").values()
    lines = "".join(f"<div class='command'><code>{html.escape(command)}</code>{_button('copy', command)}</div>" for command in steps)
    return f"<p class='text'>Next steps with the recommended architecture:</p>{lines}"
