"""Search as a library: ask a strategy for architectures, let workers judge them, measure the front, recommend one candidate.

The verb `search` calls `run_search` with a supernet as the judge. It can be called with any other judge or metrics as well:

    problem = Problem(family, (Objective(Metric("sharpness", direction="maximize")), multiply_adds(family)), (), evaluations=100)
    found = run_search(problem, "guided", InlineWorkers(my_judge), Path("study"))
    print(found.recommendation.winner.architecture.name)
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from predictors.latency import LatencyPredictor
from search.front.learning import Learned, Learning, due
from search.front.verify import Verification, settled, verify
from search.front.winner import Recommendation, front, recommend, shortlist
from search.judging.judge import Job, Outcome, united
from search.judging.noise import calibration_noise
from search.judging.reliability import Reliability, reliability
from search.metrics.predicted import LATENCY
from search.problem.budget import cheapest
from search.problem.feasible import FeasibilityFilter
from search.problem.problem import Problem, deciding
from search.strategies import STRATEGIES, Strategy
from search.strategies.converged import SearchConverged
from search.study.candidate import Candidate
from search.study.study import Study
from search.study.trials import Kind
from search.workers.workers import JobFailed, Workers
from supernet.space import Architecture
from tracking.files.progress import progress, say

_EARLY = 32
"""Number of candidates after which the reliability of the accuracy is told for the first time."""
_SHORTLIST = 8
"""Most members of the front that are rescored."""
_REFERENCES = 8
"""Number of candidates, the first of the study, which no strategy chooses for their accuracy, that show how much harder new pairs are."""
_RECALIBRATED, _DRAWS = 3, 3
"""Most members of the front that are calibrated again, and how many times each, to estimate the noise of calibration."""
_FAILURES = 3
"""Number of failed evaluations at which a search gives up; it also gives up if one fails before any has succeeded."""


@dataclass(frozen=True)
class SearchOptions:
    """What a search needs besides its problem: sequences, devices, seed, and where the study is kept."""

    sequences: range = range(2)
    """Numbers of the sequences that every candidate is judged on. At least two are needed to estimate the noise of a score: all candidates
    tie if there is only one. A judge without noise answers the same score for each sequence."""
    rescoring: range = range(0)
    """Numbers of the sequences that the best candidates are judged on again."""
    pairs: range = range(0)
    """Numbers of the groups of fixed pairs that every candidate is judged on; see `search.judging.fixed_pairs`."""
    new_pairs: range = range(0)
    """Numbers of the groups of pairs that the best candidates are judged on again. There is no rescoring without `rescoring` and these."""
    chips: Mapping[str, LatencyPredictor] = field(default_factory=dict)
    """Predictors of latency for the devices that candidates are measured on, by the name of the device in the metrics."""
    recalibrate: bool = False
    """Whether some of the best are judged under other draws of calibration pairs as well, to estimate the noise of calibration."""
    seed: int = 0
    """Seed of all randomness."""
    database: str | None = None
    """URL of a PostgreSQL database to begin a new study in; None for a file in the study's folder."""
    anchor: Architecture | None = None
    """An architecture that meets every limit; None to look for one."""


@dataclass(frozen=True)
class Found:
    """The results of a search."""

    candidates: Sequence[Candidate]
    """All evaluated candidates with their best known figures, in the order of their numbers."""
    front: Sequence[Candidate]
    """The Pareto front, most accurate first."""
    references: Sequence[Candidate]
    """Candidates outside the front that were judged on new pairs; see `results.optimism`."""
    recommendation: Recommendation
    """The recommended member of the front, and why."""
    reliability: Reliability | None
    """How alike halves of the validation data rank the candidates; None if too few are known."""
    calibration: float
    """Standard deviation of an accuracy over draws of calibration pairs; 0 if it was not estimated."""
    verification: Verification
    """The result of measuring the front."""
    learned: Mapping[str, Learned]
    """What was measured during the search, and what it gave, by the name of the latency metric."""
    rejected: Counter[str]
    """Number of samples refused before any evaluation, by reason."""
    failures: int
    """Number of evaluations that failed."""
    stopped: str | None
    """Reason why the search ended before its planned evaluations; None if it did not."""
    seconds: float
    """Seconds that this run took; earlier runs of a resumed search are not included."""


