"""Predicts the latency of any network on a new chip from a few measurements, with other chips as prior knowledge.

The prior is an ensemble of chips: some that were measured, and many imagined ones whose costs are drawn at random (see `imagined.py`).
The covariance of their latencies is that of a Gaussian process, which is conditioned on the networks measured on the new chip.
Assumptions that contradict each other (e.g. whether the engine removes unused branches) are separate hypotheses, each with an ensemble and
a `Belief` of its own. Each combination of a hypothesis and a level of measurement noise is weighted by its marginal likelihood.

Latencies are relative: the milliseconds on a chip, divided by the mean milliseconds of the same reference networks on that chip. (`NewChip`
takes some 300 random networks of the family as reference.) Source: Rasmussen & Williams, Gaussian Processes for Machine Learning, chapters
2 and 5 (evidence); an empirical covariance as in the ensemble Kalman filter (Evensen 1994). benchmarks/new_chipset.py judges it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.special import softmax

NOISE = (0.005, 0.01, 0.025, 0.06)
"""Candidate relative standard deviations of the measurement noise."""
_SCALE, _CALL = 0.3, 0.1
"""Prior standard deviations of the overall scale and of the fixed cost per inference call, in relative units."""
_KNOWN, _IMAGINED = 0.3, 1.2
"""Factors on the deviations of measured and of imagined chips from their means."""
_LINEAR, _LOCAL, _LENGTH = 0.015, 0.035, 1.5
"""Relative standard deviations of a linear and of a smooth (RBF) residual over the structure features, and length scale of the latter. They
are for what no ensemble explains."""
_FLOOR = 0.1
"""`Posterior.predict` gives at least this share of the prior mean, scaled to the measurements."""
_RANDOM = 10
"""One network in this many is chosen at random, in case the beliefs are wrong."""


@dataclass(frozen=True)
class Belief:
    """Prior of the relative latencies of N networks on a new chip, under one hypothesis.

    The latencies are mean + spread @ w with D standard normal w, plus a residual that depends on the structure features, if there are any.
    """

    mean: np.ndarray
    """(N,) expected relative latencies."""
    spread: np.ndarray
    """(N, D) factor of the covariance, which is spread @ spread.T without the residual."""
    structure: np.ndarray
    """(N, F) standardised features of the networks: those with similar features have correlated residuals. F may be 0."""

    @classmethod
    def of(cls, known: np.ndarray, imagined: np.ndarray, structure: np.ndarray | None = None, calls: float = 1.0) -> Self:
        """Build the prior from an ensemble of chips.

        Its mean lies midway between the means of the measured and of the imagined chips, and the difference of the two means is one more
        direction in which the new chip may vary.

        Args:
            known: (N, S) relative latencies on measured chips; S may be 0.
            imagined: (N, M) relative latencies on imagined chips.
            structure: (N, F) standardised features of the networks; none if not given.
            calls: Share of the fixed cost per call that each row carries: 1 for a network, 0 for a single operator.
        """
        middle = imagined.mean(axis=1)
        typical = known.mean(axis=1) if known.shape[1] else middle
        mean = (middle + typical) / 2
        spread = [
            _SCALE * mean[:, None],
            np.full((len(mean), 1), _CALL * calls),
            (typical - mean)[:, None],
            _IMAGINED * _deviations(imagined),
            _KNOWN * _deviations(known),
        ]
        return cls(mean, np.hstack(spread), np.empty((len(mean), 0)) if structure is None else structure)

    def __getitem__(self, rows: np.ndarray | slice) -> Belief:
        """The belief restricted to the given rows."""
        return Belief(self.mean[rows], self.spread[rows], self.structure[rows])

    def covariance(self, other: Belief) -> np.ndarray:
        """(N, K) covariance of the relative latencies of these N networks with those of the K networks of another belief."""
        shared = self.spread @ other.spread.T
        features = self.structure.shape[1]
        if not features:
            return shared
        product = self.structure @ other.structure.T / features
        squares = [(belief.structure**2).mean(axis=1) for belief in (self, other)]
        distance = np.add.outer(*squares) - 2 * product
        local = _LINEAR**2 * product + _LOCAL**2 * np.exp(-distance / (2 * _LENGTH**2))
        return shared + np.outer(self.mean, other.mean) * local

    @property
    def variance(self) -> np.ndarray:
        """(N,) prior variance of each relative latency, without measurement noise."""
        shared = (self.spread**2).sum(axis=1)
        if not self.structure.shape[1]:
            return shared
        return shared + self.mean**2 * (_LINEAR**2 * (self.structure**2).mean(axis=1) + _LOCAL**2)


def _deviations(latencies: np.ndarray) -> np.ndarray:
    """(N, M) centred latencies X of M chips, divided by the root of M, so that X @ X.T is their covariance."""
    chips = latencies.shape[1]
    return (latencies - latencies.mean(axis=1, keepdims=True)) / np.sqrt(chips) if chips else latencies


@dataclass(frozen=True)
class _Conditioned:
    """A belief conditioned on n measurements, under one level of noise."""

    measured: Belief
    """The belief restricted to the measured networks."""
    noise: float
    """Relative standard deviation of the measurement noise."""
    factor: np.ndarray
    """(n, n) lower Cholesky factor of the covariance of the measurements."""
    residual: np.ndarray
    """(n,) relative measurements minus the belief's mean."""
    scale: float
    """Milliseconds per relative unit: geometric mean of measured milliseconds / prior mean."""

    @property
    def evidence(self) -> float:
        """Log marginal likelihood of the relative measurements, up to a constant.

        It is the density of the milliseconds divided by `scale`, which is fitted for each hypothesis: ratios between networks are to decide
        between hypotheses, not the speed of the chip.
        """
        white = solve_triangular(self.factor, self.residual, lower=True)
        return float(-0.5 * white @ white - np.log(np.diag(self.factor)).sum())

    def mean(self, belief: Belief) -> np.ndarray:
        """(N,) expected milliseconds of the N networks of a belief."""
        weights = cho_solve((self.factor, True), self.residual)
        return self.scale * (belief.mean + belief.covariance(self.measured) @ weights)

    def deviation(self, belief: Belief) -> np.ndarray:
        """(N,) standard deviation of a measurement of each network, noise included, relative to the prior mean."""
        explained = solve_triangular(self.factor, belief.covariance(self.measured).T, lower=True)
        variance = np.maximum(belief.variance - (explained**2).sum(axis=0), 0)
        return np.sqrt(variance / belief.mean**2 + self.noise**2)


