"""How reliably do the metrics of a search rank architectures, and what does a candidate cost?

    python benchmarks/judge_reliability.py --supernet supernet.safetensors --architectures 100 [--pairs 2048] [--clips 0] [--new]

Random architectures of the supernet are judged on fixed pairs, and on clips if `--clips` says how many. The table has a row for each metric
and number of pairs or clips:

- seconds: computing time of a candidate, median, on one thread;
- halves: Spearman correlation between disjoint halves of the groups of pairs, or of the clips, over the architectures;
- spread: standard deviation between the architectures;
- noise: standard error of one architecture's difference from another, median;
- macs, ao: Kendall tau with multiply-adds and with AO on all clips. A loss counts negated, so that all metrics are better when larger;
- new: with `--new`, the mean on new pairs less that on these. It is the same for all architectures, luck of the pairs and no optimism.

The raw scores are written to `--out` after each architecture, and the same command goes on with them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from scipy.stats import kendalltau

from search.judging.fixed_pairs import GROUP, groups_of
from search.judging.inherited import InheritedJudge
from search.judging.judge import Job
from search.judging.noise import paired
from search.judging.reliability import reliability
from search.judging.validation import Validation
from search.metrics.accuracy import AO, LOSS
from supernet.space import Architecture
from tracking.files.atomic import write_text
from tracking.files.progress import progress

_FRAMES = 40
_SEED = 7
"""Seed of the architectures."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--supernet", type=Path, required=True)
    parser.add_argument("--architectures", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=2048)
    parser.add_argument("--clips", type=int, default=0)
    parser.add_argument("--new", action="store_true", help="judge on new pairs as well")
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--out", type=Path, help="file for the raw scores")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        folder = given.out.parent / "pairs" if given.out else Path(folder)
        validation = Validation(given.data, _FRAMES)
        judge = InheritedJudge(given.supernet, validation, folder=folder)
        pairs, new = groups_of(given.pairs)
        clips = validation.chosen(given.clips, 0)[0] if given.clips else range(0)
        rng = np.random.default_rng(_SEED)
        architectures = [judge.family.space.sample(rng) for _ in range(given.architectures)]
        jobs: dict[str, Callable[[Architecture], Job]] = {"pairs": partial(Job, sequences=range(0), pairs=pairs)}
        if clips:
            jobs["clips"] = partial(Job, sequences=clips)
        if given.new:
            jobs["new"] = partial(Job, sequences=range(0), pairs=new)
        records = _judged(judge, architectures, jobs, given.out)
    macs = [judge.family.counts(arch, "search").macs for arch in architectures]
    for row in table(records, np.array(macs, float)):
        print("  ".join(f"{cell:>9}" for cell in row))


def _judged(judge: InheritedJudge, architectures: list[Architecture], jobs: dict, out: Path | None) -> list[dict]:
    """A record for each architecture: by job, the scores and the seconds of computing."""
    records = json.loads(out.read_text()) if out and out.is_file() else []
    for make in jobs.values():
        judge(make(architectures[0]))  # pairs and clips are rendered before the clock runs
    with progress("judge architectures", len(architectures), len(records)) as show:
        for arch in architectures[len(records) :]:
            record: dict = {}
            for name, make in jobs.items():
                begun = time.process_time()
                scores = judge(make(arch)).scores
                record[name] = {"scores": scores, "seconds": time.process_time() - begun}
            records.append(record)
            if out:
                write_text(out, json.dumps(records))
            show(len(records), "")
    return records[: len(architectures)]


def table(records: list[dict], macs: np.ndarray) -> list[list[str]]:
    """The rows of the table, the head first.

    Args:
        records: For each of N architectures, by job (`pairs`, perhaps `clips` and `new`), the scores by kind and the seconds.
        macs: (N,) multiply-adds.
    """
    head = ["metric", "cases", "seconds", "halves", "spread", "noise", "macs", "ao", "new"]
    ao = np.mean([record["clips"]["scores"][AO.kind] for record in records], axis=1) if "clips" in records[0] else None
    rows = []
    for job, size in (("pairs", GROUP), ("clips", 1)):
        if job not in records[0]:
            continue
        seconds = float(np.median([record[job]["seconds"] for record in records]))
        for kind in records[0][job]["scores"]:
            sign = -1 if kind == LOSS.kind else 1
            scores = sign * np.array([record[job]["scores"][kind] for record in records])
            later = None
            if job == "pairs" and "new" in records[0]:
                later = sign * np.array([record["new"]["scores"][kind] for record in records])
            groups = scores.shape[1]
            for share in (1, 2, 4, 8):
                if groups // share >= 8:
                    part = scores[:, : groups // share]
                    rows.append(
                        [kind, str(part.shape[1] * size), f"{seconds / share:.2f}", *_row(part, macs, ao, later if share == 1 else None)]
                    )
    return [head, *rows]


def _row(scores: np.ndarray, macs: np.ndarray, ao: np.ndarray | None, later: np.ndarray | None) -> list[str]:
    means = scores.mean(axis=1)
    known = reliability(scores.tolist())
    errors = [paired(a, b).standard_error for a, b in zip(scores[:-1].tolist(), scores[1:].tolist(), strict=True)]
    return [
        "-" if known is None else f"{known.halves:.3f}",
        f"{means.std():.4f}",
        f"{np.median(errors):.4f}",
        f"{kendalltau(means, macs)[0]:+.2f}",
        "-" if ao is None else f"{kendalltau(means, ao)[0]:+.2f}",
        "-" if later is None else f"{later.mean() - scores.mean():+.4f}",
    ]


if __name__ == "__main__":
    main()
