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
    operators = FAMILIES[name].all_operators
    for op in operators:
        held = dict.fromkeys(operators, 0.0)
        for weight, chain in recipe(op, operators):
            for a, b in zip(chain.operators, chain.operators[1:], strict=False):
                assert a.out_shape == b.in_shape and a.branch == b.branch == op.branch
            for held_op in chain.operators:
                held[held_op] += weight
        assert {key: count for key, count in held.items() if count} == {op: 1.0}


@pytest.mark.parametrize("name", FAMILIES)
def test_neighbours_are_those_of_a_network(name):
    operators = FAMILIES[name].all_operators
    join = next(op for op in operators if op.kind == "join")
    whole = recipe(join, operators)[0][1]
    assert [op.kind for op in whole.operators] == ["mbconv", "join", "head"]
    stem = next(op for op in operators if op.kind == "stem")
    assert [op.kind for op in recipe(stem, operators)[0][1].operators] == ["stem", "dsconv"]


def test_calls_cancel_where_an_operator_stands_between_two_neighbours():
    operators = FAMILIES["nano"].all_operators
    for op in operators:
        if op.kind in ("mbconv", "dsconv", "join", "head"):
            assert sum(weight for weight, _ in recipe(op, operators)) == 0


def test_a_chain_with_join_takes_the_template_features_as_a_second_input():
    operators = FAMILIES["nano"].all_operators
    join = next(op for op in operators if op.kind == "join")
    graph = onnx.load_from_string(Chain((join,)).model.onnx).graph
    shapes = [tuple(d.dim_value for d in node.type.tensor_type.shape.dim)[1:] for node in graph.input]
    assert shapes == list(join.input_shapes)