@dataclass(frozen=True)
class Posterior:
    """Every hypothesis conditioned on the measurements, under each level of noise, with its posterior probability."""

    parts: tuple[tuple[int, _Conditioned], ...]
    """(index of the hypothesis, conditioned belief) for every hypothesis and noise level; P in all."""
    weights: np.ndarray
    """(P,) posterior probability of each part."""

    def mean(self, beliefs: Sequence[Belief]) -> np.ndarray:
        """Expected milliseconds of N networks.

        Without structure features they are linear in the rows of the beliefs: the milliseconds of operators and of a call add up to those
        of their network.

        Args:
            beliefs: Beliefs about the N networks, one for each hypothesis, in the order in which they were conditioned.

        Returns:
            (N,) milliseconds.
        """
        return self.weights @ np.array([part.mean(beliefs[h]) for h, part in self.parts])

    def predict(self, beliefs: Sequence[Belief]) -> tuple[np.ndarray, np.ndarray]:
        """Predict (N,) milliseconds of N networks and the (N,) relative standard deviations of their measurements.

        Unlike `mean`, every hypothesis predicts at least a tenth of its prior mean. Differences between hypotheses add to the deviations.

        Args:
            beliefs: Beliefs about the N networks, one for each hypothesis, in the order in which they were conditioned.
        """
        least = [_FLOOR * part.scale * beliefs[h].mean for h, part in self.parts]
        means = np.array([np.maximum(part.mean(beliefs[h]), low) for (h, part), low in zip(self.parts, least, strict=True)])
        deviations = np.array([part.deviation(beliefs[h]) for h, part in self.parts])
        mean = self.weights @ means
        return mean, np.sqrt(self.weights @ (deviations**2 + (means / mean - 1) ** 2))


