"""The verb `evaluate`: runs a tracker over a data set by a benchmark's protocol and scores it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from supernet.deploy.evaluating.annotated import annotate
from supernet.deploy.evaluating.answers import benchmark_answer, plain_answer
from supernet.deploy.evaluating.claim import check_names, claim, content_of, still_valid
from supernet.deploy.evaluating.live import Live, track_live_jobs
from supernet.deploy.evaluating.processes import track_in_processes
from supernet.deploy.evaluating.work import Job, track_jobs
from supernet.deploy.loading import loader
from tracking.benchmarks import BENCHMARKS
from tracking.benchmarks.reading.names import some
from tracking.datasets import DATASETS
from tracking.datasets.data_set import DataSet
from tracking.files.atomic import sole_writer, write_text
from tracking.files.guard import Reads, Writes, guarded
from tracking.files.progress import progress, say
from tracking.files.runs import load_run
from tracking.lockstep import longest_first
from tracking.sequence import Sequence, find_sequences
from tracking.trackers import Procedure

_OWN = "tracks"
"""Folder of our own files of a benchmark's runs, below that of the results, deep enough that `score` does not take them for a tracker's."""


@dataclass(frozen=True)
class Running:
    """How sequences are tracked: how often, how many at once, and by what."""

    repeats: int = 1
    """How often a benchmark's sequences are tracked. Chiptrack's trackers are deterministic, so one run says all that the fifteen or three of
    VOT and GOT-10k say; their toolkits run such trackers once as well."""
    batch: int = 1
    """Number of sequences that a process tracks at once, in lockstep. The boxes of a bundle stay the same; a checkpoint is then run on
    a CPU by ONNX Runtime in place of torch, and its boxes are those of its bundle. Frames are timed with 1 only."""
    processes: int = 1
    """Number of processes, with one thread each; with more of them than idle cores, frames take longer."""
    device: str = "cpu"
    """Torch device that runs a checkpoint: cpu, cuda or cuda:N."""

    def __post_init__(self):
        for name, most in (("repeats", 999), ("batch", 1024), ("processes", 256)):
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"{name} must lie between 1 and {most}, got {getattr(self, name)}; leave it out for 1")


@dataclass(frozen=True)
class Asked:
    """What is evaluated by which protocol, and where the results go."""

    dataset: str
    """Kind of data set: folder (sequence folders with img/ and groundtruth.txt) or otb."""
    root: Annotated[Path, Reads(beside=True), Reads(find_sequences)]
    """Folder of the data set."""
    out: Annotated[Path, Writes(folder=True)]
    """Results folder to write: scores.json; for each sequence NAME.txt (boxes), NAME_time.txt, NAME_score.txt and NAME_read.txt; with
    a benchmark these lie in tracks/1 (2, ... for repetitions), beside a folder or zip as the benchmark's own toolkit takes it."""
    benchmark: str | None = None
    """Protocol, such as vot2019, otb or got10k; see `chiptrack score --help`. Without one: one-pass evaluation of all annotated
    frames (success, precision, AO, SR)."""
    annotations: Annotated[Path | None, Reads(beside=True)] = None
    """Annotations of the benchmark, if they do not lie in the data set's folder."""
    resume: bool = False
    """Go on with an interrupted evaluation; sequences whose boxes are in `out` are not tracked again, unless their frames or
    annotations have changed."""


@guarded
def evaluate(model: Annotated[str, Reads()], *, asked: Asked, running: Running = Running()) -> dict:
    """Run a tracker over every sequence of a data set by a benchmark's protocol and score it.

    Sequences that cannot be read are left out, and those with a box in the first frame alone are tracked but not scored; the answer lists
    both.

    Args:
        model: Checkpoint of a tracker, or a bundle folder.
        asked: What is evaluated by which protocol, and where the results go.
        running: How often, how many at once, and by what.
    """
    return evaluate_with(model, asked, running, None)


