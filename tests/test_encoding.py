"""Counting from integers against asking the family, for every family; the columns of the features; what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latency_tables.tables.profile import Profile
from latency_tables.tables.table import MissingOperators
from predictors.encoding import Encoder, Summands
from predictors.interval import Interval
from predictors.latency import LatencyPredictor
from predictors.models.lookup import Line, TableSum
from supernet.families import FAMILIES
from tests.made_up_family import Tokens

ENCODERS = {
    name: Encoder(name, {op.key: 0.01 * (i % 7 + 1) for i, op in enumerate(family.all_operators)}) for name, family in FAMILIES.items()
}
LIGHTTRACK = (
    *("backbone_ms", "backbone_mmacs", "fusion_ms", "fusion_mmacs", "heads_ms", "heads_mmacs", "operators"),
    *("mbconv:3,4", "mbconv:5,4", "mbconv:7,4", "mbconv:3,6", "mbconv:5,6", "mbconv:7,6", "head:3", "head:5", "params_m", "traffic_m"),
)
"""The columns of both sizes of LightTrack. Files of fitted trees number them: another order needs another format of the file."""


@st.composite
def picked(draw):
    family = FAMILIES[draw(st.sampled_from(sorted(FAMILIES)))]
    return family, [draw(st.integers(0, len(values) - 1)) for values in family.space.choices.values()]


@given(picked())
@settings(deadline=None, max_examples=300)
def test_counts_are_those_of_the_family(drawn):
    family, picks = drawn
    known = family.occurrences
    counts = (known.selection(np.array([picks])) @ known.counts)[0]
    operators = family.operators(family.space.at(picks))
    assert dict(zip(known.operators, counts, strict=True)) == {op: operators.count(op) for op in known.operators}


@given(picked())
@settings(deadline=None)
def test_spellings_of_one_network_encode_alike(drawn):
    family, picks = drawn
    encoder = ENCODERS[family.name]
    canonical = encoder.choices([family.space.at(picks)])
    given_, alike = encoder.encode_choices(np.array([picks])), encoder.encode_choices(canonical)
    assert np.array_equal(given_.features, alike.features) and given_.table_ms == pytest.approx(alike.table_ms)
    assert list(given_.features[0, len(encoder.names) :]) == list(canonical[0])


@pytest.mark.parametrize("name", ["lighttrack", "nano"])
def test_columns_are_what_they_are_called(name):
    family = FAMILIES[name]
    architecture = family.space.sample(np.random.default_rng(3))
    encoded = ENCODERS[name].encode([architecture])
    column = dict(zip(encoded.names, encoded.features[0], strict=False))
    search = [op for op in family.operators(architecture) if op.branch == "search"]
    assert column["operators"] == len(search)
    assert column["params_m"] == pytest.approx(sum(op.counts.params for op in search) / 1e6)
    assert sum(column[f"{part}_ms"] for part in ("backbone", "fusion", "heads")) == pytest.approx(encoded.table_ms[0])
    assert sum(column[f"{part}_mmacs"] for part in ("backbone", "fusion", "heads")) == pytest.approx(encoded.macs[0] / 1e6)
    assert column["fusion_mmacs"] == pytest.approx(next(op for op in search if op.kind == "join").counts.macs / 1e6)
    blocks = [op.option for op in search if op.kind == "mbconv"]
    for kernel in (3, 5, 7):
        assert [column[f"mbconv:{kernel},{e}"] for e in (4, 6)] == [blocks_with(blocks, kernel, e) for e in (4, 6)]
    heads = [op.option["kernel"] for op in search if op.kind == "head"]
    assert [column["head:3"], column["head:5"]] == [heads.count(3), heads.count(5)]
    assert column["traffic_m"] > 2 * search[0].out_shape[1] ** 2 / 1e6


def blocks_with(blocks, kernel, expansion):
    return sum((block["kernel"], block["expansion"]) == (kernel, expansion) for block in blocks)


@pytest.mark.parametrize("name", ["lighttrack", "nano"])
def test_columns_of_lighttrack_stand_in_the_order_of_its_files(name):
    assert ENCODERS[name].names == LIGHTTRACK == Summands(FAMILIES[name]).names


@pytest.mark.parametrize(
    "key, macs, params, where",
    [
        (  # 24 x 24 cells: 8 to 32 channels, 3 x 3 of each, 32 to 8; squeezed to 8 and excited to 32 once; three norms
            "search:mbconv:8x24x24>8x24x24:kernel=3,expansion=4,stride=1",
            576 * (8 * 32 + 32 * 9 + 32 * 8) + 2 * 8 * 32,
            (8 * 32 + 32 * 9 + 32 * 8) + (2 * 8 * 32 + 8 + 32) + 2 * (32 + 32 + 8),
            "backbone mbconv:3,4",
        ),
        (
            "search:mbconv:8x24x24>8x24x24:kernel=7,expansion=6,stride=1",
            576 * (8 * 48 + 48 * 49 + 48 * 8) + 2 * 16 * 48,
            (8 * 48 + 48 * 49 + 48 * 8) + (2 * 16 * 48 + 16 + 48) + 2 * (48 + 48 + 8),
            "backbone mbconv:7,6",
        ),
        # 12 x 12 cells: 5 x 5 of each of 32 channels, 32 to 16; one norm
        ("search:head:32x12x12>16x12x12:kernel=5", 144 * (32 * 25 + 32 * 16), 32 * 25 + 32 * 16 + 2 * 16, "heads head:5"),
        # a 3 x 3 convolution with a bias
        ("search:cls:16x12x12>1x12x12:", 144 * 16 * 9, 16 * 9 + 1, "heads"),
        # the first convolution, 3 x 3 with a norm; both branches have one
        ("template:stem:3x48x48>8x24x24:", 576 * 3 * 9 * 8, 3 * 9 * 8 + 2 * 8, "backbone"),
    ],
)
def test_what_an_operator_adds_is_counted_on_fingers(key, macs, params, where):
    nano = FAMILIES["nano"]
    op = next(op for op in nano.all_operators if op.key == key)
    summands = Summands(nano)
    added = dict(zip(summands.names, summands.of(op, 2.5), strict=True))
    part, *kinds = where.split()
    elements = sum(channels * height * width for channels, height, width in (op.in_shape, op.out_shape))
    sums = {f"{part}_ms": 2.5, f"{part}_mmacs": macs / 1e6, "params_m": params / 1e6, "traffic_m": elements / 1e6}
    assert added == pytest.approx({**dict.fromkeys(added, 0.0), **sums, **dict.fromkeys(["operators", *kinds], 1.0)})


def test_a_join_reads_both_of_its_inputs():
    nano = FAMILIES["nano"]
    op = next(op for op in nano.all_operators if op.kind == "join" and op.in_shape == (32, 12, 12))
    summands = Summands(nano)
    added = dict(zip(summands.names, summands.of(op, 2.5), strict=True))
    assert op.input_shapes == ((32, 12, 12), (32, 6, 6)) and added["fusion_ms"] == 2.5
    assert added["traffic_m"] == pytest.approx((32 * 144 + 32 * 36 + 32 * 144) / 1e6)


def test_features_of_any_family_follow_from_its_slots(monkeypatch):
    tokens = Tokens()
    monkeypatch.setitem(FAMILIES, "tokens", tokens)
    encoder = Encoder("tokens", {op.key: ms for op, ms in zip(tokens.all_operators, (1.0, 2.0, 4.0, 8.0), strict=True)})
    assert [op.kind for op in tokens.all_operators] == ["embed", "head", "mlp", "mlp"]  # gelu before relu
    parts = ("stem_ms", "stem_mmacs", "body_ms", "body_mmacs", "heads_ms", "heads_mmacs")
    assert encoder.names == (*parts, "operators", "mlp:gelu", "mlp:relu", "params_m", "traffic_m")
    encoded = encoder.encode_choices(np.array([[0, 1], [1, 1], [0, 2]]))  # relu and gelu; gelu twice; relu alone
    assert encoded.table_ms == pytest.approx([15, 11, 11]) and encoded.macs == pytest.approx([608, 608, 352])
    assert encoded.sums("stem_ms", "body_ms", "heads_ms").tolist() == [[1, 12, 2], [1, 8, 2], [1, 8, 2]]
    assert encoded.sums("stem_mmacs", "body_mmacs", "heads_mmacs")[0] == pytest.approx([64e-6, 512e-6, 32e-6])
    assert encoded.sums("operators", "mlp:gelu", "mlp:relu").tolist() == [[4, 1, 1], [4, 2, 0], [3, 0, 1]]
    assert encoded.sums("params_m")[:, 0] == pytest.approx(np.array([24 + 2 * 72 + 9, 24 + 2 * 72 + 9, 24 + 72 + 9]) / 1e6)
    assert encoded.sums("traffic_m")[:, 0] == pytest.approx(np.array([40 + 2 * 64 + 36, 40 + 2 * 64 + 36, 40 + 64 + 36]) / 1e6)
    assert encoded.features[:, len(encoder.names) :].tolist() == [[0, 1], [1, 1], [0, 2]]
    assert encoder.encode_choices(np.array([[0, 1]]), "template").features[0, : len(encoder.names)].tolist() == [0.0] * len(encoder.names)


def test_sums_are_asked_for_by_name():
    encoded = ENCODERS["nano"].encode([FAMILIES["nano"].space.sample(np.random.default_rng(i)) for i in range(3)])
    assert np.array_equal(encoded.sums("traffic_m", "operators"), encoded.features[:, [16, 6]])
    some = encoded[np.array([True, False, True])]
    assert some.names == encoded.names and np.array_equal(some.features, encoded.features[[0, 2]])


def test_a_predictor_answers_alike_for_numbers_and_architectures():
    nano, rng = FAMILIES["nano"], np.random.default_rng(0)
    operator_ms = {op.key: rng.uniform(0.01, 0.1) for op in nano.all_operators}
    profile = Profile("nano", "local", "onnxruntime", "1", 1, "fp32", "", "cpu", "chip", "os")
    predictor = LatencyPredictor(profile, 1.0, operator_ms, "table", TableSum(), Line(), Interval(0.1, 0.9))
    choices = np.column_stack([rng.integers(0, len(values), 5000) for values in nano.space.choices.values()])
    said = predictor.predict_choices(choices)  # more than are encoded at once
    some = predictor.predict([nano.space.at(row) for row in choices[::100]])
    for numbers, objects in ((said.value, some.value), (said.low, some.low), (said.high, some.high)):
        assert numbers[::100] == pytest.approx(objects) and len(numbers) == 5000
    assert len(np.unique(said.value)) > 4000


def test_choices_of_other_families_numbers_and_shapes_are_refused():
    nano, encoder = FAMILIES["nano"], ENCODERS["lighttrack"]
    width = len(nano.choices)
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
    assert encoder.encode([]).features.shape == (0, len(encoder.names) + len(FAMILIES["nano"].choices))
    assert encoder.missing(encoder.choices([])).shape == (0,)


def test_every_missing_operator_of_every_architecture_is_named_and_counted():
    nano = FAMILIES["nano"]
    rng = np.random.default_rng(0)
    some = [nano.space.sample(rng) for _ in range(4)]
    lost = {op.key for op in nano.all_operators if op.kind == "mbconv" and op.option["kernel"] == 7}
    encoder = Encoder("nano", {op.key: 1.0 for op in nano.all_operators if op.key not in lost})
    used = [[op for op in nano.operators(a) if op.key in lost] for a in some]
    assert list(encoder.missing(encoder.choices(some))) == [len(operators) for operators in used]
    for branch in ("search", "template"):
        with pytest.raises(MissingOperators) as error:
            encoder.encode(some, branch)
        assert set(error.value.keys) == {op.key for operators in used for op in operators if op.branch == branch}