def condition(beliefs: Sequence[Belief], ms: np.ndarray) -> Posterior:
    """Condition the beliefs of all hypotheses on measurements.

    Args:
        beliefs: Beliefs about the n measured networks, one for each hypothesis.
        ms: (n,) milliseconds of these networks on the new chip.

    Worked example: three networks and two hypotheses. By the first, all of them take about as long as an average network; by the second,
    whose engine removes unused branches, they take 1, 0.5 and 1.5 times as long. The first two are measured: 10.0 and 5.2 ms. The second
    hypothesis explains that far better and gets nearly all of the probability, so the third network is expected at 15.3 ms:

    >>> alike = Belief(np.ones(3), np.array([[0.3, 0.0], [0.3, 0.2], [0.3, 0.2]]), np.empty((3, 0)))
    >>> removes = Belief(np.array([1.0, 0.5, 1.5]), np.array([[0.3], [0.15], [0.45]]), np.empty((3, 0)))
    >>> known = condition([alike[:2], removes[:2]], np.array([10.0, 5.2]))
    >>> [round(float(sum(w for w, (h, _) in zip(known.weights, known.parts) if h == i)), 3) for i in (0, 1)]
    [0.001, 0.999]
    >>> known.mean([alike, removes]).round(1).tolist()
    [10.2, 5.1, 15.3]
    """
    parts = []
    for hypothesis, belief in enumerate(beliefs):
        scale = float(np.exp(np.log(ms / belief.mean).mean()))
        covariance, relative = belief.covariance(belief), ms / scale
        for noise in NOISE:
            factor = np.linalg.cholesky(covariance + np.diag((noise * relative) ** 2))
            parts.append((hypothesis, _Conditioned(belief, noise, factor, relative - belief.mean, scale)))
    return Posterior(tuple(parts), softmax([part.evidence for _, part in parts]))


def choose(beliefs: Sequence[Belief], count: int, rng: np.random.Generator, noise: float = NOISE[2]) -> np.ndarray:
    """Choose the networks whose measurement most reduces the uncertainty about all candidates.

    Each in turn is the one that lowers the sum of relative variances of all candidates most, added up over the hypotheses (greedy A-optimal
    design). The 6th, 16th, 26th, ... are random.

    Args:
        beliefs: Beliefs about N candidates, one for each hypothesis.
        count: Number of networks to choose, at most N.
        rng: Draws the random ones.
        noise: Relative standard deviation of the measurement noise.

    Returns:
        (count,) different rows of the candidates, in the order of choice.
    """
    left = [belief.covariance(belief) / np.outer(belief.mean, belief.mean) for belief in beliefs]
    chosen: list[int] = []
    while len(chosen) < count:
        gain = np.sum([(c**2).sum(axis=0) / (np.diag(c) + noise**2) for c in left], axis=0)
        gain[chosen] = -1
        at_random = len(chosen) % _RANDOM == _RANDOM // 2
        pick = int(rng.choice(np.setdiff1d(np.arange(len(gain)), chosen)) if at_random else gain.argmax())
        chosen.append(pick)
        left = [c - np.outer(c[:, pick], c[pick]) / (c[pick, pick] + noise**2) for c in left]
    return np.array(chosen, int)


def leave_one_out(beliefs: Sequence[Belief], ms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Predict each of n >= 2 measured networks from the n - 1 others.

    Args:
        beliefs: Beliefs about the n measured networks, one for each hypothesis.
        ms: (n,) measured milliseconds.

    Returns:
        (n,) predicted milliseconds and (n,) relative standard deviations.
    """
    rows = np.arange(len(ms))
    answers = []
    for row in rows:
        others = rows != row
        answers.append(condition([b[others] for b in beliefs], ms[others]).predict([b[~others] for b in beliefs]))
    mean, deviation = np.array(answers)[:, :, 0].T
    return mean, deviation


def expected_error(deviation: np.ndarray) -> float:
    """Mean absolute error in percent of N predictions with normal errors of the given (N,) relative standard deviations."""
    return float(100 * np.sqrt(2 / np.pi) * deviation.mean())
