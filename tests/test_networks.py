from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest

from latency_tables.measuring.networks import draw, model
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]


@pytest.mark.parametrize("count", [0, 1, 7])
def test_draws_as_many_different_ones_as_asked(count):
    drawn = draw(NANO, count, seed=3)
    assert len({a.key for a in drawn}) == count
    assert [a.key for a in drawn] == [a.key for a in draw(NANO, count, seed=3)]


def test_draws_no_more_than_there_are():
    both = draw(NANO, 2, seed=3)
    few = SimpleNamespace(space=SimpleNamespace(sample=lambda rng: both[rng.integers(2)]), counts=NANO.counts)
    assert draw(few, 5, seed=0) == both


def test_draws_are_spread_by_size_and_differ_by_seed():
    sizes = [sum(op.counts.macs for op in NANO.operators(a) if op.branch == "search") for a in draw(NANO, 12, seed=0)]
    assert sizes == sorted(sizes) and sizes[-1] > 2 * sizes[0]
    assert {a.key for a in draw(NANO, 12, seed=0)}.isdisjoint({a.key for a in draw(NANO, 12, seed=1)})


@pytest.mark.parametrize("branch, names", [("search", ["search", "template_features"]), ("template", ["template"])])
def test_graphs_are_those_of_an_exported_tracker(branch, names):
    session = onnxruntime.InferenceSession(model(NANO, draw(NANO, 1, seed=0)[0], branch).onnx, providers=["CPUExecutionProvider"])
    assert [node.name for node in session.get_inputs()] == names


def test_a_signal_survives_to_the_outputs():
    """Where outputs are nearly constant, comparing them would not notice a missing layer."""
    given = model(NANO, draw(NANO, 1, seed=0)[0], "search")
    session = onnxruntime.InferenceSession(given.onnx, providers=["CPUExecutionProvider"])
    for values in session.run(None, given.sample):
        assert values.std() > 0.02 * np.abs(values).max()
