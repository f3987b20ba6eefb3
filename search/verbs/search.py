"""The verb `search`: searches the architectures of a supernet, and keeps everything in a folder of its own.

The folder of a search (called RUN elsewhere) holds `settings.json`, `study/`, `front/NN.json` (the architectures of the front with their
figures, numbered from the most accurate), `candidates.csv`, `summary.json` and `report.html`; and in `pairs/` the crops that candidates
were judged on, which may be deleted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from search.front.results import summarise, write_candidates, write_front, write_summary
from search.judging.clips import static_ao
from search.judging.fixed_pairs import GROUP, groups_of
from search.judging.inherited import InheritedJudge
from search.judging.judge import MakeJudge
from search.judging.validation import Validation
from search.library import Found, SearchOptions, run_search
from search.metrics import METRICS
from search.problem.budget import cheapest
from search.problem.specification import Limits, Specification, file_origin, specify
from search.strategies import STRATEGIES
from search.study.storages.database import check_database
from search.verbs.report import report
from search.workers import WORKERS
from search.workers.workers import Workers
from supernet.checkpoints import load_supernet
from supernet.deploy.torch_graphs import check_device
from supernet.training.options import data_root, data_sequences
from tracking.files.atomic import write_text
from tracking.files.guard import Reads, Writes, guarded
from tracking.files.progress import say
from tracking.files.records import read_record


@dataclass(frozen=True)
class JudgingOptions:
    """What candidates are judged on, and on which torch device."""

    data: Annotated[str, Reads(data_root, beside=True), Reads(data_sequences)] = "synthetic"
    """Source of the pairs and sequences that candidates are judged on: synthetic, synthetic:FOLDER with a material folder, or DATASET:ROOT."""
    pairs: int = 1024
    """Number of fixed pairs that every candidate is judged on, if an objective is found on pairs, a multiple of 32. As many others
    serve for judging again."""
    sequences: int = 16
    """Number of validation sequences that every candidate tracks, if ao, auc or ao@FPS is an objective."""
    rescoring: int = 48
    """Number of further sequences on which a shortlist of the front is judged again, and on new pairs; 0 skips both."""
    frames: int = 40
    """Number of frames of each sequence."""
    device: str = "cpu"
    """Torch device on which candidates track: cpu, cuda or cuda:N."""

    def __post_init__(self):
        for name, value, minimum in (("sequences", self.sequences, 2), ("frames", self.frames, 2)):
            if value < minimum:
                raise ValueError(f"{name} must be at least {minimum}, got {value}")
        if self.pairs < 2 * GROUP or self.pairs % GROUP:
            raise ValueError(f"pairs must be a multiple of {GROUP} and at least {2 * GROUP}, got {self.pairs}; 1024 are usual")
        if self.rescoring < 0 or self.rescoring == 1:
            raise ValueError(f"rescoring must be 0 or at least 2 sequences, got {self.rescoring}")


@dataclass(frozen=True)
class RunningOptions:
    """How a search runs and where its study is kept."""

    strategy: str = "guided"
    """Strategy that chooses architectures: guided, lighttrack, nsga2, nsga3, tpe, gp or random."""
    evaluations: int = 200
    """Number of different architectures to evaluate; guided may stop earlier, when it expects no further gain."""
    workers: str = "local:1"
    """Workers that judge candidates: local:N for N processes on this machine; ray://N@auto or ray://N@HOST:PORT for N actors on a Ray
    cluster (ray://4@auto/gpu gives each a GPU); ray://N@local for N actors on a Ray that this search starts."""
    seed: int = 0
    """Seed of all random numbers; with one worker it determines which architectures are chosen."""
    unmeasured: bool = False
    """Do not measure candidates, neither during the search nor of the front, even if their devices can be reached."""
    database: str | None = None
    """Keep the study in a PostgreSQL database instead of a file: postgresql://user@host/database."""
    resume: bool = False
    """Continue the search that `out` holds, or begin one; the strategy may be another than before."""

    def __post_init__(self):
        if self.strategy not in STRATEGIES:
            raise ValueError(f"a strategy must be one of {', '.join(sorted(STRATEGIES))}, got {self.strategy!r:.80}; guided is usual")
        if self.evaluations < 1:
            raise ValueError(f"evaluations must be at least 1, got {self.evaluations}; 200 are usual")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must lie between 0 and 4294967295, got {self.seed}")


@guarded
def search(
    *,
    supernet: Annotated[Path, Reads()],
    predictor: Annotated[list[Path], Reads()],
    out: Annotated[Path, Writes(folder=True)],
    objectives: list[str] | None = None,
    limits: Limits = Limits(),  # pyright: ignore[reportInvalidTypeForm]
    judging: JudgingOptions = JudgingOptions(),
    running: RunningOptions = RunningOptions(),
) -> dict:
    """Search a supernet for the architectures with the best trade-off between accuracy and cost.

    Accuracy is found with inherited weights, on fixed pairs of crops that are the same for all candidates, or while tracking validation
    sequences; costs are predicted, or counted from the operators. How reliably the accuracy ranks candidates is told, with a warning where
    it is mostly luck. During the search a few candidates are measured on those of their devices that can be reached, and the predictors of
    latency are fitted again. When the evaluations are done, the members of the Pareto front are measured on those of their devices that can be
    reached, and a few are judged again on new pairs and sequences. One candidate is recommended: the cheapest of those whose accuracy
    cannot be told from the best.

    Args:
        supernet: Checkpoint of a trained supernet.
        predictor: Files of fitted predictors: one of latency for each device that the tracker must suit, and optionally ones of memory
            or energy.
        out: Folder for all files of the search.
        objectives: Metrics to optimise. Accuracies on pairs: fit (exp of minus the training loss), loss, iou (of the best cell),
            presence; on sequences: ao, auc, and ao@30 (AO behind a camera of 30 fps at the latency of every device; ao@30:FILE of one).
            Costs: latency (on every device; latency:FILE on one), template, macs, params, memory,
            energy. fit and latency when not given.
        limits: Upper limits of costs.
        judging: What candidates are judged on, and on which torch device.
        running: How the search runs and where its study is kept.

    Returns:
        The contents of `summary.json`: a `warning` if the ranking is unreliable, the recommended candidate and why, the size of the front,
        the `reliability` of the accuracy, the `optimism` of the front (accuracy in the search less that on new data, beyond `harder_data`,
        the same difference of candidates that were not chosen for their accuracy), the share of rejected samples, what was measured, what
        measuring during the search gave (`learned`), the AO of a box that never moves.

    Raises:
        ValueError: No architecture meets the limits, or a name is unknown.
        FileExistsError: `out` is not empty and `resume` is not set.
        FileNotFoundError: The supernet or a predictor does not exist.
        ChildProcessError: Several evaluations fail, or one does before any has succeeded.
        BlockingIOError: Another process works on the same search.
        ConnectionError: The database or the cluster cannot be reached.
    """
    database = running.database and check_database(running.database)
    if running.workers.startswith("local:"):  # the machines of a cluster may have a device that this one lacks
        check_device(judging.device)
    out, supernet = Path(out), Path(supernet)
    if out.exists() and any(out.iterdir()) and not running.resume:
        raise FileExistsError(
            f"a search needs a folder of its own, {out} is not empty; add --resume to continue it, or choose another --out"
        )
    family = load_supernet(supernet).family
    wanted = specify(family, predictor, objectives or ["fit", "latency"], limits, running.evaluations)
    validation = Validation(judging.data, judging.frames)
    sequences, rescoring = validation.chosen(judging.sequences, judging.rescoring)
    pairs, new_pairs = groups_of(judging.pairs)
    cases = {METRICS[objective.metric.kind].cases for objective in wanted.problem.objectives if not objective.cheap}
    anchor = cheapest(wanted.problem)
    fixed = {
        "family": family.name,
        "supernet": file_origin(supernet),
        **_record(wanted),
        "seed": running.seed,
        "data": judging.data,
        "content": validation.content(sequences, rescoring),
        "pairs": judging.pairs,
        "sequences": {"first": sequences.start, "count": judging.sequences, "frames": judging.frames},
        "rescoring": {"first": rescoring.start, "count": judging.rescoring, "frames": judging.frames},
    }
    pool = _open_workers(running.workers, partial(InheritedJudge, supernet, validation, judging.device, out / "pairs"))
    still: list[float] = []
    try:
        free = {name: getattr(running, name) for name in ("strategy", "evaluations", "workers")}
        _write_settings(out / "settings.json", fixed, free)
        chips = {} if running.unmeasured else wanted.chips
        options = SearchOptions(
            sequences=sequences if "sequences" in cases else range(0),
            rescoring=rescoring,
            pairs=pairs if "groups of pairs" in cases else range(0),
            new_pairs=new_pairs if "groups of pairs" in cases and rescoring else range(0),
            chips=chips,
            recalibrate=True,
            seed=running.seed,
            database=database,
            anchor=anchor,
        )
        found = run_search(
            wanted.problem,
            running.strategy,
            pool,
            out / "study",
            options,
            lambda: still.append(static_ao(validation.sequence(number) for number in rescoring or sequences)),
        )
    finally:
        pool.close()
    summary = {
        **_trust(found),
        **summarise(found.front, found.recommendation, found.verification, found.rejected, len(found.candidates), found.references),
        "learned": {name: each.to_json() for name, each in found.learned.items()},
        "noise": {"calibration": found.calibration, "tie_within": found.recommendation.tie_within},
        "static_ao": still[0],
        "failures": found.failures,
        "stopped": found.stopped,
        "seconds": found.seconds,
    }
    if (optimism := summary["optimism"]) is not None:
        harder = summary["harder_data"]
        beside = "" if harder is None else f", beside the {harder:+.4f} that candidates nobody chose for it lose as well"
        say(f"optimism of the front: {optimism:+.4f} {found.recommendation.accuracy.spelling}, in the search less on new data{beside}")
    write_front(out, found.front, found.recommendation)
    write_candidates(out, found.candidates, found.front)
    write_summary(out, summary)
    report(out)
    return summary


def _trust(found: Found) -> dict:
    """The first entries of the summary: a warning if candidates are ranked by luck, and the reliability, which is told as well."""
    known = found.reliability
    if known is None:
        return {"reliability": None}
    said = known.told(found.recommendation.accuracy.spelling)
    say(said)
    return {**({} if known.enough else {"warning": f"do not trust this ranking: {said}"}), "reliability": known.to_json()}


def _record(wanted: Specification) -> dict[str, Any]:
    """Return the settings that describe the problem, which the page reads."""
    problem = wanted.problem
    return {
        "predictors": list(wanted.predictors),
        "objectives": [objective.metric.to_json() for objective in problem.objectives],
        "figures": [metric.to_json() for metric in problem.metrics],
        "limits": {constraint.name: constraint.limit for constraint in problem.constraints},
    }


def _write_settings(path: Path, fixed: dict, free: dict) -> None:
    """Write the settings. Those of a search that is continued must equal the ones before, except for `free` and the paths of files.

    Raises:
        ValueError: They differ, or the ones before cannot be read.
    """
    if path.is_file():
        try:
            before = read_record(path)
        except ValueError as err:
            raise ValueError(f"the settings of a search must be as it wrote them, {path} is not ({err}); choose another --out") from err
        differ = [name for name, value in fixed.items() if _content(before.get(name)) != _content(value)]
        if differ:
            raise ValueError(
                f"a search is continued with the settings it began with, {', '.join(differ)} differ from {path}; choose another --out"
            )
    write_text(path, json.dumps(fixed | free, indent=1) + "\n")


def _content(setting: object) -> object:
    """Return a setting without paths, since a file that was moved is still the same file."""
    if isinstance(setting, list):
        return [_content(item) for item in setting]
    return {name: value for name, value in setting.items() if name != "path"} if isinstance(setting, dict) else setting


def _open_workers(text: str, make: MakeJudge) -> Workers:
    kind, _, address = text.partition(":")
    if kind not in WORKERS:
        raise ValueError(f"unknown workers {text!r}; known: local:N, ray://N@auto, ray://N@local, ray://N@HOST:PORT")
    return WORKERS[kind](address, make)
