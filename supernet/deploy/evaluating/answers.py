"""What an evaluation answers: the figures of a protocol, and the time that the tracker took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from supernet.deploy.evaluating.annotated import Annotated
from tracking.benchmarks.benchmark import Benchmark, State, TrackedRun
from tracking.benchmarks.one_pass import Scores, average, can_score, score
from tracking.files.runs import Run
from tracking.sequence import Sequence as Film


def plain_answer(sequences: Sequence[Film], runs: Sequence[Run]) -> dict:
    """The scores of a one-pass evaluation, beside those of boxes that never move.

    Args:
        sequences: What was tracked.
        runs: What the tracker said, in the same order.
    """
    scored = [(sequence, run) for sequence, run in zip(sequences, runs, strict=True) if can_score(sequence.boxes)]
    each = [score(run.boxes, sequence.boxes) for sequence, run in scored]
    still = [score(np.repeat(sequence.boxes[:1], len(sequence), axis=0), sequence.boxes) for sequence, _ in scored]
    return {
        **(asdict(average(each)) if each else {field.name: None for field in fields(Scores)}),
        "static_ao": average(still).ao if still else None,
        **times(runs),
        "sequences": [
            {"name": sequence.name, "frames": len(sequence), "static_ao": static.ao, **asdict(one)}
            for (sequence, _), one, static in zip(scored, each, still, strict=True)
        ],
        "unscored": [sequence.name for sequence in sequences if not can_score(sequence.boxes)],
    }


def benchmark_answer(
    benchmark: Benchmark, annotated: Sequence[Annotated], runs: Mapping[tuple[str, int], Run], tracker: str, out: Path
) -> dict:
    """The figures of a benchmark; its result files are written as its own toolkit takes them.

    Args:
        benchmark: The benchmark.
        annotated: What was tracked, with its annotations.
        runs: What the tracker said, by name of the sequence and number of the repetition.
        tracker: Name of the tracker, for the result files.
        out: Folder to write them into.
    """
    of = {each.sequence.name: each for each in annotated}
    tracked = [
        TrackedRun(name, of[name].in_its_coordinates(run.boxes), _states(run), repeat) for (name, repeat), run in sorted(runs.items())
    ]
    seconds = {key: np.nan_to_num(run.seconds) for key, run in runs.items() if np.isfinite(run.seconds).any()}
    written = benchmark.write_results(out, tracker, tracked, seconds)
    complete = {name: each.truth for name, each in of.items() if each.complete}
    scored = benchmark.score(complete, [run for run in tracked if run.sequence in complete]) if complete else None
    return {
        "benchmark": benchmark.name,
        "tracker": tracker,
        **{name: _known(scored.figures[name]) if scored else None for name in benchmark.metrics},
        **times(list(runs.values())),
        "results": str(written),
        "sequences": [
            {"name": name, "frames": len(of[name].sequence), **{metric: _known(value) for metric, value in scored.sequences[name].items()}}
            for name in complete
            if scored is not None
        ],
        "unscored": [name for name in of if name not in complete],
    }


def _known(value: float) -> float | None:
    """A figure, or None where there is none, such as an expected overlap of sequences that are all shorter than its bounds."""
    return float(value) if np.isfinite(value) else None


def times(runs: Sequence[Run]) -> dict[str, float | None]:
    """Milliseconds that the tracker took for a frame: mean, median, and what 95 of 100 frames stay below; and those for reading a frame.

    Frames in which the tracker was started do not count, unless there are no others. None where no sequence was tracked alone.
    """
    known = [values for run in runs if len(values := _after_starts(run))]
    spent = 1000 * np.concatenate(known) if known else np.empty(0)
    read = [values for run in runs if run.reading is not None and len(values := run.reading[np.isfinite(run.reading)])]
    return {
        "ms_per_frame": float(spent.mean()) if len(spent) else None,
        "median_ms": float(np.median(spent)) if len(spent) else None,
        "p95_ms": float(np.percentile(spent, 95)) if len(spent) else None,
        "reading_ms": 1000 * float(np.concatenate(read).mean()) if read else None,
    }


def _after_starts(run: Run) -> np.ndarray:
    counts = np.isfinite(run.seconds) & (_states(run) != State.INITIALISED)
    return run.seconds[counts if counts.any() else np.isfinite(run.seconds)]


def _states(run: Run) -> np.ndarray:
    """The state of each frame, (T,), int8."""
    if run.states is not None:
        return run.states
    states = np.full(len(run.boxes), State.TRACKED, np.int8)
    states[0] = State.INITIALISED
    return states
