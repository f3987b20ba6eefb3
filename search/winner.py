"""From the front of a study to one recommended candidate: rescore a few, call ties ties, let latency decide between them.

The best of many noisy scores is too good to be true; so a shortlist is judged again on sequences that had no part in
choosing it, and only differences beyond the noise of those count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.candidate import Candidate
from search.noise import Difference, paired
from search.objectives import Objective
from search.pareto import non_dominated


def losses(candidates: Sequence[Candidate], objectives: Sequence[Objective]) -> np.ndarray:
    """The objectives of some candidates as figures to be minimised, (N, D)."""
    signs = np.array([-1 if objective.direction == "maximize" else 1 for objective in objectives])
    values = [[candidate.values[objective.name] for objective in objectives] for candidate in candidates]
    return np.array(values, float).reshape(-1, len(objectives)) * signs


def front(candidates: Sequence[Candidate], objectives: Sequence[Objective]) -> list[Candidate]:
    """The feasible candidates that no other feasible one beats by the scores of the search, highest AO first."""
    feasible = [candidate for candidate in candidates if candidate.feasible]
    best = [feasible[i] for i in non_dominated(losses(feasible, objectives))]
    return sorted(best, key=lambda candidate: (-candidate.values["ao"], candidate.latency_ms, candidate.number))


def shortlist(members: Sequence[Candidate], size: int) -> list[Candidate]:
    """At most `size` members of a front to be judged again: first those that may well be the best, then others from all along it.

    Args:
        members: A front, highest AO first.
        size: At least 1.
    """
    contenders = [member for member in members if paired(members[0].sequence_ao, member.sequence_ao).tie]
    others = [member for member in members if member not in contenders]
    chosen = _spread(contenders, size)
    chosen += _spread(others, size - len(chosen))
    return sorted(chosen, key=members.index)


def _spread(members: Sequence[Candidate], size: int) -> list[Candidate]:
    """Evenly spaced members, both ends among them."""
    positions = np.unique(np.linspace(0, len(members) - 1, min(size, len(members))).round().astype(int))
    return [members[i] for i in positions]


@dataclass(frozen=True)
class Recommendation:
    """The winner and why."""

    winner: Candidate
    best: Candidate
    """The candidate with the highest AO among those compared."""
    differences: dict[int, Difference]
    """AO of `best` less that of each candidate compared, by number."""

    @property
    def ties(self) -> list[int]:
        """Numbers of the candidates that cannot be told from the best."""
        return [number for number, difference in self.differences.items() if difference.tie and number != self.best.number]

    @property
    def tie_within(self) -> float | None:
        """Difference in AO below which two of those compared are a tie, typically: two standard errors; None for a single one."""
        errors = [difference.standard_error for number, difference in self.differences.items() if number != self.best.number]
        return 2 * float(np.median(errors)) if errors else None

    @property
    def why(self) -> str:
        """One or two sentences."""
        sequences = len(_sequences(self.best))
        found = f"on {sequences} {'further ' if self.best.rescored_ao else ''}sequences"
        if not self.ties:
            return f"highest AO {found}; no other of the {len(self.differences)} compared lies within two standard errors of it"
        if self.winner is self.best:
            return f"highest AO {found}; {_count(self.ties)} tied with it within two standard errors, none faster"
        lead = self.differences[self.winner.number]
        return (
            f"fastest of the {len(self.ties) + 1} that cannot be told from the highest AO {found}: it lies {lead.mean:.3f} below, "
            f"with a standard error of {lead.standard_error:.3f}, and takes {self.winner.latency_ms / self.best.latency_ms:.0%} of the time"
        )


def recommend(candidates: Sequence[Candidate]) -> Recommendation:
    """Choose the fastest of the candidates whose AO cannot be told from the highest.

    Args:
        candidates: At least one. If any was rescored, only the rescored ones are compared.
    """
    compared = [candidate for candidate in candidates if candidate.rescored_ao] or list(candidates)
    best = max(compared, key=lambda candidate: (candidate.ao, -candidate.latency_ms))
    differences = {candidate.number: paired(_sequences(best), _sequences(candidate)) for candidate in compared}
    tied = [candidate for candidate in compared if differences[candidate.number].tie]
    winner = min(tied, key=lambda candidate: (candidate.latency_ms, -candidate.ao))
    return Recommendation(winner, best, differences)


def _sequences(candidate: Candidate) -> tuple[float, ...]:
    return candidate.rescored_ao or candidate.sequence_ao


def _count(items: Sequence) -> str:
    return "one is" if len(items) == 1 else f"{len(items)} are"