def run_search(
    problem: Problem,
    strategy: str | Strategy,
    workers: Workers,
    study: Path,
    options: SearchOptions = SearchOptions(),
    meanwhile: Callable[[], object] = lambda: None,
) -> Found:
    """Search for the architectures with the best trade-off; an existing study is continued.

    Args:
        problem: Objectives, limits and the number of evaluations.
        strategy: A key of `STRATEGIES`, or a function that makes an Optuna sampler from a feasibility filter and a seed.
        workers: Workers whose judge reports the problem's costly metrics; they are not closed here.
        study: Folder that keeps every candidate; it is made if it does not exist.
        options: What candidates are judged on, and on which devices the front is measured.
        meanwhile: Called once before the first job, while the workers start.

    Raises:
        ValueError: No architecture was found that meets the limits (also by measurement), the strategy is unknown, all objectives have the
            same direction, or a device of `options.chips` has no latency among the problem's metrics.
        ChildProcessError: Evaluations fail.
        BlockingIOError: Another process works on the same study.
        ConnectionError: The database cannot be reached.
    """
    _check(problem, options)
    learning = Learning(problem, options.chips, options.seed)
    problem = learning.problem
    begin = partial(_open, study, problem, strategy, options)
    kept = begin()
    try:
        if learning.recall(kept):
            kept.close()
            kept = begin()
        started = time.perf_counter()
        meanwhile()
        stopped = None
        for end in (*due(problem.evaluations), problem.evaluations):
            stopped = stopped or _evaluate(kept, workers, problem, options, end)
            if end < problem.evaluations and stopped is None and learning.learn(kept, end, workers):
                kept.close()
                kept = begin()
        verification = verify(kept, problem, options.chips, workers, options.seed)
        _judge_again(kept, workers, problem, options)
        return _found(kept, problem, learning, verification, stopped, round(time.perf_counter() - started, 1))
    except KeyboardInterrupt:
        say(f"interrupted; {len(kept.candidates())} finished candidates are kept in {study}, --resume continues")
        raise
    finally:
        kept.close()


def _open(study: Path, problem: Problem, strategy: str | Strategy, options: SearchOptions) -> Study:
    """Open the study with a strategy that knows nothing but what the study holds."""
    name, make = _strategy(strategy)
    met = options.anchor and (problem.excess(problem.family.space.indices([options.anchor])) <= 0).all()
    feasible = FeasibilityFilter(problem, options.anchor if options.anchor and met else cheapest(problem))
    return Study(study, problem, feasible, (name, make(feasible, options.seed)), options.database)


def _check(problem: Problem, options: SearchOptions) -> None:
    objectives = [objective.metric for objective in problem.objectives]
    try:
        deciding(objectives)
    except StopIteration:
        names = ", ".join(metric.name for metric in objectives) or "none"
        raise ValueError(f"a search trades an accuracy for a cost, got {names}; add an objective of the other kind") from None
    latencies = {metric.device for metric in problem.metrics if metric.kind == LATENCY.kind}
    if unknown := options.chips.keys() - latencies:
        raise ValueError(
            f"chips must be devices whose latency the problem knows, {', '.join(map(repr, sorted(unknown)))} is none; note predicted_latency"
        )


def _strategy(strategy: str | Strategy) -> tuple[str, Strategy]:
    if not isinstance(strategy, str):
        return getattr(strategy, "__name__", "own"), strategy
    if strategy not in STRATEGIES:
        raise ValueError(f"a strategy must be one of {', '.join(sorted(STRATEGIES))}, got {strategy!r:.80}; guided is usual")
    return strategy, STRATEGIES[strategy]


def _found(study: Study, problem: Problem, learning: Learning, verification: Verification, stopped: str | None, seconds: float) -> Found:
    candidates = settled(study.candidates(), problem)
    objectives = [objective.metric for objective in problem.objectives]
    accuracy, cost = deciding(objectives)
    members = front(candidates, objectives)
    if not members:
        raise ValueError(
            f"some architecture must meet the limits by measurement, none of {len(candidates)} does "
            f"({', '.join(f'{name}: {factor:.3f} times the prediction' for name, factor in verification.corrected.items())}); raise the limit"
        )
    calibration = calibration_noise([candidate.recalibrated[accuracy.spelling] for candidate in candidates if candidate.recalibrated])
    return Found(
        candidates,
        members,
        [candidate for candidate in candidates[:_REFERENCES] if candidate.rescored and candidate not in members],
        recommend(members, accuracy, cost, calibration),
        reliability([candidate.scores[accuracy.spelling] for candidate in candidates]),
        calibration,
        verification,
        learning.learned(study),
        study.rejected(),
        len(study.failures()),
        stopped,
        seconds,
    )


