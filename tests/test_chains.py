import numpy as np
import onnx
import pytest

from latency_tables.measuring.chains import Chain, recipe
from supernet.families import FAMILIES


@pytest.mark.parametrize("name, count", [("lighttrack", 135), ("nano", 119)])
def test_all_operators_are_those_of_random_samples_and_nothing_is_missing(name, count):
    family, rng = FAMILIES[name], np.random.default_rng(0)
    operators = family.all_operators
    sampled = {op for _ in range(1500) for op in family.operators(family.space.sample(rng))}
    assert len(operators) == count
    assert sampled <= set(operators)
    assert len({op.key for op in operators}) == count


@pytest.mark.parametrize("name", FAMILIES)
def test_chains_fit_together_and_their_weighted_sum_holds_each_operator_once(name):
    family = FAMILIES[name]
    for op in family.all_operators:
        held = dict.fromkeys(family.all_operators, 0.0)
        for weight, chain in recipe(op, family):
            for a, b in zip(chain.operators, chain.operators[1:], strict=False):
                assert a.out_shape == b.in_shape and a.branch == b.branch == op.branch
            for held_op in chain.operators:
                held[held_op] += weight
        assert {key: count for key, count in held.items() if count} == {op: 1.0}


@pytest.mark.parametrize("name", ["lighttrack", "nano"])
def test_neighbours_are_those_of_a_network(name):
    family = FAMILIES[name]
    join = next(op for op in family.all_operators if op.kind == "join")
    whole = recipe(join, family)[0][1]
    assert [op.kind for op in whole.operators] == ["mbconv", "join", "head"]
    stem = next(op for op in family.all_operators if op.kind == "stem")
    assert [op.kind for op in recipe(stem, family)[0][1].operators] == ["stem", "dsconv"]


def test_calls_cancel_where_an_operator_stands_between_two_neighbours():
    family = FAMILIES["nano"]
    for op in family.all_operators:
        if op.kind in ("mbconv", "dsconv", "join", "head"):
            assert sum(weight for weight, _ in recipe(op, family)) == 0


def test_a_chain_with_join_takes_the_template_features_as_a_second_input():
    join = next(op for op in FAMILIES["nano"].all_operators if op.kind == "join")
    graph = onnx.load_from_string(Chain((join,)).model.onnx).graph
    shapes = [tuple(d.dim_value for d in node.type.tensor_type.shape.dim)[1:] for node in graph.input]
    assert shapes == list(join.input_shapes)
