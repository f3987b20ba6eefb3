"""Makes any strategy draw only new architectures that meet the cheap constraints.

Rejecting a sample costs a fraction of a millisecond, since no weight is touched. If drawing again does not help, the sample is repaired:
choice by choice it takes the value of the anchor, an architecture that meets every limit. At each step neighbours of the sample are tried,
until one passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from search.problem.problem import Problem
from supernet.space import Architecture, Value

_DRAWS = 50
"""How often samples are drawn before the last one is repaired."""
_NEIGHBOURS = 3
"""Neighbours that are tried at every step of a repair."""
_LAST = 500
"""Mutations of the anchor, ever further from it, that are tried at last before the space counts as exhausted."""


@dataclass
class FeasibilityFilter:
    """Lets an architecture pass only if it is new and meets every constraint; counts what it refuses."""

    problem: Problem
    anchor: Architecture
    """An architecture that meets every constraint; samples that do not are pulled towards it."""
    seen: set[str] = field(default_factory=set)
    """Keys of the architectures that are in the study; the study adds them."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Number of samples refused for the trial that is being asked for, by reason; the study clears it before each trial."""

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """The choices of the space as Optuna's distributions, by label."""
        return {label: CategoricalDistribution(values) for label, values in self.problem.space.choices.items()}

    def refuses(self, chosen: Mapping[str, Value]) -> bool:
        """Whether a sample breaks a constraint or is in the study already; counts the first reason in `rejected`."""
        arch = self.problem.space.make(chosen)
        above = self.problem.excess(self.problem.family.space.indices([arch]))[0] > 0
        reasons = [constraint.name for constraint, broken in zip(self.problem.constraints, above, strict=True) if broken]
        reasons += ["seen"] * (arch.key in self.seen)
        self.rejected.update(reasons[:1])
        return bool(reasons)


class FeasibleSampler(BaseSampler):
    """Draws from another Optuna sampler until a sample passes the filter.

    The wrapped sampler is made anew for each trial, with randomness that depends on the seed and on the number of trials before.
    Therefore it must keep nothing in memory that the study does not hold, and a resumed search goes on as if it had never stopped.

    Args:
        make: Builds the wrapped sampler from a seed.
        feasible: Decides which samples may pass.
        seed: Start of all randomness.
        draws: How often to draw before the last sample is repaired; few where drawing is slow or repeats itself.
    """

    def __init__(self, make: Callable[[int], BaseSampler], feasible: FeasibilityFilter, seed: int, draws: int = _DRAWS):
        self._make = make
        self._draws = draws
        self._feasible = feasible
        self._seed = seed
        self._inner = make(0)
        self._rng = np.random.default_rng()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        before = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.RUNNING))
        self._rng = np.random.default_rng([self._seed, len(before) - 1])  # this trial is among them
        self._inner = self._make(int(self._rng.integers(2**31)))
        self._inner.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._inner.after_trial(study, trial, state, values)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._feasible.distributions

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        chosen: dict[str, Any] = {}
        for _ in range(self._draws):
            chosen = self._draw(study, trial, search_space)
            if not self._feasible.refuses(chosen):
                return chosen
        return self._repair(chosen)

    def sample_independent(self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution) -> Any:
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

    def _draw(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """One sample of the wrapped sampler, with a value for every choice."""
        # the search space that the inner sampler would infer, without comparing the choices of all trials
        together = {name: distribution for name, distribution in search_space.items() if not distribution.single()}
        pinned = {name: values[0] for name, values in self._feasible.problem.space.choices.items() if name not in together}
        drawn = pinned | self._inner.sample_relative(study, trial, together)
        return {
            name: drawn[name] if name in drawn else self._inner.sample_independent(study, trial, name, distribution)
            for name, distribution in search_space.items()
        }

    def _repair(self, chosen: dict[str, Any]) -> dict[str, Any]:
        """Take ever more choices from the anchor and try neighbours on the way; at last try mutations of the anchor.

        Raises:
            ValueError: None of them passes.
        """
        for label in [None, *self._rng.permutation(list(chosen))]:
            chosen = chosen if label is None else {**chosen, label: self._feasible.anchor[label]}
            for near in (chosen, *(self._near(chosen, 0) for _ in range(_NEIGHBOURS))):
                if not self._feasible.refuses(near):
                    return near
        for i in range(_LAST):
            near = self._near(chosen, i / _LAST)
            if not self._feasible.refuses(near):
                return near
        raise ValueError(
            f"no new architecture within the limits was found after {len(self._feasible.seen)} of them; fewer evaluations or wider limits help"
        )

    def _near(self, chosen: Mapping[str, Value], probability: float) -> dict[str, Value]:
        """A mutation of a sample: at least one choice is drawn anew, each further one with the given probability."""
        space = self._feasible.problem.space
        return dict(space.mutate(space.make(chosen), self._rng, probability).choices)
