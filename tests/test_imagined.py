"""Imagined chips, of operators that are made so that only one thing differs at a time."""

import dataclasses
import math

import numpy as np
import pytest

from predictors.transfer import imagined
from predictors.transfer.imagined import imagined_chips, relative
from supernet.counts import Counts
from supernet.operators import Operator


def operator(kind="conv", size=4, macs=100, moved=1000, channels=1, height=None, **options):
    """An operator that moves so many numbers in all, from a map to one of the same size, which is square if no height is given."""
    shape = (channels, height or size, size)
    bare = Operator(kind, "search", shape, shape, tuple(options.items()), make=lambda _: None)
    return dataclasses.replace(bare, kept={bare.key: Counts(macs, 0, moved - 2 * math.prod(shape), 0)})


def chips(operators, usual=None, known=None):
    usual = np.ones(len(operators)) if usual is None else usual
    known = np.empty((len(operators), 0)) if known is None else known
    return imagined_chips(operators, usual, known, np.random.default_rng(0))


@pytest.fixture
def many(monkeypatch):
    """So many chips that a standard deviation is known to half a percent."""
    monkeypatch.setattr(imagined, "CHIPS", 40_000)


@pytest.fixture
def alike(monkeypatch):
    """No factor strays, so that only mixtures are left."""
    monkeypatch.setattr(imagined, "_STRAYS", (0.0, 0.0, 0.0))
    monkeypatch.setattr(imagined, "_OWN", 0.0)


def test_relative_costs_add_up_to_an_average_network():
    assert relative(np.array([2.0, 6.0]), np.array([1.0, 2.0])).tolist() == pytest.approx([1 / 7, 3 / 7])
    assert relative(np.array([[2.0, 1], [6, 1]]), np.array([1.0, 1.0])).tolist() == [[0.25, 0.5], [0.75, 0.5]]


def test_there_are_400_chips_of_each_hypothesis():
    assert [costs.shape for costs in chips([operator(), operator(kernel=3)])] == [(2, 400)] * 4
    assert [costs.shape for costs in chips([operator(), operator("other")])] == [(2, 400)] * 3


@pytest.mark.parametrize("known", [0, 1])
def test_chips_mix_known_ones_and_multiply_adds_numbers_moved_and_calls(many, alike, known):
    """Every mixture is equally likely, so that each of B chips has a share of 1/B on average, with the variance (B - 1) / B^2 / (B + 1)."""
    work = [(100, 300), (300, 100), (100, 100), (200, 400)]
    operators = [operator(kind, macs=macs, moved=moved) for kind, (macs, moved) in zip("abcd", work, strict=True)]
    usual = np.array([1.0, 1, 2, 1])  # an average network has 800 multiply-adds and moves 1000 numbers in 5 calls
    bases = np.array([[0.5, 1 / 8, 0.3, 0.2], [0.1, 3 / 8, 0.1, 0.2], [0.1, 1 / 8, 0.1, 0.2], [0.2, 2 / 8, 0.4, 0.2]])[:, 1 - known :]
    costs = chips(operators, usual, bases[:, :known])[0]
    shares = np.linalg.lstsq(bases, costs, rcond=None)[0]
    np.testing.assert_allclose(bases @ shares, costs)
    assert shares.min() >= -1e-9
    B = 3 + known
    assert shares.mean(axis=1) == pytest.approx(np.full(B, 1 / B), rel=0.02)
    assert shares.var(axis=1) == pytest.approx(np.full(B, (B - 1) / B**2 / (B + 1)), rel=0.03)


@pytest.mark.parametrize(
    "first, second, own, shares",
    [
        ({}, {}, 0.02, []),  # the same operator twice
        ({"kind": "a"}, {"kind": "b"}, 0.02, [1.0, 0.5]),  # the kind, and kind and kernel together
        ({"kernel": 3}, {"kernel": 5}, 0.02, [1.0, 0.5]),  # the kernel, and both
        ({"expansion": 4}, {"expansion": 6}, 0.02, [0.5]),  # any other option
        ({"size": 4}, {"size": 8}, 0.02, [0.7]),  # the size of the map
        ({"height": 4}, {"height": 8}, 0.02, []),
        ({"size": 4, "side": 1}, {"size": 8, "side": 2}, 0.02, [0.7]),  # what follows from the input shape adds nothing
        ({"stride": 1, "expansion": 4}, {"stride": 2, "expansion": 6}, 0.02, [0.5, 0.5]),
    ],
)
def test_costs_stray_by_what_differs(many, first, second, own, shares):
    """The logarithm of the ratio of two costs has the variance 2 (own^2 + stray^2 (share^2 + ...))."""
    hypotheses = chips([operator(**first), operator(**second)])
    for stray, costs in zip((0.1, 0.3, 1.0), hypotheses, strict=False):
        deviation = np.log(costs[0] / costs[1]).std()
        assert deviation == pytest.approx(math.sqrt(2 * (own**2 + sum((stray * share) ** 2 for share in shares))), rel=0.02)


