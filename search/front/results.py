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


def optimism(members: Sequence[Candidate], references: Sequence[Candidate], accuracy: Metric) -> float | None:
    """How much better the front looks in the search than it is, because the best of noisy scores are too good.

    It is the mean accuracy of its members in the search less that on new data, where they were judged again. New data may be harder or
    easier for everybody, so the same difference of candidates that were chosen without knowing any accuracy is taken off.

    Worked example: members fall from 0.62 to 0.60 on new data, references from 0.50 to 0.49. The new data are harder by 0.01, and the
    optimism is 0.01.

    Args:
        members: The front.
        references: Candidates that luck had no part in choosing, judged again; may be empty.
        accuracy: The metric that ranks candidates.

    Returns:
        None if no member was judged again.
    """

    def drop(candidates: Sequence[Candidate]) -> float:
        drops = [accuracy.sign * (each.accuracy(accuracy).value - each.value(accuracy)) for each in candidates if each.rescored]
        return sum(drops) / len(drops) if drops else 0.0

    return drop(members) - drop(references) if any(member.rescored for member in members) else None


def summarise(
    members: Sequence[Candidate],
    recommendation: Recommendation,
    verification: Verification,
    rejected: Counter[str],
    evaluated: int,
    references: Sequence[Candidate] = (),
) -> dict:
    """Collect what `summary.json` says of the front and its winner.

    Args:
        members: The front, most accurate first.
        recommendation: The winner, a member of the front.
        verification: The result of measuring the front.
        rejected: Number of samples refused before any evaluation, by reason.
        evaluated: Number of evaluated candidates.
        references: Candidates outside the front that were judged again; see `optimism`.
    """
    winner = recommendation.winner
    rank = 1 + [member.number for member in members].index(winner.number)
    rescored = [member for member in members if member.rescored]
    named = {"file": f"front/{rank:02}.json", "name": winner.architecture.name, "key": winner.architecture.key}
    return {
        "winner": {**named, **winner.to_json()},
        "why": recommendation.why,
        "ties": recommendation.ties,
        "tie_within": recommendation.tie_within,
        "front": len(members),
        "rescored": len(rescored),
        "optimism": optimism(members, references, recommendation.accuracy),
        "harder_data": optimism(references, (), recommendation.accuracy),
        "evaluations": evaluated,
        "rejected": dict(rejected),
        "rejected_share": rejected.total() / (rejected.total() + evaluated),
        "verified": verification.to_json(),
    }


def write_summary(out: Path, summary: Mapping) -> None:
    """Write `summary.json` into the folder of the search."""
    write_text(out / "summary.json", json.dumps(summary, indent=1) + "\n")
