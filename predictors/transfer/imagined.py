"""Chips that nobody built: what each operator of a family might cost on the next one.

A chip is imagined as a mixture of those that were measured and of three simple ones (multiply-adds, bytes, calls), in which every
feature of an operator (its kind, kernel, expansion, stride, map size) is faster or slower by a random factor. How far factors
stray is one hypothesis each: an engine on a similar chip, another chip, a strange one. One more: a kernel size that the engine
has no fast code for, so that its depthwise part takes many times longer (LiteRT's 7x7 on x86 takes six to ten times as long).

Worked example: a usual network consists of a 3x3 and a 7x7 convolution, which take 2 and 6 ms on the one chip that was measured: costs
.25 and .75, relative to the network. By calls alone they would cost .5 each. An imagined chip is four parts of the first and one of the
second, .30 and .70, and is 1.35 times as slow at everything with a kernel of 7: .30 and .945. Relative to a usual network again, which
now takes 1.245, its costs are .24 and .76. Other imagined chips mix otherwise and have other factors, 400 for each hypothesis. How the
costs vary among them, always together for all kernels of 7, is what a few measured networks of the real chip are read with.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from supernet.operators import Operator

CHIPS = 400
"""Imagined for each hypothesis."""
_STRAYS = (0.1, 0.3, 1.0)
"""Standard deviations of the logarithm of a feature's factor, one hypothesis each."""
_OWN = 0.02
"""Of each operator's own factor."""
_KIND, _KERNEL, _OPTION, _SIZE, _BOTH = 1.0, 1.0, 0.5, 0.7, 0.5
"""How far the factor of a feature strays for a stray of one: of the kind, the kernel, any other option, the size of the map, and kind and
kernel together."""
_SLOW_STRAY = 0.15
"""Of the slow depthwise parts, over map sizes and strides."""


def imagined_chips(operators: Sequence[Operator], usual: np.ndarray, known: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Costs of operators on imagined chips.

    Args:
        operators: K operators of one family.
        usual: (K,) how often each occurs in the search branch of a usual network, on average.
        known: (K, S) relative costs on measured chips (see `relative`); S may be 0.
        rng: Draws the chips.

    Returns:
        (K, CHIPS) relative costs for every hypothesis.
    """
    macs = np.array([op.counts.macs for op in operators], float)
    moved = np.array([np.prod(op.in_shape) + np.prod(op.out_shape) + op.counts.params for op in operators], float)
    bases = np.column_stack([known, *(relative(cost, usual) for cost in (macs, moved, np.ones(len(operators))))])
    imagined = [_chips(operators, usual, bases, stray, rng) for stray in _STRAYS]
    if slow := _depthwise(operators, usual):
        imagined.append(_slow_chips(operators, usual, bases, np.column_stack(slow), rng))
    return imagined


def relative(cost: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """(K,) or (K, M) costs in units of what a usual network takes."""
    return cost / (usual @ cost)


def _chips(operators: Sequence[Operator], usual: np.ndarray, bases: np.ndarray, stray: float, rng: np.random.Generator) -> np.ndarray:
    logarithm = rng.normal(0, _OWN, (len(operators), CHIPS))
    for values, share in _shared_features(operators):
        logarithm += _factors(values, stray * share, rng)
    mixed = bases @ rng.dirichlet(np.ones(bases.shape[1]), CHIPS).T
    return relative(mixed * np.exp(logarithm), usual)


def _shared_features(operators: Sequence[Operator]) -> list[tuple[list[Hashable], float]]:
    """What operators have in common: for each feature its (K,) values, and how far its factor strays.

    An option that follows from kind and map size, as the side of the template does, says no more than these and is left out.
    """
    features: list[tuple[list[Hashable], float]] = [([op.kind for op in operators], _KIND)]
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
    """Chips like those known whose engine is slow for one kernel size; `slow` is (K, number of sizes)."""
    logarithm = rng.normal(size=CHIPS) + _factors([op.in_shape[-1] for op in operators], _SLOW_STRAY, rng)
    logarithm += _factors([op.option.get("stride") for op in operators], _SLOW_STRAY, rng)
    extra = slow[:, rng.integers(slow.shape[1], size=CHIPS)] * np.exp(logarithm)
    return relative(_chips(operators, usual, bases, _STRAYS[0], rng) + extra, usual)


def _factors(values: Sequence[Hashable], deviation: float, rng: np.random.Generator) -> np.ndarray:
    """(K, CHIPS) normal logarithms, equal where the values are."""
    codes = {value: code for code, value in enumerate(dict.fromkeys(values))}
    return rng.normal(0, deviation, (len(codes), CHIPS))[[codes[value] for value in values]]


def _depthwise(operators: Sequence[Operator], usual: np.ndarray) -> list[np.ndarray]:
    """(K,) relative multiply-adds of the depthwise convolutions of each kernel size."""
    work: dict[int, np.ndarray] = {}
    for i, op in enumerate(operators):
        side, expansion = op.option.get("kernel"), op.option.get("expansion", 1)
        if isinstance(side, int) and isinstance(expansion, int):
            hidden = op.in_shape[0] * expansion
            work.setdefault(side, np.zeros(len(operators)))[i] = hidden * np.prod(op.out_shape[1:]) * side**2
    return [relative(cost, usual) for cost in work.values() if usual @ cost > 0]
