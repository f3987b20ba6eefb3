import numpy as np
import pytest

from predictors.features import FeatureEncoder
from supernet.families import FAMILIES


def test_traits_are_those_of_the_search_branch(family, rng):
    encoder = FeatureEncoder(family.name)
    drawn = [family.space.sample(rng) for _ in range(20)]
    features = encoder.encode(encoder.choices(drawn))
    for i, architecture in enumerate(drawn):
        operators = [op for op in family.operators(architecture) if op.branch == "search"]
        assert features.work[i] == sum(op.counts.macs for op in operators)
        held = 4 * 4 * sum(op.counts.params for op in operators) + 4 * max(op.counts.live for op in operators)
        assert features.megabytes[i] == pytest.approx(held / 1e6, rel=1e-5)
    assert features.columns.shape == (20, encoder.width) and features.columns.dtype == float
    assert len(np.unique(features.columns, axis=0)) == len(set(drawn))
    chosen = features.columns[:, -sum(map(len, family.space.choices.values())) :]
    assert set(chosen.ravel()) == {0.0, 1.0} and (chosen.sum(axis=1) == len(family.space.choices)).all()


def test_spellings_of_one_network_have_the_same_features():
    nano = FAMILIES["nano"]
    shallow = nano.parse("nano:back_04252025110000000000+cls_200101201+reg_212201221_ops_11")
    encoder = FeatureEncoder("nano")
    choices = encoder.choices([shallow, shallow])
    choices[1, list(nano.space.choices).index("back.4.3")] = 3  # beyond the exit
    first, second = encoder.encode(choices).columns
    assert np.array_equal(first, second)


def test_work_by_a_table_is_its_sum(rng):
    nano = FAMILIES["nano"]
    operator_ms = {op.key: float(i + 1) for i, op in enumerate(nano.all_operators)}
    encoder, architecture = FeatureEncoder("nano", operator_ms), nano.space.sample(rng)
    summed = sum(operator_ms[op.key] for op in nano.operators(architecture) if op.branch == "search")
    assert encoder.encode(encoder.choices([architecture])).work == pytest.approx([summed])