def _evaluate(study: Study, pool: Workers, problem: Problem, options: SearchOptions, end: int) -> str | None:
    """Evaluate architectures until `end` are finished. Returns the reason if the strategy ended before, else None."""
    done, failures = study.candidates(), len(study.failures())
    accuracy, stopped, finished = deciding(objective.metric for objective in problem.objectives)[0], None, len(done)
    values, scores = [candidate.value(accuracy) for candidate in done], [candidate.scores[accuracy.spelling] for candidate in done]
    asked = {}
    with progress("search", problem.evaluations, finished) as show:
        while finished < end:
            while stopped is None and len(asked) < min(pool.count, end - finished):
                try:
                    number, arch = study.ask()
                except SearchConverged as reason:
                    stopped = str(reason)
                    break
                asked[number] = arch
                pool.submit(number, Job(arch, options.sequences, pairs=options.pairs, cameras=problem.cameras(arch)))
            if not asked:
                break
            number, outcome = pool.next()
            arch, outcome = asked.pop(number), _whole(outcome, problem)
            if isinstance(outcome, JobFailed):
                study.fail(number, str(outcome))
                failures += 1
                say(f"evaluation of {arch.name} failed: {outcome}")
                if failures >= _FAILURES or not finished:
                    raise ChildProcessError(f"{failures} evaluations failed, the last one with: {outcome}")
                continue
            values.append(study.tell(number, outcome).value(accuracy))
            scores.append(outcome.scores[accuracy.spelling])
            finished += 1
            show(finished, f"best {accuracy.spelling} {min(values, key=lambda value: accuracy.sign * value):.3f}")
            if finished == _EARLY < problem.evaluations and (found := reliability(scores)):
                say(found.told(accuracy.spelling))
    if stopped is not None:
        say(f"stopped after {finished} evaluations: {stopped}")
    return stopped


def _whole(outcome: Outcome | JobFailed, problem: Problem) -> Outcome | JobFailed:
    """The outcome, or a failed job if the judge left out an objective."""
    wanted = [objective.metric.spelling for objective in problem.objectives if not objective.cheap]
    if isinstance(outcome, Outcome) and not set(wanted) <= outcome.scores.keys():
        return JobFailed(f"a judge must tell {', '.join(wanted)}, it told {', '.join(outcome.scores) or 'nothing'}")
    return outcome


def _judge_again(study: Study, pool: Workers, problem: Problem, options: SearchOptions) -> None:
    """Judge the best on other sequences and pairs, and some of them on those of the search under other draws of calibration pairs."""
    objectives = [objective.metric for objective in problem.objectives]
    everyone = front(settled(study.candidates(), problem), objectives)
    members = shortlist(everyone, _SHORTLIST, deciding(objectives)[0])
    cameras = {member.number: problem.cameras(member.architecture, member.figures) for member in members}
    if options.rescoring or options.new_pairs:
        jobs = {
            member.number: [Job(member.architecture, options.rescoring, pairs=options.new_pairs, cameras=cameras[member.number])]
            for member in members
            if not member.rescored
        }
        if options.new_pairs:
            known = {member.number for member in everyone}
            others = [each for each in study.candidates()[:_REFERENCES] if each.number not in known and not each.rescored]
            jobs |= {other.number: [Job(other.architecture, range(0), pairs=options.new_pairs)] for other in others}
        _work(study, pool, "rescored", "rescoring", jobs)
    if options.recalibrate:
        jobs = {
            member.number: [
                Job(member.architecture, options.sequences, draw, options.pairs, cameras[member.number]) for draw in range(1, _DRAWS + 1)
            ]
            for member in members[:_RECALIBRATED]
            if not member.recalibrated
        }
        _work(study, pool, "recalibrated", "calibrating again", jobs)


def _work(study: Study, pool: Workers, kind: Kind, title: str, jobs: dict[int, list[Job]]) -> None:
    """Let workers do the jobs of each candidate, and note the answers in the study; see `united`."""
    answers: dict[int, dict[int, Outcome]] = {number: {} for number in jobs}
    if not jobs:
        return
    tickets = [(number, i) for number, some in jobs.items() for i in range(len(some))]
    for ticket, (number, i) in enumerate(tickets):
        pool.submit(ticket, jobs[number][i])
    with progress(title, len(tickets)) as show:
        for done in range(1, len(tickets) + 1):
            ticket, outcome = pool.next()
            number, i = tickets[ticket]
            if isinstance(outcome, JobFailed):
                raise ChildProcessError(f"{title} {jobs[number][i].architecture.name} failed: {outcome}")
            answers[number][i] = outcome
            if len(answers[number]) == len(jobs[number]):
                study.note(number, kind, united([answers[number][i] for i in range(len(jobs[number]))]))
            show(done, "")
