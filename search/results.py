"""What a search leaves behind besides its study: the front as architecture files, a table of all candidates, and a summary.

None of these files but the summary holds a clock: the same seed, strategy and one worker give the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from search.study.candidate import Candidate
from search.judging.noise import calibration_noise
from search.problem.objectives import Problem, deciding
from search.verify import Verification
from search.winner import Recommendation, front, recommend
from supernet.catalogue import save_architecture
from tracking.files.atomic import new_folder, write_text


def write_results(
    out: Path, candidates: Sequence[Candidate], problem: Problem, verification: Verification, found: Mapping, rejected: Counter[str]
) -> dict:
    """Write `front/NN.json` (most accurate first), `candidates.csv` and `summary.json`.

    Args:
        out: Folder of the search.
        candidates: All of them, settled.
        problem: Of the search.
        verification: What measuring the front came to.
        found: Further figures for the summary.
        rejected: Samples that were refused before any evaluation, by reason.

    Returns:
        The summary.
    """
    accuracy, cost = (objective.name for objective in deciding(problem.objectives))
    members = front(candidates, problem.objectives)
    if not members:
        raise ValueError(
            f"some architecture must meet the limits by measurement, none of {len(candidates)} does "
            f"({', '.join(f'{name}: {factor:.3f} times the prediction' for name, factor in verification.corrected.items())}); raise the limit"
        )
    calibration = calibration_noise([candidate.recalibrated[accuracy] for candidate in candidates if candidate.recalibrated])
    recommendation = recommend(members, accuracy, cost, calibration)
    ranks = {member.number: rank for rank, member in enumerate(members, 1)}
    shutil.rmtree(out / "front", ignore_errors=True)
    with new_folder(out / "front") as folder:
        for member in members:
            notes = {**member.to_json(), "rank": ranks[member.number], "recommended": member.number == recommendation.winner.number}
            save_architecture(folder / f"{ranks[member.number]:02}.json", member.architecture, {"candidate": notes})
    write_text(out / "candidates.csv", _table(candidates, ranks))
    summary = _summary(members, recommendation, ranks, accuracy, rejected, len(candidates))
    noise = {"calibration": calibration, "tie_within": recommendation.tie_within}
    summary = {**summary, "noise": noise, "verified": asdict(verification), **found}
    write_text(out / "summary.json", json.dumps(summary, indent=1) + "\n")
    return summary


def _table(candidates: Sequence[Candidate], ranks: Mapping[int, int]) -> str:
    names = sorted({name for candidate in candidates for name in candidate.values})
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    parts = ("", "_noise", "_source")
    table.writerow(["number", "rank", "feasible", "strategy", *(f"{name}{part}" for name in names for part in parts), "key", "name"])
    for candidate in candidates:
        figures = [part.get(name, "") for name in names for part in (candidate.values, candidate.noise, candidate.sources)]
        arch, rank = candidate.architecture, ranks.get(candidate.number, "")
        table.writerow([candidate.number, rank, candidate.feasible, candidate.strategy, *figures, arch.key, arch.name])
    return text.getvalue()


def _summary(
    members: Sequence[Candidate],
    recommendation: Recommendation,
    ranks: Mapping[int, int],
    accuracy: str,
    rejected: Counter[str],
    evaluated: int,
) -> dict:
    winner = recommendation.winner
    rescored = [member for member in members if member.rescored]
    drops = [member.values[accuracy] - member.values[f"{accuracy}_rescored"] for member in rescored]
    return {
        "winner": {
            "file": f"front/{ranks[winner.number]:02}.json",
            "name": winner.architecture.name,
            "key": winner.architecture.key,
            **winner.to_json(),
        },
        "why": recommendation.why,
        "ties": recommendation.ties,
        "tie_within": recommendation.tie_within,
        "front": len(members),
        "rescored": len(rescored),
        "rescoring_drop": sum(drops) / len(drops) if drops else None,
        "evaluations": evaluated,
        "rejected": dict(rejected),
        "rejected_share": rejected.total() / (rejected.total() + evaluated),
    }
