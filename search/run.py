"""The search itself: ask a strategy, send architectures to workers, tell the study, measure the front, and write down what came of it.

The folder of a search (a RUN) holds `settings.json`, `study/`, `front/NN.json` (architectures by rank, most accurate first, their
figures beside), `candidates.csv`, `summary.json` and `report.html`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from search.judging.inherited import inherited_judge, static_ao
from search.problem.budget import cheapest
from search.problem.feasible import Gate
from search.problem.objectives import ACCURACIES, Problem, deciding
from search.report import report
from search.results import write_results
from search.problem.specification import Specification, file_origin, specify
from search.study.storages.database import check_database
from search.strategies import STRATEGIES
from search.strategies.converged import Enough
from search.study.study import Study
from search.study.trials import Kind
from search.judging.validation import Validation
from search.verify import Verification, settled, verify
from search.winner import front, shortlist
from search.workers import WORKERS
from search.workers.jobs import Job, JobFailed, MakeJudge, Outcome, Workers
from supernet.checkpoints import load_supernet
from supernet.deploy.torch_graphs import check_device
from tracking.files.atomic import write_text
from tracking.files.progress import progress, say
from tracking.files.records import read_record

_SHORTLIST = 8
"""Members of the front that are rescored."""
_RECALIBRATED, _DRAWS = 3, 3
"""So many members of the front are calibrated so many times, to see what calibration is worth."""
_FAILURES = 3
"""Evaluations that may fail before a search gives up."""


def search(
    *,
    supernet: Path,
    predictor: list[Path],
    out: Path,
    objectives: list[str] | None = None,
    max_macs: str | float | None = None,
    max_latency: list[str] | None = None,
    max_template: list[str] | None = None,
    max_params: str | float | None = None,
    max_memory: list[str] | None = None,
    max_energy: list[str] | None = None,
    strategy: str = "guided",
    evaluations: int = 200,
    workers: str = "local:1",
    seed: int = 0,
    data: str = "synthetic",
    sequences: int = 16,
    rescoring: int = 48,
    frames: int = 40,
    device: str = "cpu",
    unmeasured: bool = False,
    database: str | None = None,
    resume: bool = False,
) -> dict:
    """Search a supernet for the architectures with the best trade-off between accuracy and cost.

    Accuracy is overlap while tracking validation sequences with inherited weights, cost what predictors say. The members of the front
    are then measured on their devices, where these are at hand; a few are judged again on further sequences, and one candidate is
    recommended: the cheapest of those that cannot be told from the most accurate.

    Args:
        supernet: Checkpoint of a trained supernet.
        predictor: Fitted latency predictors, one for each device that the tracker has to fit, and predictors of memory or energy.
        out: Folder for everything that comes of the search.
        objectives: What to trade: ao or auc, and latency (of every device; latency:FILE of one), template, macs, params, memory,
            energy; ao latency when not given.
        max_macs: Budget of multiply-adds per frame, such as 600M; the family's own when not given.
        max_latency: Limit of the time per frame, such as 8ms; for one of several devices phone=8ms, where its predictor is phone.json.
        max_template: The same for the time per new target.
        max_params: Limit of the number of parameters, such as 2M.
        max_memory: Limit of the peak memory in MB; needs a predictor of it.
        max_energy: Limit of the energy per frame in mJ; needs a predictor of it.
        strategy: How architectures are chosen: guided, lighttrack, nsga2, nsga3, tpe, gp or random.
        evaluations: Number of different architectures to evaluate; guided may stop before, where no more gain is expected.
        workers: Who evaluates: local:N for N processes on this machine; ray://N@auto or ray://N@HOST:PORT for N actors on a Ray cluster
            (ray://4@auto/gpu: with a GPU each), ray://N@local for a Ray of this search's own.
        seed: Start of all randomness; with one worker it fixes the whole study.
        data: What candidates track: synthetic, or DATASET:ROOT.
        sequences: Validation sequences that every candidate tracks.
        rescoring: Further sequences for the shortlist; 0 leaves rescoring out.
        frames: Frames of each sequence.
        device: Where candidates run while they track: cpu, cuda or cuda:N.
        unmeasured: Do not measure the front, even where its device is at hand.
        database: Keep the study in PostgreSQL rather than in a file: postgresql://user@host/database.
        resume: Continue the search that `out` holds, or begin it; another strategy may take over.

    Returns:
        What `summary.json` holds: the recommended candidate and why, the size of the front, the share of rejected samples, what was
        measured, the AO of a box that never moves.

    Raises:
        ValueError: A budget is impossible, or a name unknown.
        FileExistsError: `out` holds something and `resume` is not set.
        FileNotFoundError: The supernet or a predictor does not exist.
        ChildProcessError: Evaluations fail.
        BlockingIOError: Another process works on the same search.
        ConnectionError: The database or the cluster cannot be reached.
    """
    _check(strategy, evaluations, sequences, rescoring, frames, seed)
    database = database and check_database(database)
    if workers.startswith("local:"):  # elsewhere there may be what this machine has not
        check_device(device)
    out, supernet = Path(out), Path(supernet)
    if out.exists() and any(out.iterdir()) and not resume:
        raise FileExistsError(
            f"a search needs a folder of its own, {out} is not empty; add --resume to continue it, or choose another --out"
        )
    family = load_supernet(supernet).family
    limits = {
        "macs": max_macs,
        "latency": max_latency,
        "template": max_template,
        "params": max_params,
        "memory": max_memory,
        "energy": max_energy,
    }
    wanted = specify(family, predictor, objectives or ["ao", "latency"], limits, evaluations)
    problem, validation = wanted.problem, Validation(data, frames)
    places = validation.places(sequences, rescoring)
    gate = Gate(problem, cheapest(problem))
    fixed = {
        "family": family.name,
        "supernet": file_origin(supernet),
        **_record(wanted),
        "seed": seed,
        "data": data,
        "sequences": {"first": places[0].start, "count": sequences, "frames": frames},
        "rescoring": {"first": places[1].start, "count": rescoring, "frames": frames},
    }
    pool = _open_workers(workers, partial(inherited_judge, supernet, validation, device))
    try:
        _write_settings(out / "settings.json", fixed, {"strategy": strategy, "evaluations": evaluations, "workers": workers})
        study = Study(out / "study", problem, gate, strategy, STRATEGIES[strategy](gate, seed), database)
        try:
            started = time.perf_counter()
            still = static_ao(validation.sequence(place) for place in places[1] or places[0])  # while the workers start
            stopped = _evaluate(study, pool, problem, places[0])
            verification = Verification() if unmeasured else verify(study, problem, wanted.chips, pool, seed)
            _judge_again(study, pool, problem, *places)
            found = {
                "static_ao": still,
                "failures": len(study.failures()),
                "stopped": stopped,
                "seconds": round(time.perf_counter() - started, 1),
            }
            summary = write_results(out, settled(study.candidates(), problem), problem, verification, found, study.rejected())
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


def _record(wanted: Specification) -> dict:
    """What pages need to know of the problem."""
    problem = wanted.problem
    return {
        "predictors": list(wanted.predictors),
        "objectives": [objective.to_json() for objective in problem.objectives],
        "figures": [figure.to_json() for figure in (*ACCURACIES.values(), *problem.figures)],
        "limits": {constraint.name: constraint.limit for constraint in problem.constraints},
    }


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
        raise ValueError(f"unknown workers {text!r}; known: local:N, ray://N@auto, ray://N@local, ray://N@HOST:PORT")
    return WORKERS[kind](place, make)


def _evaluate(study: Study, pool: Workers, problem: Problem, places: range) -> str | None:
    """Evaluate as many as are planned; why it ended before, where it did."""
    done, failures = study.candidates(), len(study.failures())
    accuracy, stopped, finished = deciding(problem.objectives)[0].name, None, len(done)
    best = max((candidate.values[accuracy] for candidate in done), default=0.0)
    asked = {}
    with progress("search", problem.evaluations, finished) as show:
        while finished < problem.evaluations:
            while stopped is None and len(asked) < min(pool.count, problem.evaluations - finished):
                try:
                    number, arch = study.ask()
                except Enough as reason:
                    stopped = str(reason)
                    break
                asked[number] = arch
                pool.submit(number, Job(arch, places))
            if not asked:
                break
            number, outcome = pool.next()
            arch = asked.pop(number)
            if isinstance(outcome, JobFailed):
                study.fail(number, str(outcome))
                failures += 1
                say(f"evaluation of {arch.name} failed: {outcome}")
                if failures >= _FAILURES or not finished:
                    raise ChildProcessError(f"{failures} evaluations failed, the last one with: {outcome}")
                continue
            best = max(best, study.tell(number, outcome).values[accuracy])
            finished += 1
            show(finished, f"best {accuracy.upper()} {best:.3f}")
    if stopped is not None:
        say(f"stopped after {finished} evaluations: {stopped}")
    return stopped


def _judge_again(study: Study, pool: Workers, problem: Problem, search: range, rescoring: range) -> None:
    """Judge the best on further sequences, and some of them calibrated anew on those of the search."""
    accuracy = deciding(problem.objectives)[0].name
    members = shortlist(front(settled(study.candidates(), problem), problem.objectives), _SHORTLIST, accuracy)
    if rescoring:
        jobs = {member.number: [Job(member.architecture, rescoring)] for member in members if not member.rescored}
        _work(study, pool, "rescored", "rescoring", jobs)
    jobs = {
        member.number: [Job(member.architecture, search, draw) for draw in range(1, _DRAWS + 1)]
        for member in members[:_RECALIBRATED]
        if not member.recalibrated
    }
    _work(study, pool, "recalibrated", "calibrating again", jobs)


def _work(study: Study, pool: Workers, kind: Kind, title: str, jobs: dict[int, list[Job]]) -> None:
    """Note the answers of each candidate's jobs: single sequences of a single job, means of several."""
    answers: dict[int, dict[int, Outcome]] = {number: {} for number in jobs}
    if not jobs:
        return
    tickets = [(number, place) for number, some in jobs.items() for place in range(len(some))]
    for ticket, (number, place) in enumerate(tickets):
        pool.submit(ticket, jobs[number][place])
    with progress(title, len(tickets)) as show:
        for done in range(1, len(tickets) + 1):
            ticket, outcome = pool.next()
            number, place = tickets[ticket]
            if isinstance(outcome, JobFailed):
                raise ChildProcessError(f"{title} {jobs[number][place].architecture.name} failed: {outcome}")
            answers[number][place] = outcome
            if len(answers[number]) == len(jobs[number]):
                study.note(number, kind, _joined([answers[number][i] for i in range(len(jobs[number]))]))
            show(done, "")


def _joined(outcomes: Sequence[Outcome]) -> dict[str, list[float]]:
    if len(outcomes) == 1:
        return {name: list(each) for name, each in outcomes[0].scores.items()}
    return {name: [sum(outcome.scores[name]) / len(outcome.scores[name]) for outcome in outcomes] for name in outcomes[0].scores}
