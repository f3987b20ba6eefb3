"""A chip that was hardly measured: what it takes for any network, from a few measured ones and from what chips are like.

What chips are like is an ensemble: chips that were measured, and many imagined ones that a rule draws (how much each kind of
operator, a call, a byte costs). How their latencies vary together is the covariance of a Gaussian process, which the networks
measured on the new chip condition. Rules that contradict each other (does this chip drop dead branches?) are hypotheses of
their own; each is weighted by how well it explains the measurements, and so is each of a few levels of noise.

Latencies are relative here: a chip's divided by its mean over some reference networks. Source: Rasmussen & Williams, Gaussian
Processes for Machine Learning, chapters 2 and 5 (evidence); an empirical covariance as in the ensemble Kalman filter (Evensen 1994).
benchmarks/new_chipset.py judges it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.special import softmax

NOISE = (0.005, 0.01, 0.025, 0.06)
"""Levels of relative noise of a measurement that are considered."""
_SCALE, _CALL = 0.3, 0.1
"""How uncertain a chip's speed and the cost of a call are, relative to its latency, once it is scaled to the measurements."""
_KNOWN, _IMAGINED = 0.3, 1.2
"""How far a new chip may stray along the differences of known and of imagined chips."""
_LINEAR, _LOCAL, _LENGTH = 0.015, 0.035, 1.5
"""What no ensemble explains: standard deviations of a linear and of a local effect of the structure, and the length of the latter."""
_FLOOR = 0.1
"""No network takes less than this share of what was believed."""
_RANDOM = 10
"""One of so many networks is chosen at random: beliefs may be wrong."""


@dataclass(frozen=True)
class Belief:
    """One hypothesis about an unmeasured chip: relative latency of N networks = mean + spread @ w, w standard normal, + local effects."""

    mean: np.ndarray
    """(N,) relative latency."""
    spread: np.ndarray
    """(N, D)"""
    structure: np.ndarray
    """(N, F) standardised features; networks that are alike in them deviate alike. F may be 0."""

    @classmethod
    def of(cls, known: np.ndarray, imagined: np.ndarray, structure: np.ndarray | None = None, calls: float = 1.0) -> Self:
        """What an ensemble of chips says of the next one.

        Args:
            known: (N, S) relative latencies on measured chips; S may be 0.
            imagined: (N, M) relative latencies on imagined chips.
            structure: (N, F) standardised features of the networks.
            calls: How many calls a row stands for: 1 for a network, 0 for an operator in it.
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
        """About some of the networks."""
        return Belief(self.mean[rows], self.spread[rows], self.structure[rows])

    def covariance(self, other: Belief) -> np.ndarray:
        """(N, K) of the relative latencies of these networks and of K others."""
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
        """(N,) of the relative latencies."""
        shared = (self.spread**2).sum(axis=1)
        if not self.structure.shape[1]:
            return shared
        return shared + self.mean**2 * (_LINEAR**2 * (self.structure**2).mean(axis=1) + _LOCAL**2)


def _deviations(latencies: np.ndarray) -> np.ndarray:
    chips = latencies.shape[1]
    return (latencies - latencies.mean(axis=1, keepdims=True)) / np.sqrt(chips) if chips else latencies


@dataclass(frozen=True)
class _Conditioned:
    """A belief after the measurements, under one level of noise."""

    measured: Belief
    noise: float
    factor: np.ndarray
    """(n, n) lower Cholesky factor of the covariance of the measurements."""
    residual: np.ndarray
    """(n,) relative measurements less the belief's mean."""
    scale: float
    """Milliseconds of one relative unit."""

    @property
    def evidence(self) -> float:
        """Logarithm of the measurements' probability, up to a constant."""
        white = solve_triangular(self.factor, self.residual, lower=True)
        return float(-0.5 * white @ white - np.log(np.diag(self.factor)).sum())

    def mean(self, belief: Belief) -> np.ndarray:
        """(N,) milliseconds."""
        weights = cho_solve((self.factor, True), self.residual)
        return self.scale * (belief.mean + belief.covariance(self.measured) @ weights)

    def deviation(self, belief: Belief) -> np.ndarray:
        """(N,) standard deviation of a measurement, relative to the belief's mean."""
        explained = solve_triangular(self.factor, belief.covariance(self.measured).T, lower=True)
        variance = np.maximum(belief.variance - (explained**2).sum(axis=0), 0)
        return np.sqrt(variance / belief.mean**2 + self.noise**2)


@dataclass(frozen=True)
class Posterior:
    """Every hypothesis conditioned on the measurements, and what each deserves."""

    parts: tuple[tuple[int, _Conditioned], ...]
    """With the number of its hypothesis."""
    weights: np.ndarray
    """(P,) probability of each part."""

    def mean(self, beliefs: Sequence[Belief]) -> np.ndarray:
        """(N,) milliseconds; linear in the rows of the beliefs where these have no structure.

        Args:
            beliefs: Of every hypothesis about the N networks, in the order in which they were conditioned.
        """
        return self.weights @ np.array([part.mean(beliefs[h]) for h, part in self.parts])

    def predict(self, beliefs: Sequence[Belief]) -> tuple[np.ndarray, np.ndarray]:
        """(N,) milliseconds and (N,) relative standard deviations of measurements."""
        least = [_FLOOR * part.scale * beliefs[h].mean for h, part in self.parts]
        means = np.array([np.maximum(part.mean(beliefs[h]), low) for (h, part), low in zip(self.parts, least, strict=True)])
        deviations = np.array([part.deviation(beliefs[h]) for h, part in self.parts])
        mean = self.weights @ means
        return mean, np.sqrt(self.weights @ (deviations**2 + (means / mean - 1) ** 2))


def condition(beliefs: Sequence[Belief], ms: np.ndarray) -> Posterior:
    """Condition beliefs on measurements.

    Args:
        beliefs: Of every hypothesis about the measured networks.
        ms: (n,) their milliseconds on the new chip.

    Worked example: three networks and two hypotheses. By the first all of them take about as long as a usual network; by the second,
    whose engine removes dead branches, they take 1, 0.5 and 1.5 times as long. The first two are measured, 10.0 and 5.2 ms. The second
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
    """The networks whose measurement tells most about all the others.

    Each in turn is the one that lowers the relative variance of all candidates most, summed over the hypotheses (A-optimal design,
    greedy); a few are random.

    Args:
        beliefs: Of every hypothesis about N candidates.
        count: How many to choose, at most N.
        rng: Draws the random ones.
        noise: Relative noise of a measurement.

    Returns:
        (count,) different row numbers, in the order of choice.
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
    """(n,) milliseconds and (n,) relative standard deviations of each measured network, predicted from the n - 1 others."""
    rows = np.arange(len(ms))
    answers = []
    for row in rows:
        others = rows != row
        answers.append(condition([b[others] for b in beliefs], ms[others]).predict([b[~others] for b in beliefs]))
    mean, deviation = np.array(answers)[:, :, 0].T
    return mean, deviation


def expected_error(deviation: np.ndarray) -> float:
    """Mean absolute error in percent that normal errors of (N,) relative standard deviations make."""
    return float(100 * np.sqrt(2 / np.pi) * deviation.mean())
