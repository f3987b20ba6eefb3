"""The verb `score`: scores result files that anybody made against the annotations of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from tracking.benchmarks import BENCHMARKS
from tracking.benchmarks.benchmark import Benchmark, Truth
from tracking.benchmarks.reading.layouts import find_trackers
from tracking.benchmarks.reading.stores import Folder
from tracking.benchmarks.vot.supervised import Supervised
from tracking.benchmarks.vot.unsupervised import Unsupervised
from tracking.files.atomic import write_text
from tracking.files.guard import Reads, Writes, guarded
from tracking.files.progress import progress
from tracking.scoring.row import Row


@guarded
def score(
    *,
    benchmark: str,
    annotations: Annotated[Path, Reads()],
    results: Annotated[list[Path], Reads()],
    polygons: Literal["pixels", "exact"] = "pixels",
    seed: int = 0,
    out: Annotated[Path | None, Writes()] = None,
) -> list[dict]:
    """Score result files that anybody made by the rules of a benchmark's own toolkit: one row a tracker.

    Args:
        benchmark: vot2019, vot2018, vot2016, vot_unsupervised, one_pass, otb, lasot, got10k, trackingnet, uav123, nfs or dtb70.
        annotations: The benchmark's own folder, a pysot-style JSON file, or a folder of SEQUENCE.txt (with absent/SEQUENCE.txt for lasot).
        results: Folder of a tracker's results, or of several trackers', or a zip file of one; further ones may follow.
        polygons: How regions of vot are compared: as the toolkit's sets of pixels, or by their exact areas.
        seed: Seed of the draws of sequences that the intervals come from.
        out: HTML page to write, with plots and figures of each sequence.

    Returns:
        For each tracker its name (`tracker`), `benchmark`, number of `sequences`, figures, `intervals` (95 %, of sequences drawn anew)
        and `attributes` (the first figure for each attribute, if the annotations have some).
    """
    if benchmark not in BENCHMARKS:
        raise ValueError(f"benchmark must be one of {', '.join(BENCHMARKS)}, got {benchmark!r:.80}; see docs/benchmarks.md")
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, got {seed}; leave it out")
    chosen = _with_polygons(BENCHMARKS[benchmark], polygons)
    truths = chosen.read_annotations(annotations)
    trackers = _trackers(chosen, truths, results)
    rows = []
    with progress("scoring", len(trackers)) as report:
        for name, place in trackers.items():
            scored = chosen.score(truths, chosen.read_results(place, truths))
            rows.append(Row(name, scored, {metric: figure.interval(seed) for metric, figure in scored.parts.items()}))
            report(len(rows), name)
    if out is not None:
        from tracking.scoring.page import draw  # plotly takes a while to import

        write_text(out, draw(chosen, rows))
    return [_answer(chosen, row) for row in rows]


def _with_polygons(benchmark: Benchmark, polygons: str) -> Benchmark:
    if polygons == "pixels":
        return benchmark
    if not isinstance(benchmark, Supervised | Unsupervised):
        raise ValueError(f"--polygons exact is for benchmarks with polygons, {benchmark.name} compares rectangles exactly; leave it out")
    return replace(benchmark, exact=True)


def _trackers(benchmark: Benchmark, truths: Mapping[str, Truth], results: list[Path]) -> dict[str, Path]:
    """The trackers whose results are in the given places, by names that differ, and the folder or zip of each."""
    found: list[tuple[str, Path]] = []
    for path in results:
        places = find_trackers(path, benchmark.layout, truths)
        inside = [(name, store.path / folder if isinstance(store, Folder) else path) for name, (store, folder) in places.items()]
        found += [each for each in inside or [(path.resolve().name, path)] if each not in found]  # reading it says what is wrong
    names = [name for name, _ in found]
    return {name if names.count(name) == 1 else f"{name} ({path})": path for name, path in found}


def _answer(benchmark: Benchmark, row: Row) -> dict:
    figures = {metric: row.scored.figures[metric] for metric in benchmark.metrics}
    return {
        "tracker": row.tracker,
        "benchmark": benchmark.name,
        "sequences": len(row.scored.sequences),
        **figures,
        "intervals": {metric: list(ends) for metric, ends in row.intervals.items()},
        **({"attributes": row.scored.attributes} if row.scored.attributes else {}),
    }
