"""The worked example of the module; counts of real families stand in test_encoding."""

import numpy as np
import pytest

from supernet.occurrences import Occurrences
from supernet.operators import Operator
from supernet.slots import Slot, SlotTable

HEAD = Operator("head", "search", (1,), (1,), make=str)
LAYERS = {kernel: Operator("layer", "search", (1,), (1,), (("kernel", kernel),), make=str) for kernel in (3, 5)}
TABLE = SlotTable(
    {"depth": (1, 2), "kernel": (3, 5)},
    (
        Slot("search", "first", "body", LAYERS.get, "kernel"),
        Slot("search", "second", "body", lambda depth, kernel: LAYERS[kernel] if depth == 2 else None, "kernel", ("depth",)),
        Slot("search", "head", "head", lambda: HEAD),
    ),
)


@pytest.fixture
def example():
    return Occurrences(TABLE)


def test_slots_that_depend_on_the_same_choices_share_their_rows(example):
    assert [op.key for op in example.operators] == [HEAD.key, LAYERS[3].key, LAYERS[5].key]
    assert example.counts.tolist() == [[1, 1, 0], [1, 0, 1], [1, 2, 0], [1, 0, 2]]
    assert example.offsets.tolist() == [0] and example.strides.tolist() == [[2], [1]]


def test_an_architecture_is_counted_by_its_rows(example):
    rows = example.selection(np.array([[1, 0], [0, 1]]))
    assert rows.toarray().tolist() == [[0, 0, 1, 0], [0, 1, 0, 0]]
    assert (rows @ example.counts).tolist() == [[1, 2, 0], [1, 0, 1]]


def test_operators_know_their_branch(example):
    assert example.of_branch["search"].tolist() == [True] * 3 and example.of_branch["template"].tolist() == [False] * 3
