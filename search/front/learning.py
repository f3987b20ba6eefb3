"""Measures candidates while a search goes on, and fits the predictors of latency again.

After each quarter of the planned evaluations a handful of candidates is measured on every device that can be reached: of those that may
belong to the front, the ones whose predictions are least certain. A measured figure takes the place of the predicted one. The predictor
is fitted again with all that were measured (`predictors/refit.py`), and every other candidate gets its new prediction. Then the study is
opened anew, as after an interruption, so that the strategy learns of it and a search that is resumed goes on alike.

What a round measured is kept in one note of the study before it is used, so that an interrupted round is finished without measuring
again.

Worked example: 200 evaluations are planned. After 50, 12 candidates may belong to the front. The 4 least certain were predicted to take 8.0,
9.0, 9.5 and 10.0 ms, and take 8.8, 9.9, 9.6 and 10.2. The predictor is fitted to the networks of its table and these 4, and another
candidate, which was predicted to take 8.1 ms, is predicted to take 8.7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from predictors.latency import LatencyPredictor
from predictors.refit import least_certain, refit
from search.front.pareto import no_worse
from search.front.verify import measured_on, noted
from search.front.winner import front, losses
from search.metrics.metric import Metric, Objective
from search.metrics.predicted import LATENCY, predicted_latency
from search.problem.problem import Problem
from search.study.candidate import Candidate
from search.study.study import Study
from search.workers.workers import Workers
from supernet.space import Architecture
from tracking.files.progress import say

_ROUNDS = 3
"""Most rounds in a search."""
_APART = 16
"""Fewest evaluations between two rounds; a search of fewer than twice as many has none."""
_HANDFUL = 4
"""Most candidates that are measured on a device in a round."""
_NOTE = "learning"
"""Name of the note that keeps the rounds."""


def due(evaluations: int) -> list[int]:
    """Numbers of finished evaluations after which candidates are measured.

    >>> due(200), due(60), due(31)
    ([50, 100, 150], [20, 40], [])
    """
    parts = min(_ROUNDS + 1, evaluations // _APART)
    return [evaluations * part // parts for part in range(1, parts)]


@dataclass(frozen=True)
class Learned:
    """What was learned of one device during a search."""

    measured: int
    """Number of candidates that were measured during the search."""
    compared: int
    """Number of candidates measured after the predictor was first fitted again; those of the final front are among them."""
    before: float | None
    """Mean absolute error in percent of the predictor as it was given, for these candidates; None if there are none."""
    after: float | None
    """The same of the predictor that was in use when each of them was measured, and did not know it yet."""

    def to_json(self) -> dict:
        """The record in the summary of a search."""
        return asdict(self)


class Learning:
    """The predictors of latency that a search uses, which are fitted again while it goes on.

    Args:
        problem: The problem of the search.
        chips: Predictors of latency by the name of their device; devices whose latency is neither optimised nor limited are left out.
        seed: Fixes the order of measuring, and whatever is drawn when a predictor is fitted.
    """

    def __init__(self, problem: Problem, chips: Mapping[str, LatencyPredictor], seed: int):
        wanted = {each.metric for each in (*problem.objectives, *(constraint.objective for constraint in problem.constraints))}
        self._given = {_latency(device): chip for device, chip in chips.items() if _latency(device) in wanted}
        self._in_use = dict(self._given)
        self._objectives = {latency: predicted_latency(chip, latency.device) for latency, chip in self._given.items()}
        self._seed = seed
        self._away: set[Metric] = set()
        self.problem = replace(
            problem,
            objectives=tuple(self._current(each) for each in problem.objectives),
            constraints=tuple(replace(each, objective=self._current(each.objective)) for each in problem.constraints),
            noted=tuple(self._current(each) for each in problem.noted),
        )
        """The problem, with latencies by the predictors in use."""

    def recall(self, study: Study) -> bool:
        """Fit the predictors as they were after the last round that the study knows; a round that was interrupted is finished.

        Returns:
            Whether there was one. Then the study must be opened anew, as after `learn`.
        """
        rounds = study.recall(_NOTE, [])
        if rounds:
            self._use(study, rounds[-1])
        return bool(rounds)

    def learn(self, study: Study, after: int, pool: Workers) -> bool:
        """Measure some candidates and fit the predictors again. A device that cannot be measured on keeps its predictor.

        Args:
            study: Holds the candidates.
            after: The number of evaluations, one of `due`, after which this is done; nothing is done if it was done before.
            pool: Workers that reach the devices; no job may be under way.

        Returns:
            Whether anything was measured. Then the study must be opened anew, since its strategy knows former predictions.
        """
        rounds, candidates = study.recall(_NOTE, []), study.candidates()
        if any(each["after"] >= after for each in rounds):
            return False
        found = {latency: self._measure(latency, candidates, pool) for latency in self._given if latency not in self._away}
        if not any(found.values()):
            return False
        known = {}
        for latency in self._given:
            before = [candidate.number for candidate in candidates if candidate.is_measured(latency)]
            known[latency.name] = sorted({*before, *found.get(latency, {})})
        measured = {latency.name: {str(number): ms for number, ms in some.items()} for latency, some in found.items()}
        study.remember(_NOTE, [*rounds, {"after": after, "measured": measured, "known": known}])
        return self.recall(study)

    def learned(self, study: Study) -> dict[str, Learned]:
        """What was learned of each device that was measured on during the search, by the name of its latency."""
        rounds, candidates = study.recall(_NOTE, []), study.candidates()
        found = {}
        for latency, chip in self._given.items():
            taken = [each["measured"].get(latency.name, {}) for each in rounds]
            if not any(taken):
                continue
            first = next(set(each["known"][latency.name]) for each, some in zip(rounds, taken, strict=True) if some)
            fresh = [each for each in candidates if each.is_measured(latency) and each.number not in first]
            ms = np.array([each.value(latency) for each in fresh])
            given = chip.predict([each.architecture for each in fresh]).value if fresh else ms
            used = np.array([each.figures[latency].predicted for each in fresh], float)
            found[latency.name] = Learned(sum(map(len, taken)), len(fresh), _mape(given, ms), _mape(used, ms))
        return found

    def _current(self, objective: Objective) -> Objective:
        """The objective, by the predictor in use if it is the latency on one of the devices."""
        metric = objective.metric
        if metric not in self._given:
            return objective

        def noise(choices: np.ndarray) -> np.ndarray:
            now = self._objectives[metric].noise
            assert now is not None, "latencies have intervals"
            return now(choices)

        return Objective(metric, lambda choices: self._objectives[metric].of(choices), noise)

    def _measure(self, latency: Metric, candidates: Sequence[Candidate], pool: Workers) -> dict[int, dict[str, float]]:
        """Milliseconds by the name of their metric of some candidates, by number; none if the device cannot be measured on."""
        some = self._chosen(latency, candidates)
        if not some:
            return {}
        predictor = self._in_use[latency]
        say(f"measure {len(some)} candidates on {predictor.profile.device}, to predict the others better")
        try:
            found = measured_on(predictor, [candidate.architecture for candidate in some], pool, self._seed)
        except (ValueError, OSError, ImportError) as err:
            self._away.add(latency)
            say(f"the search goes on with what was predicted: {err}")
            return {}
        return {candidate.number: noted(latency.device, ms, self.problem) for candidate, ms in zip(some, found, strict=True)}

    def _chosen(self, latency: Metric, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates to measure on a device: the least certain of those that may belong to the front."""
        objectives = [objective.metric for objective in self.problem.objectives]
        left = [candidate for candidate in candidates if candidate.feasible and not candidate.is_measured(latency)]
        if not left:
            return []
        members = front(candidates, objectives)
        hoped = [_at_best(candidate, latency) for candidate in left]
        beaten = np.any(no_worse(losses(members, objectives), losses(hoped, objectives)), axis=0).tolist()
        numbers = {member.number for member in members}
        near = [each for each, worse in zip(left, beaten, strict=True) if each.number in numbers or not worse]
        measured = _measured(latency, candidates)
        return [near[i] for i in least_certain(self._in_use[latency], [each.architecture for each in near], _HANDFUL, measured)]

    def _use(self, study: Study, record: Mapping) -> None:
        """Take over what a round measured, and fit the predictors to what was measured until then."""
        by_number = {candidate.number: candidate for candidate in study.candidates()}
        for some in record["measured"].values():
            for number, ms in some.items():
                if not any(figure.source == "measured" and metric.name in ms for metric, figure in by_number[int(number)].figures.items()):
                    study.note(int(number), "measured", ms)
        candidates, predicted = study.candidates(), {}
        for latency, given in self._given.items():
            known = set(record["known"].get(latency.name, []))
            measured = _measured(latency, [candidate for candidate in candidates if candidate.number in known])
            self._in_use[latency] = refit(given, measured, self._seed)
            self._objectives[latency] = predicted_latency(self._in_use[latency], latency.device)
            predicted[latency.name] = self._predictions(latency, candidates)
        study.repredict(record["after"], predicted)

    def _predictions(self, latency: Metric, candidates: Sequence[Candidate]) -> dict[str, tuple[float, float]]:
        """Prediction and noise of every candidate that was not measured, by number."""
        left = [candidate for candidate in candidates if not candidate.is_measured(latency)]
        if not left:
            return {}
        choices = self.problem.family.space.indices([candidate.architecture for candidate in left])
        objective = self._objectives[latency]
        assert objective.noise is not None, "latencies have intervals"
        columns = zip(left, objective.of(choices).tolist(), objective.noise(choices).tolist(), strict=True)
        return {str(candidate.number): (value, noise) for candidate, value, noise in columns}


def _latency(device: str) -> Metric:
    return replace(LATENCY, device=device)


def _at_best(candidate: Candidate, latency: Metric) -> Candidate:
    """The candidate with the lower end of the interval of its latency."""
    figure = candidate.figures[latency]
    return replace(candidate, figures={**candidate.figures, latency: replace(figure, value=figure.value - (figure.noise or 0.0))})


def _measured(latency: Metric, candidates: Sequence[Candidate]) -> dict[Architecture, float]:
    return {candidate.architecture: candidate.value(latency) for candidate in candidates if candidate.is_measured(latency)}


def _mape(predicted: np.ndarray, ms: np.ndarray) -> float | None:
    return float(100 * np.abs(predicted / ms - 1).mean()) if len(ms) else None
