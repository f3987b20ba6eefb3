"""Counting from integers against asking the family, for both families; the columns of the features; what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from predictors.occurrences import occurrences

from latency_tables.tables.table import MissingOperators
from predictors.encoding import SUMS, Encoder
from predictors.models.lookup import Line, TableSum
from predictors.predictor import Interval, LatencyPredictor
from supernet.families import FAMILIES

ENCODERS = {
    name: Encoder(name, {op.key: 0.01 * (i % 7 + 1) for i, op in enumerate(family.all_operators)}) for name, family in FAMILIES.items()
}


def spell(family, picks):
    """The architecture with these indices of values."""
    return family.architecture({label: values[i] for i, (label, values) in zip(picks, family.space.choices.items(), strict=True)})


@st.composite
def picked(draw):
    family = FAMILIES[draw(st.sampled_from(sorted(FAMILIES)))]
    return family, [draw(st.integers(0, len(values) - 1)) for values in family.space.choices.values()]


@given(picked())
@settings(deadline=None, max_examples=300)
def test_counts_are_those_of_the_family(drawn):
    family, picks = drawn
    known = occurrences(family)
    counts = (known.rows(np.array([picks])) @ known.added)[0]
    operators = family.operators(spell(family, picks))
    assert dict(zip(known.operators, counts, strict=True)) == {op: operators.count(op) for op in known.operators}


@given(picked())
@settings(deadline=None)
def test_spellings_of_one_network_encode_alike(drawn):
    family, picks = drawn
    encoder = ENCODERS[family.name]
    canonical = encoder.choices([spell(family, picks)])
    given_, alike = encoder.encode_choices(np.array([picks])), encoder.encode_choices(canonical)
    assert np.array_equal(given_.features, alike.features) and given_.table_ms == pytest.approx(alike.table_ms)
    assert list(given_.features[0, len(SUMS) :]) == list(canonical[0])


@pytest.mark.parametrize("name", FAMILIES)
def test_columns_are_what_they_are_called(name):
    family = FAMILIES[name]
    architecture = family.space.sample(np.random.default_rng(3))
    encoded = ENCODERS[name].encode([architecture])
    column = dict(zip(SUMS, encoded.features[0], strict=False))
    search = [op for op in family.operators(architecture) if op.branch == "search"]
    assert column["operators"] == len(search)
    assert column["params_m"] == pytest.approx(sum(op.counts.params for op in search) / 1e6)
    assert sum(column[f"{part}_ms"] for part in ("backbone", "join", "heads")) == pytest.approx(encoded.table_ms[0])
    assert sum(column[f"{part}_mmacs"] for part in ("backbone", "join", "heads")) == pytest.approx(encoded.macs[0] / 1e6)
    assert column["join_mmacs"] == pytest.approx(next(op for op in search if op.kind == "join").counts.macs / 1e6)
    blocks = [dict(op.options) for op in search if op.kind == "mbconv"]
    for kernel in (3, 5, 7):
        assert [column[f"blocks_k{kernel}e{e}"] for e in (4, 6)] == [blocks_with(blocks, kernel, e) for e in (4, 6)]
    heads = [dict(op.options)["kernel"] for op in search if op.kind == "head"]
    assert [column["layers_k3"], column["layers_k5"]] == [heads.count(3), heads.count(5)]
    assert column["traffic_m"] > 2 * search[0].out_shape[1] ** 2 / 1e6


def blocks_with(blocks, kernel, expansion):
    return sum((block["kernel"], block["expansion"]) == (kernel, expansion) for block in blocks)


def test_a_predictor_answers_alike_for_numbers_and_architectures():
    nano, rng = FAMILIES["nano"], np.random.default_rng(0)
    operator_ms = {op.key: rng.uniform(0.01, 0.1) for op in all_operators(nano)}
    predictor = LatencyPredictor("nano", operator_ms, "table", TableSum(), Line(), Interval(0.9, 1.1, 0.9))
    choices = np.column_stack([rng.integers(0, len(values), 5000) for values in nano.space.choices.values()])
    said = predictor.predict_choices(choices)  # more than are encoded at once
    some = predictor.predict([spell(nano, row) for row in choices[::100]])
    for numbers, objects in ((said.value, some.value), (said.low, some.low), (said.high, some.high)):
        assert numbers[::100] == pytest.approx(objects) and len(numbers) == 5000
    assert len(np.unique(said.value)) > 4000


def test_choices_of_other_families_numbers_and_shapes_are_refused():
    nano, encoder = FAMILIES["nano"], ENCODERS["lighttrack"]
    width = len(nano.labels)
    with pytest.raises(ValueError, match="knows the family lighttrack"):
        encoder.choices([nano.space.sample(np.random.default_rng(0))])
    for choices in (np.zeros((2, width)), np.zeros((2, width - 1), int), np.zeros(width, int)):
        with pytest.raises(ValueError, match=f"integers of shape \\(N, {width}\\)"):
            encoder.encode_choices(choices)
    for value in (-1, 6):
        with pytest.raises(ValueError, match=f"choice 1 must be an index from 0 to 5, got {value};"):
            encoder.encode_choices(np.array([[0] * width, [0, value, *[0] * (width - 2)]]))


def test_nothing_encodes_to_nothing():
    encoder = ENCODERS["nano"]
    assert encoder.encode([]).features.shape == (0, len(SUMS) + len(FAMILIES["nano"].labels))
    assert encoder.missing(encoder.choices([])).shape == (0,)


def test_every_missing_operator_of_every_architecture_is_named_and_counted():
    nano = FAMILIES["nano"]
    rng = np.random.default_rng(0)
    some = [nano.space.sample(rng) for _ in range(4)]
    lost = {op.key for op in all_operators(nano) if op.kind == "mbconv" and dict(op.options)["kernel"] == 7}
    encoder = Encoder("nano", {op.key: 1.0 for op in all_operators(nano) if op.key not in lost})
    used = [[op for op in nano.operators(a) if op.key in lost] for a in some]
    assert list(encoder.missing(encoder.choices(some))) == [len(operators) for operators in used]
    for branch in ("search", "template"):
        with pytest.raises(MissingOperators) as error:
            encoder.encode(some, branch)
        assert set(error.value.keys) == {op.key for operators in used for op in operators if op.branch == branch}
