"""Imagined chips: what each operator of a family might cost on chips that nobody built, drawn at random.

A chip is imagined as a random mixture of the measured chips and of three simple ones, on which an operator costs what its multiply-adds,
its bytes or its calls do. Then each feature of the operators (kind, kernel, expansion, stride, map size) is made faster or slower by a
random factor. How far these factors stray from 1 depends on the hypothesis: another engine on a similar chip, another chip, or a strange
chip. If the family has depthwise convolutions, one more hypothesis is a kernel size that the engine has no fast code for, so that its
depthwise part takes much longer (LiteRT's 7x7 on x86 takes six to ten times as long).

Worked example: an average network consists of a 3x3 and a 7x7 convolution, which take 2 and 6 ms on the one measured chip. Relative to the
network they cost .25 and .75. If only calls counted, they would cost .5 each. An imagined chip mixes four parts of the former with one
part of the latter, which gives .30 and .70, and is 1.35 times as slow for kernels of 7: .30 and .945. An average network now takes 1.245;
relative to it the costs are .24 and .76. There are 400 such chips for each hypothesis, with other mixtures and factors. Among them the
costs of all kernels of 7 vary together. This covariance lets a few measured networks of the real chip tell about all others.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from supernet.operators import Operator

CHIPS = 400
"""Number of chips imagined for each hypothesis."""
_STRAYS = (0.1, 0.3, 1.0)
"""Standard deviation of the logarithm of a feature's factor, for each hypothesis."""
_OWN = 0.02
"""Standard deviation of the logarithm of a further factor that each operator has for itself."""
_KIND, _KERNEL, _OPTION, _SIZE, _BOTH = 1.0, 1.0, 0.5, 0.7, 0.5
"""Factors on `_STRAYS` for each feature: the kind, the kernel, any other option, the map size, and kind and kernel together."""
_SLOW_STRAY = 0.15
"""Standard deviation of the logarithm of the factors of slow depthwise parts, for each map size and each stride."""


def imagined_chips(operators: Sequence[Operator], usual: np.ndarray, known: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Draw the costs of operators on imagined chips.

    Args:
        operators: K operators of one family.
        usual: (K,) mean number of each operator in the search branch of a network.
        known: (K, S) relative costs on measured chips (see `relative`); S may be 0.
        rng: Draws the chips.

    Returns:
        (K, CHIPS) relative costs for each hypothesis.
    """
    macs = np.array([op.counts.macs for op in operators], float)
    moved = np.array([np.prod(op.in_shape) + np.prod(op.out_shape) + op.counts.params for op in operators], float)
    bases = np.column_stack([known, *(relative(cost, usual) for cost in (macs, moved, np.ones(len(operators))))])
    imagined = [_chips(operators, usual, bases, stray, rng) for stray in _STRAYS]
    if slow := _depthwise(operators, usual):
        imagined.append(_slow_chips(operators, usual, bases, np.column_stack(slow), rng))
    return imagined


def relative(cost: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Costs of operators divided by the cost of an average network.

    Args:
        cost: (K,) costs of K operators, or (K, M) on each of M chips, in any unit.
        usual: (K,) mean number of each operator in a network.

    >>> relative(np.array([2.0, 6.0]), np.array([1.0, 1.0])).tolist()
    [0.25, 0.75]
    """
    return cost / (usual @ cost)


def _chips(operators: Sequence[Operator], usual: np.ndarray, bases: np.ndarray, stray: float, rng: np.random.Generator) -> np.ndarray:
    """(K, CHIPS) relative costs: mixtures of the (K, B) costs on B chips, with random factors for the features of the operators."""
    logarithm = rng.normal(0, _OWN, (len(operators), CHIPS))
    for values, share in _shared_features(operators):
        logarithm += _factors(values, stray * share, rng)
    mixed = bases @ rng.dirichlet(np.ones(bases.shape[1]), CHIPS).T
    return relative(mixed * np.exp(logarithm), usual)


def _shared_features(operators: Sequence[Operator]) -> list[tuple[Sequence[Hashable], float]]:
    """The features of K operators: for each its K values, and how far its factor strays relative to `_STRAYS`.

    An option that follows from kind, branch and input shape, as the side of the template does, adds nothing to these and is left out.
    """
    features: list[tuple[Sequence[Hashable], float]] = [([op.kind for op in operators], _KIND)]
    known = [(op.kind, op.branch, op.in_shape) for op in operators]
    for name in dict.fromkeys(name for op in operators for name in op.option):
        values = [op.option.get(name) for op in operators]
        if len(set(zip(known, values, strict=True))) > len(set(known)):
            features.append((values, _KERNEL if name == "kernel" else _OPTION))
    features.append(([op.in_shape[-1] for op in operators], _SIZE))
    features.append(([(op.kind, op.option.get("kernel")) for op in operators], _BOTH))
    return features


def _slow_chips(
    operators: Sequence[Operator], usual: np.ndarray, bases: np.ndarray, slow: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """(K, CHIPS) relative costs on chips whose engine is slow for one kernel size, and which otherwise resemble the known ones.

    `slow` holds the (K, number of kernel sizes) relative multiply-adds of depthwise convolutions.
    """
    logarithm = rng.normal(size=CHIPS) + _factors([op.in_shape[-1] for op in operators], _SLOW_STRAY, rng)
    logarithm += _factors([op.option.get("stride") for op in operators], _SLOW_STRAY, rng)
    extra = slow[:, rng.integers(slow.shape[1], size=CHIPS)] * np.exp(logarithm)
    return relative(_chips(operators, usual, bases, _STRAYS[0], rng) + extra, usual)


def _factors(values: Sequence[Hashable], deviation: float, rng: np.random.Generator) -> np.ndarray:
    """(K, CHIPS) logarithms of factors, drawn from a normal distribution; operators with equal values share a factor."""
    codes = {value: code for code, value in enumerate(dict.fromkeys(values))}
    return rng.normal(0, deviation, (len(codes), CHIPS))[[codes[value] for value in values]]


def _depthwise(operators: Sequence[Operator], usual: np.ndarray) -> list[np.ndarray]:
    """For each kernel size, the (K,) multiply-adds of depthwise convolutions of that size, relative to an average network."""
    outputs: dict[int, np.ndarray] = {}
    for i, op in enumerate(operators):
        side, expansion = op.option.get("kernel"), op.option.get("expansion", 1)
        if isinstance(side, int) and isinstance(expansion, int):
            outputs.setdefault(side, np.zeros(len(operators)))[i] = op.in_shape[0] * expansion * np.prod(op.out_shape[1:])
    # with one kernel size, every output takes as many multiply-adds
    return [relative(count, usual) for count in outputs.values() if usual @ count > 0]
