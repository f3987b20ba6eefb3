"""Writes the results of a search: the front as architecture files, a table of all candidates, and a summary.

Only the summary holds durations. The other files are equal byte by byte for equal settings and seed with one worker, unless something was
measured on a device.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from search.front.verify import Verification
from search.front.winner import Recommendation
from search.metrics.metric import Figure, Metric
from search.study.candidate import Candidate
from supernet.catalogue import save_architecture
from tracking.files.atomic import new_folder, write_text


def write_front(out: Path, members: Sequence[Candidate], recommendation: Recommendation) -> None:
    """Write the front as `front/01.json` and so on, most accurate first; an older front is replaced.

    Args:
        out: Folder of the search.
        members: The front, most accurate first.
        recommendation: The recommended member.
    """
    shutil.rmtree(out / "front", ignore_errors=True)
    with new_folder(out / "front") as folder:
        for rank, member in enumerate(members, 1):
            notes = {**member.to_json(), "rank": rank, "recommended": member.number == recommendation.winner.number}
            save_architecture(folder / f"{rank:02}.json", member.architecture, {"candidate": notes})


def write_candidates(out: Path, candidates: Sequence[Candidate], members: Sequence[Candidate]) -> None:
    """Write `candidates.csv`, a row for each candidate.

    Args:
        out: Folder of the search.
        candidates: All candidates of the search.
        members: The front, most accurate first.
    """
    ranks = {member.number: rank for rank, member in enumerate(members, 1)}
    metrics = sorted({metric for candidate in candidates for metric in candidate.figures}, key=lambda metric: metric.name)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    parts = ("", "_noise", "_source")
    table.writerow(
        ["number", "rank", "feasible", "strategy", *(f"{metric.name}{part}" for metric in metrics for part in parts), "key", "name"]
    )
    for candidate in candidates:
        cells = [cell for metric in metrics for cell in _cells(candidate, metric)]
        arch, rank = candidate.architecture, ranks.get(candidate.number, "")
        table.writerow([candidate.number, rank, candidate.feasible, candidate.strategy, *cells, arch.key, arch.name])
    write_text(out / "candidates.csv", text.getvalue())


def _cells(candidate: Candidate, metric: Metric) -> tuple[object, object, object]:
    """Value, noise and source of one figure; empty if the candidate has none."""
    figure: Figure | None = candidate.figures.get(metric)
    return ("", "", "") if figure is None else (figure.value, "" if figure.noise is None else figure.noise, figure.source)


def summarise(
    members: Sequence[Candidate], recommendation: Recommendation, verification: Verification, rejected: Counter[str], evaluated: int
) -> dict:
    """Collect what `summary.json` says of the front and its winner.

    Args:
        members: The front, most accurate first.
        recommendation: The winner, a member of the front.
        verification: The result of measuring the front.
        rejected: Number of samples refused before any evaluation, by reason.
        evaluated: Number of evaluated candidates.
    """
    winner, accuracy = recommendation.winner, recommendation.accuracy
    rank = 1 + [member.number for member in members].index(winner.number)
    rescored = [member for member in members if member.rescored]
    drops = [accuracy.sign * (member.accuracy(accuracy).value - member.value(accuracy)) for member in rescored]
    named = {"file": f"front/{rank:02}.json", "name": winner.architecture.name, "key": winner.architecture.key}
    return {
        "winner": {**named, **winner.to_json()},
        "why": recommendation.why,
        "ties": recommendation.ties,
        "tie_within": recommendation.tie_within,
        "front": len(members),
        "rescored": len(rescored),
        "optimism": sum(drops) / len(drops) if drops else None,
        "evaluations": evaluated,
        "rejected": dict(rejected),
        "rejected_share": rejected.total() / (rejected.total() + evaluated),
        "verified": verification.to_json(),
    }


def write_summary(out: Path, summary: Mapping) -> None:
    """Write `summary.json` into the folder of the search."""
    write_text(out / "summary.json", json.dumps(summary, indent=1) + "\n")