def test_kind_and_kernel_together_stray_on_their_own(many):
    """Kinds and kernels alone cancel in a3 b5 / (a5 b3); what is left of each operator is a half of the stray, and its own factor."""
    a3, a5, b3, b5 = np.log(chips([operator(kind, kernel=kernel) for kind in "ab" for kernel in (3, 5)])[1])
    assert (a3 - a5 - b3 + b5).std() == pytest.approx(math.sqrt(4 * (0.15**2 + 0.02**2)), rel=0.02)


def slow_extras(operators, usual):
    """What chips of the last hypothesis add to the costs of operators that cost the same otherwise."""
    costs = chips(operators, usual)[-1]
    plain = 1 / usual.sum()
    nothing = costs[-1]  # the last operator has no kernel: it stays plain, up to the common scale
    return costs[:-1] / nothing * plain - plain


def test_a_slow_kernel_size_costs_up_to_many_times_its_multiply_adds(many, alike):
    """All the depthwise work is the first operator's, so that it costs one average network more, times e to the power of a normal number."""
    extra = slow_extras([operator(kernel=7), operator()], np.array([1.0, 3.0]))[0]
    assert np.log(extra).mean() == pytest.approx(0, abs=0.02) and np.log(extra).std() == pytest.approx(math.sqrt(1 + 2 * 0.15**2), rel=0.01)


@pytest.mark.parametrize(
    "first, second, ratio, factors",
    [
        ({}, {}, 1, 0),
        ({"expansion": 3}, {"expansion": 6}, 2, 0),  # twice the channels within
        ({}, {"expansion": 3}, 3, 0),
        ({"channels": 2}, {"channels": 5}, 2.5, 0),
        ({"size": 4}, {"size": 8}, 4, 1),  # four times the places, and a factor for each size
        ({"height": 4}, {"height": 8}, 2, 0),  # maps of one width share the factor
        ({"stride": 1}, {"stride": 2}, 1, 1),
        ({"size": 4, "stride": 1}, {"size": 8, "stride": 2}, 4, 2),
    ],
)
def test_depthwise_work_is_channels_times_places(many, alike, first, second, ratio, factors):
    a, b = slow_extras([operator(kernel=7, **first), operator(kernel=7, **second), operator()], np.ones(3))
    logarithm = np.log(b / a)
    assert logarithm.mean() == pytest.approx(math.log(ratio), abs=0.01)
    assert logarithm.std() == pytest.approx(math.sqrt(2 * factors) * 0.15, rel=0.02, abs=1e-6)


def test_one_kernel_size_is_slow_at_a_time(many, alike):
    operators = [operator(kernel=kernel) for kernel in (3, 5, 7)] + [operator(kernel="wide"), operator(kernel=9, expansion="b"), operator()]
    extra = slow_extras(operators, np.ones(6))
    slow = extra > 1e-9
    assert slow.sum(axis=0).tolist() == [1] * 40_000
    assert slow.mean(axis=1) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0, 0], abs=0.01)


def test_chips_that_are_slow_for_a_kernel_size_resemble_the_known_ones_otherwise(many):
    """Their other operators stray as little as by the first hypothesis."""
    a, b, _ = chips([operator("a"), operator("b"), operator(kernel=7)])[-1]
    assert np.log(a / b).std() == pytest.approx(math.sqrt(2 * (0.02**2 + 0.1**2 * (1 + 0.5**2))), rel=0.02)


@pytest.mark.parametrize("usual, count", [(0.0, 3), (0.5, 4)])
def test_a_kernel_size_that_no_network_uses_is_no_hypothesis(usual, count):
    assert len(chips([operator(kernel=3, size=1), operator()], np.array([usual, 1.0]))) == count