def evaluate_with(model: str, asked: Asked, running: Running, live: Live | None) -> dict:
    """Do what `evaluate` says, behind a camera if there is one.

    Raises:
        ValueError: A benchmark starts the tracker again, which is not done behind a camera; or several sequences are to be timed at once.
    """
    if live is not None:
        _check_live(live, asked.benchmark, running)
    if asked.dataset not in DATASETS:
        raise ValueError(
            f"dataset must be one of {', '.join(DATASETS)}, got {asked.dataset!r:.80}; a loader of your own: docs/extending.md"
        )
    if asked.benchmark is not None and asked.benchmark not in BENCHMARKS:
        raise ValueError(
            f"benchmark must be one of {', '.join(BENCHMARKS)}, got {asked.benchmark!r:.80}; leave it out for a one-pass evaluation"
        )
    if asked.benchmark is None and (asked.annotations is not None or running.repeats > 1):
        raise ValueError("annotations and repetitions are a benchmark's, none is given; add --benchmark, or leave them out")
    data = DATASETS[asked.dataset](asked.root)
    tracker, make = loader(model, running.device, running.batch)
    settings = {"model": model, "sha256": content_of(model), "dataset": asked.dataset, "root": str(asked.root.resolve())}
    if running.batch > 1 and not Path(model).is_dir():
        settings["runs"] = "batches"  # whose boxes must not be mixed with those of torch one by one
    settings |= {} if live is None else {"camera": asdict(live)}
    for line in data.words:
        say(line)
    sequences, left_out = _usable(data)

    def work(jobs: list[Job]) -> Iterator[tuple[int, str]]:
        if live is not None:
            return track_live_jobs(tracker, jobs, running.batch, live)
        if running.processes > 1:
            return track_in_processes(make, jobs, running.batch, running.processes)
        return track_jobs(tracker, jobs, running.batch)

    if asked.benchmark is None:
        with sole_writer(asked.out):
            claim(asked.out, settings, asked.resume)
            return _plainly(sequences, left_out, asked.out, work, live)
    protocol, place = BENCHMARKS[asked.benchmark], asked.annotations or asked.root
    if running.repeats > protocol.repeats:
        raise ValueError(
            f"{asked.benchmark} tracks each sequence at most {protocol.repeats} times, got --repeats {running.repeats}; lower it"
        )
    annotated, missing = annotate(sequences, protocol, asked.root, asked.annotations)
    if absent := missing.keys() - left_out.keys():
        say(
            f"{len(absent)} sequences of {asked.benchmark} are not in {asked.root}, so figures are not those of the whole benchmark: {some(sorted(absent))}"
        )
    folders = {repeat: asked.out / _OWN / str(repeat) for repeat in range(1, running.repeats + 1)}
    skip = protocol.restarts
    jobs = [
        Job(each.sequence, folder) if skip is None else Job(each.sequence, folder, each.regions, skip)
        for folder in folders.values()
        for each in annotated
    ]
    with sole_writer(asked.out):
        claim(asked.out, settings | {"benchmark": asked.benchmark, "annotations": str(place.resolve())}, asked.resume)
        _track(jobs, asked.out, work)
        runs = {(each.name, repeat): load_run(folder, each.name) for repeat, folder in folders.items() for each in sequences}
        answer = benchmark_answer(protocol, annotated, runs, Path(model).resolve().stem, asked.out)
        camera = {} if live is None else {"camera": live.answer(list(runs.values()))}
        return _kept(answer | camera | {"left_out": missing | left_out}, asked.out)


def run_all(tracker: Procedure, data: DataSet, out: Path) -> dict:
    """Track every sequence whose boxes are not in the results folder yet, one by one, and score all sequences.

    Args:
        tracker: The tracking procedure.
        data: Sequences to track; those without a box in their first frame are left out.
        out: Results folder, which also receives scores.json.

    Returns:
        What scores.json holds: mean scores over the sequences that can be scored (None if there are none), the mean AO of boxes that never
        move (`static_ao`), milliseconds for a frame, the scores of each sequence, `unscored` (names of sequences with one true box), and
        `left_out` (reasons by sequence).

    Raises:
        ValueError: Sequences would share a file of results; none has a box in its first frame; or a sequence cannot be tracked, which is
            said after all others have been tracked.
    """
    return _plainly(*_usable(data), out, lambda jobs: track_jobs(tracker, jobs, batch=1))


Work = Callable[[list[Job]], Iterator[tuple[int, str]]]
"""Tracks jobs and yields, for each, its number and why it could not be done."""


def _plainly(sequences: list[Sequence], left_out: dict[str, str], out: Path, work: Work, live: Live | None = None) -> dict:
    _track([Job(sequence, out) for sequence in sequences], out, work)
    runs = [load_run(out, sequence.name) for sequence in sequences]
    camera = {} if live is None else {"camera": live.answer(runs)}
    return _kept(plain_answer(sequences, runs) | camera | {"left_out": left_out}, out)


def _check_live(live: Live, benchmark: str | None, running: Running) -> None:
    """Refuse what cannot be done behind a camera."""
    if benchmark in BENCHMARKS and BENCHMARKS[benchmark].restarts is not None:
        once = ", ".join(name for name, each in BENCHMARKS.items() if each.restarts is None)
        raise ValueError(
            f"behind a camera a tracker is started once, {benchmark} starts it again where it has failed; choose one of {once}"
        )
    if running.processes > 1:
        raise ValueError(f"--camera tracks in one process, got --processes {running.processes}; leave it out, or simulate with --batch")
    if live.latency_ms is None and running.batch > 1:
        raise ValueError(
            f"a tracker is timed with one sequence after the other, got --batch {running.batch}; leave it out, or add --latency"
        )


def _usable(data: DataSet) -> tuple[list[Sequence], dict[str, str]]:
    """The sequences that a tracker can be started in, and why others are left out."""
    sequences = [sequence for sequence in data.sequences if sequence.visible[0]]
    left_out = {**data.left_out, **{each.name: "it has no box in its first frame" for each in data.sequences if not each.visible[0]}}
    check_names(sequences)
    if not sequences:
        raise ValueError(f"a sequence to track must have a box in its first frame, none of {len(left_out)} has; mend its groundtruth.txt")
    return sequences, left_out


def _track(jobs: list[Job], out: Path, work: Work) -> None:
    """Do the jobs that are not done yet, the longest first."""
    done = still_valid(jobs, out)
    waiting = [job for job in jobs if job.sequence.name not in done[job.folder]]
    waiting = [waiting[number] for number in longest_first([job.sequence for job in waiting])]
    errors, finished = [], len(jobs) - len(waiting)
    with progress("evaluating", len(jobs), finished) as report:
        for number, error in work(waiting):
            name = waiting[number].sequence.name
            if error:
                errors.append(f"sequence {name}: {error}")
            finished += 1
            report(finished, name)
    if errors:
        others = f"; {len(errors) - 1} other sequences fail too" if len(errors) > 1 else ""
        raise ValueError(f"{errors[0]}{others}; the rest is in {out}: mend or remove the sequence, then --resume goes on")


def _kept(answer: dict, out: Path) -> dict:
    write_text(out / "scores.json", json.dumps(answer, indent=1) + "\n")
    return answer
