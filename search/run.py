"""The search itself: ask a strategy, send architectures to workers, tell the study, and write down what came of it.

The folder of a search (a RUN) holds `settings.json`, `study/`, `front/NN.json` (architectures by rank, highest AO first, their
figures beside), `candidates.csv`, `summary.json` and `report.html`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from predictors.predictor import LatencyPredictor, load_predictor
from search.accuracy import inherited_judge, static_ao
from search.candidate import Candidate
from search.feasible import FeasibleSampler, Gate, cheapest
from search.objectives import ACCURACY, Constraint, Objective, multiply_adds, parse_macs, parse_ms, predicted_latency, unsupported
from search.report import report
from search.strategies import STRATEGIES
from search.study import Study
from search.winner import Recommendation, front, recommend, shortlist
from search.workers import WORKERS
from search.workers.jobs import Job, JobFailed, MakeJudge, Workers
from supernet.catalogue import save_architecture
from supernet.checkpoints import load_supernet
from supernet.families.lighttrack import LightTrackFamily
from tracking.atomic import new_folder, write_text
from tracking.datasets.synthetic import synthetic_sequence
from tracking.progress import progress, say
from tracking.records import read_record

VALIDATION_SEED = 1_000_000
"""Seed of the first validation sequence; training takes small seeds."""
RESCORING_SEED = 2_000_000
"""Seed of the first rescoring sequence."""
_SHORTLIST = 8
"""Members of the front that are rescored."""
_FAILURES = 3
"""Evaluations that may fail before a search gives up."""


def search(
    *,
    supernet: Path,
    predictor: list[Path],
    out: Path,
    max_macs: str | float | None = None,
    max_latency: str | float | None = None,
    strategy: str = "nsga2",
    evaluations: int = 200,
    workers: str = "local:1",
    seed: int = 0,
    sequences: int = 16,
    rescoring: int = 48,
    frames: int = 40,
    resume: bool = False,
) -> dict:
    """Search a supernet for the architectures with the best trade-off between accuracy and speed.

    Accuracy is AO on generated validation sequences with inherited weights, speed the predicted milliseconds per frame. A few members of
    the front are judged again on further sequences, and one candidate is recommended: the fastest of those that cannot be told
    from the most accurate.

    Args:
        supernet: Checkpoint of a trained supernet.
        predictor: Fitted latency predictors, one for each device that the tracker has to fit.
        out: Folder for everything that comes of the search.
        max_macs: Budget of multiply-adds per frame, such as 600M; the family's own when not given.
        max_latency: Limit of the predicted time per frame, such as 8ms; none when not given.
        strategy: How architectures are chosen: nsga2 or random.
        evaluations: Number of different architectures to evaluate.
        workers: Who evaluates: local:N for N processes on this machine.
        seed: Start of all randomness; with one worker it fixes the whole study.
        sequences: Validation sequences that every candidate tracks.
        rescoring: Further sequences for the shortlist; 0 leaves rescoring out.
        frames: Frames of each sequence.
        resume: Continue the search that `out` holds, or begin it.

    Returns:
        What `summary.json` holds: the recommended candidate and why, the size of the front, the share of rejected samples, the AO
        of a box that never moves.

    Raises:
        ValueError: A budget is impossible, or a name unknown.
        FileExistsError: `out` holds something and `resume` is not set.
        FileNotFoundError: The supernet or a predictor does not exist.
        ChildProcessError: Evaluations fail.
        BlockingIOError: Another process works on the same search.
    """
    _check(strategy, evaluations, sequences, rescoring, frames, seed)
    out, supernet, predictor = Path(out), Path(supernet), [Path(path) for path in predictor]
    if out.exists() and any(out.iterdir()) and not resume:
        raise FileExistsError(
            f"a search needs a folder of its own, {out} is not empty; add --resume to continue it, or choose another --out"
        )
    family = load_supernet(supernet).family
    models = _predictors(predictor, family)
    latencies = [predicted_latency(model, name) for name, model in models.items()]
    constraints = [*_runnable(models), *_constraints(family, latencies, max_macs, max_latency)]
    gate = Gate(family.space, constraints, cheapest(family.space, constraints))
    fixed = {
        "family": family.name,
        "supernet": _origin(supernet),
        "predictors": [
            {**_origin(path), **model.about, "interval": asdict(model.interval)}
            for path, model in zip(predictor, models.values(), strict=True)
        ],
        "limits": {constraint.name: constraint.limit for constraint in constraints},
        "strategy": strategy,
        "seed": seed,
        "sequences": {"first_seed": VALIDATION_SEED, "count": sequences, "frames": frames},
        "rescoring": {"first_seed": RESCORING_SEED, "count": rescoring, "frames": frames},
    }
    pool = _open_workers(workers, partial(inherited_judge, supernet, VALIDATION_SEED, sequences, frames))
    try:
        _write_settings(out / "settings.json", fixed, {"evaluations": evaluations, "workers": workers})
        sampler = FeasibleSampler(partial(STRATEGIES[strategy], family.space, evaluations), gate, seed)
        study = Study(out / "study", [ACCURACY, *latencies], gate, sampler)
        try:
            started = time.perf_counter()
            seeds = range(RESCORING_SEED, RESCORING_SEED + rescoring) or range(VALIDATION_SEED, VALIDATION_SEED + sequences)
            still = static_ao(synthetic_sequence(s, frames) for s in seeds)  # while the workers start
            _evaluate(study, pool, evaluations, range(VALIDATION_SEED, VALIDATION_SEED + sequences))
            if rescoring:
                members = shortlist(front(study.candidates(), [ACCURACY, *latencies]), _SHORTLIST)
                _rescore(study, pool, members, range(RESCORING_SEED, RESCORING_SEED + rescoring))
            summary = _write_results(out, study, [ACCURACY, *latencies], still, time.perf_counter() - started)
        except KeyboardInterrupt:
            say(f"interrupted; {len(study.candidates())} finished candidates are kept in {out}, --resume continues")
            raise
        finally:
            study.close()
    finally:
        pool.close()
    report(out)
    return summary


def _check(strategy: str, evaluations: int, sequences: int, rescoring: int, frames: int, seed: int) -> None:
    if strategy not in STRATEGIES:
        raise ValueError(f"unknown strategy {strategy!r}; known: {', '.join(sorted(STRATEGIES))}")
    least = {"evaluations": (evaluations, 1), "sequences": (sequences, 2), "frames": (frames, 2)}
    for name, (value, minimum) in least.items():
        if value < minimum:
            raise ValueError(f"{name} must be at least {minimum}, got {value}")
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must lie between 0 and 4294967295, got {seed}")
    if rescoring < 0 or rescoring == 1:
        raise ValueError(f"rescoring must be 0 or at least 2 sequences, got {rescoring}")


def _predictors(paths: Sequence[Path], family: LightTrackFamily) -> dict[str, LatencyPredictor]:
    """Predictors by the name of the objective that each stands for."""
    if not paths:
        raise ValueError("a search needs at least one predictor, got none; make one with `chiptrack fit-predictor`")
    names = ["latency_ms"] if len(paths) == 1 else [f"latency_ms:{path.stem}" for path in paths]
    if len(set(names)) < len(names):
        raise ValueError(f"predictors are told apart by their file names, got {', '.join(map(str, paths))}; rename one")
    models = {name: load_predictor(path) for name, path in zip(names, paths, strict=True)}
    for path, model in zip(paths, models.values(), strict=True):
        if model.family != family.name:
            raise ValueError(
                f"predictor and supernet must be of one family, {path} is for {model.family} and the supernet holds {family.name}"
            )
    return models


def _runnable(models: dict[str, LatencyPredictor]) -> list[Constraint]:
    """That every operator runs on every device, where tables have gaps."""
    return [
        Constraint(unsupported(model, name.replace("latency_ms", "unsupported")), 0) for name, model in models.items() if not model.complete
    ]


def _constraints(
    family: LightTrackFamily, latencies: Sequence[Objective], max_macs: str | float | None, max_latency: str | float | None
) -> list[Constraint]:
    limits = [Constraint(multiply_adds(family), family.max_macs if max_macs is None else parse_macs(max_macs))]
    if max_latency is not None:
        limits += [Constraint(latency, parse_ms(max_latency)) for latency in latencies]
    return limits


def _origin(path: Path) -> dict[str, str]:
    return {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _write_settings(path: Path, fixed: dict, free: dict) -> None:
    """Write the settings; those of a search that is continued must be the same, but for `free` and where files lie."""
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
    """A setting without paths: a file that was moved is still the same file."""
    if isinstance(setting, list):
        return [_content(item) for item in setting]
    return {name: value for name, value in setting.items() if name != "path"} if isinstance(setting, dict) else setting


def _open_workers(text: str, make: MakeJudge) -> Workers:
    kind, _, place = text.partition(":")
    if kind not in WORKERS:
        raise ValueError(f"unknown workers {text!r}; known: {', '.join(f'{name}:N' for name in sorted(WORKERS))}")
    return WORKERS[kind](place, make)


def _evaluate(study: Study, pool: Workers, evaluations: int, seeds: range) -> None:
    done, failures = study.candidates(), len(study.failures())
    finished, best = len(done), max((candidate.values["ao"] for candidate in done), default=0.0)
    asked = {}
    with progress("search", evaluations, finished) as show:
        while finished < evaluations:
            while len(asked) < min(pool.count, evaluations - finished):
                number, arch = study.ask()
                asked[number] = arch
                pool.submit(number, Job(arch, seeds))
            number, outcome = pool.next()
            arch = asked.pop(number)
            if isinstance(outcome, JobFailed):
                study.fail(number, str(outcome))
                failures += 1
                say(f"evaluation of {arch.name} failed: {outcome}")
                if failures >= _FAILURES or not finished:
                    raise ChildProcessError(f"{failures} evaluations failed, the last one with: {outcome}")
                continue
            best = max(best, study.tell(number, arch, outcome).values["ao"])
            finished += 1
            show(finished, f"best AO {best:.3f}")


def _rescore(study: Study, pool: Workers, members: Sequence[Candidate], seeds: range) -> None:
    missing = {member.number: member for member in members if not member.rescored_ao}
    for number, member in missing.items():
        pool.submit(number, Job(member.architecture, seeds))
    with progress("rescoring", len(members), len(members) - len(missing)) as show:
        for done in range(len(members) - len(missing) + 1, len(members) + 1):
            number, outcome = pool.next()
            if isinstance(outcome, JobFailed):
                raise ChildProcessError(f"rescoring {missing[number].architecture.name} failed: {outcome}")
            study.rescored(number, outcome.sequence_ao)
            show(done, "")


def _write_results(out: Path, study: Study, objectives: Sequence[Objective], still: float, seconds: float) -> dict:
    candidates = study.candidates()
    members = front(candidates, objectives)
    recommendation = recommend(members)
    ranks = {member.number: rank for rank, member in enumerate(members, 1)}
    shutil.rmtree(out / "front", ignore_errors=True)
    with new_folder(out / "front") as folder:
        for member in members:
            notes = {**member.to_json(), "rank": ranks[member.number], "recommended": member.number == recommendation.winner.number}
            save_architecture(folder / f"{ranks[member.number]:02}.json", member.architecture, {"candidate": notes})
    write_text(out / "candidates.csv", _table(candidates, ranks))
    summary = _summary(study, members, recommendation, still, seconds)
    write_text(out / "summary.json", json.dumps(summary, indent=1) + "\n")
    return summary


def _table(candidates: Sequence[Candidate], ranks: dict[int, int]) -> str:
    names = sorted({name for candidate in candidates for name in candidate.values})
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(
        ["number", "rank", "feasible", "seconds", *(f"{name}{part}" for name in names for part in ("", "_noise", "_source")), "key", "name"]
    )
    for candidate in candidates:
        figures = [part.get(name, "") for name in names for part in (candidate.values, candidate.noise, candidate.sources)]
        rank = ranks.get(candidate.number, "")
        arch = candidate.architecture
        table.writerow([candidate.number, rank, candidate.feasible, round(candidate.seconds, 3), *figures, arch.key, arch.name])
    return text.getvalue()


def _summary(study: Study, members: Sequence[Candidate], recommendation: Recommendation, still: float, seconds: float) -> dict:
    candidates, rejected = study.candidates(), study.rejected()
    winner = recommendation.winner
    rank = 1 + [member.number for member in members].index(winner.number)
    rescored = [member for member in members if member.rescored_ao]
    drop = sum(member.values["ao"] - member.values["ao_rescored"] for member in rescored) / len(rescored) if rescored else None
    return {
        "winner": {"file": f"front/{rank:02}.json", "name": winner.architecture.name, "key": winner.architecture.key, **winner.to_json()},
        "why": recommendation.why,
        "ties": recommendation.ties,
        "tie_within": recommendation.tie_within,
        "static_ao": still,
        "front": len(members),
        "rescored": len(rescored),
        "rescoring_drop": drop,
        "evaluations": len(candidates),
        "failures": len(study.failures()),
        "rejected": dict(rejected),
        "rejected_share": rejected.total() / (rejected.total() + len(candidates)),
        "seconds": round(seconds, 1),
    }
