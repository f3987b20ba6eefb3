"""Finds the front of a study, the shortlist to judge again, and the one candidate to recommend.

The best of many noisy scores is too good to be true. Therefore a shortlist is judged again on pairs and sequences that had no part in choosing it,
and only differences beyond the noise of those count. Among candidates that tie with the most accurate, the cheapest is recommended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.front.pareto import non_dominated
from search.judging.noise import Difference, paired
from search.metrics import METRICS
from search.metrics.metric import Metric
from search.problem.problem import deciding
from search.study.candidate import Candidate


def losses(candidates: Sequence[Candidate], objectives: Sequence[Metric]) -> np.ndarray:
    """(N, D) values of D objectives for N candidates, negated where they are to be maximised: all are to be minimised."""
    signs = np.array([metric.sign for metric in objectives])
    values = [[candidate.value(metric) for metric in objectives] for candidate in candidates]
    return np.array(values, float).reshape(-1, len(objectives)) * signs


def front(candidates: Sequence[Candidate], objectives: Sequence[Metric]) -> list[Candidate]:
    """The Pareto front: feasible candidates that no other feasible one dominates, most accurate first.

    Accuracies are those of the search, not of rescoring.

    Args:
        candidates: All candidates of a search.
        objectives: The metrics that are optimised.
    """
    feasible = [candidate for candidate in candidates if candidate.feasible]
    best = [feasible[i] for i in non_dominated(losses(feasible, objectives))]
    accuracy, cost = deciding(objectives)
    return sorted(best, key=lambda candidate: (accuracy.sign * candidate.value(accuracy), candidate.cost(cost), candidate.number))


def shortlist(members: Sequence[Candidate], size: int, accuracy: Metric) -> list[Candidate]:
    """Choose at most `size` members of a front to be judged again.

    Those that tie with the most accurate one come first; places that are left go to others, evenly spaced along the front.

    Args:
        members: A front, most accurate first.
        size: Number of members, at least 1.
        accuracy: The metric that ranks candidates.
    """
    contenders = [member for member in members if paired(members[0].scores[accuracy.spelling], member.scores[accuracy.spelling]).tie]
    others = [member for member in members if member not in contenders]
    chosen = _spread(contenders, size)
    chosen += _spread(others, size - len(chosen))
    return sorted(chosen, key=members.index)


def _spread(members: Sequence[Candidate], size: int) -> list[Candidate]:
    """At most `size` evenly spaced members, both ends among them."""
    positions = np.unique(np.linspace(0, len(members) - 1, min(size, len(members))).round().astype(int))
    return [members[i] for i in positions]


@dataclass(frozen=True)
class Recommendation:
    """The recommended candidate, and why it was chosen."""

    winner: Candidate
    """The recommended candidate."""
    best: Candidate
    """The most accurate candidate among those compared."""
    differences: dict[int, Difference]
    """Accuracy of `best` minus that of each candidate compared, by the candidate's number."""
    accuracy: Metric
    """The metric that ranks candidates."""
    cost: Metric
    """The metric that decides between ties."""

    @property
    def ties(self) -> list[int]:
        """Numbers of the candidates that tie with the best one."""
        return [number for number, difference in self.differences.items() if difference.tie and number != self.best.number]

    @property
    def tie_within(self) -> float | None:
        """Typical difference within which a candidate ties with the best: two median standard errors; None if only one was compared."""
        errors = [difference.standard_error for number, difference in self.differences.items() if number != self.best.number]
        return 2 * float(np.median(errors)) if errors else None

    @property
    def why(self) -> str:
        """The reason for the recommendation, in one sentence."""
        sequences = len(_scores(self.best, self.accuracy))
        title = METRICS[self.accuracy.kind].titled(self.accuracy) if self.accuracy.kind in METRICS else self.accuracy.kind
        cases = METRICS[self.accuracy.kind].cases if self.accuracy.kind in METRICS else "sequences"
        highest = f"{self.accuracy.best} {title} on {sequences} {'further ' if self.best.rescored else ''}{cases}"
        if not self.ties:
            return f"{highest}; no other of the {len(self.differences)} compared lies within two standard errors of it"
        if self.winner is self.best:
            return f"{highest}; {_count(self.ties)} tied with it within two standard errors, none {self._cheaper[0]}"
        lead = self.differences[self.winner.number]
        noun = METRICS[self.cost.kind].noun if self.cost.kind in METRICS else self.cost.kind
        return (
            f"{self._cheaper[1]} of the {len(self.ties) + 1} that cannot be told from the {highest}: it lies {abs(lead.mean):.3f} "
            f"{'below' if lead.mean >= 0 else 'above'}, "
            f"with a standard error of {lead.standard_error:.3f}, and takes "
            f"{self.winner.cost(self.cost) / self.best.cost(self.cost):.0%} of the {noun}"
        )

    @property
    def _cheaper(self) -> tuple[str, str]:
        """Words for a smaller and the smallest cost."""
        faster = self.cost.kind in METRICS and METRICS[self.cost.kind].faster
        return ("faster", "fastest") if faster else ("cheaper", "cheapest")


def recommend(candidates: Sequence[Candidate], accuracy: Metric, cost: Metric, calibration: float = 0.0) -> Recommendation:
    """Choose the cheapest of the candidates that tie with the most accurate one.

    Args:
        candidates: At least one candidate. If any was rescored, only the rescored ones are compared.
        accuracy: The metric that ranks candidates.
        cost: The metric that decides between ties; if there are costs on several devices, the largest counts.
        calibration: Standard deviation of an accuracy over draws of calibration pairs; see `noise.calibration_noise`.
    """
    compared = [candidate for candidate in candidates if candidate.rescored] or list(candidates)
    best = min(compared, key=lambda candidate: (accuracy.sign * candidate.accuracy(accuracy).value, candidate.cost(cost)))
    scores = {candidate.number: _scores(candidate, accuracy) for candidate in compared}
    differences = {number: paired(scores[best.number], each, calibration) for number, each in scores.items()}
    tied = [candidate for candidate in compared if differences[candidate.number].tie]
    winner = min(tied, key=lambda candidate: (candidate.cost(cost), accuracy.sign * candidate.accuracy(accuracy).value))
    return Recommendation(winner, best, differences, accuracy, cost)


def _scores(candidate: Candidate, accuracy: Metric) -> tuple[float, ...]:
    """Scores on single sequences or groups of pairs: those of rescoring if the candidate was rescored, else those of the search."""
    return (candidate.rescored or candidate.scores)[accuracy.spelling]


def _count(items: Sequence) -> str:
    """`one is` or `N are`, for a sentence."""
    return "one is" if len(items) == 1 else f"{len(items)} are"
