"""Boosted trees over the line, and the powers between them: on made-up devices whose truth is known."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictors.encoding import Encoder
from predictors.models.boosting import BoostedTable
from predictors.models.lookup import TableLine
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
ENCODER = Encoder("nano", {op.key: 0.01 + 1e-9 * op.counts.macs for op in NANO.all_operators})
SIZES = [len(values) for values in NANO.space.choices.values()]


def drawn(networks, seed, truth=lambda encoded: 0.1 + 1.1 * encoded.table_ms):
    """Networks of a device that takes what `truth` says, give or take 1.5 %."""
    rng = np.random.default_rng(seed)
    encoded = ENCODER.encode_choices(np.column_stack([rng.integers(0, size, networks) for size in SIZES]))
    return encoded, truth(encoded) * np.exp(rng.normal(0, 0.015, networks))


def error(predicted, ms):
    return np.abs(predicted / ms - 1).mean()


def kinked(encoded):
    """Slower from some number of parameters on, and with one kind of first block."""
    params, first = encoded.sums("params_m")[:, 0], encoded.features[:, len(encoded.names)]
    return encoded.table_ms * (1 + 0.15 * (params > np.median(params))) * (1 + 0.1 * (first == 5))


FITTED = BoostedTable.fit(*drawn(200, 0, kinked))


def test_where_the_line_is_right_trees_hardly_harm():
    test, ms = drawn(500, 1)
    for seed, networks in enumerate((12, 30, 60), 2):
        seen = drawn(networks, seed)
        assert error(BoostedTable.fit(*seen).predict(test), ms) < error(TableLine.fit(*seen).predict(test), ms) + 0.003


@pytest.mark.parametrize("networks, share", [(40, 0.8), (200, 0.5)])
def test_what_the_line_misses_is_learnt(networks, share):
    (seen, test) = drawn(networks, 0, kinked), drawn(500, 1, kinked)
    assert error(BoostedTable.fit(*seen).predict(test[0]), test[1]) < share * error(TableLine.fit(*seen).predict(test[0]), test[1])


@pytest.mark.parametrize("networks", [1, 3, 9])
def test_too_few_networks_leave_the_line(networks):
    seen = drawn(networks, 0, kinked)
    assert BoostedTable.fit(*seen).predict(seen[0]) == pytest.approx(TableLine.fit(*seen).predict(seen[0]), rel=1e-5)


def test_a_time_that_has_no_logarithm_is_the_lines():
    seen, ms = drawn(30, 0, lambda encoded: encoded.table_ms**8)
    line = TableLine.fit(seen, ms).predict(seen)
    assert line.min() < 0 and np.array_equal(BoostedTable.fit(seen, ms).predict(seen)[line < 0], line[line < 0])


@given(
    st.integers(0, 199),
    st.sampled_from(["backbone_ms", "fusion_ms", "heads_ms", "operators", "params_m", "traffic_m"]),
    st.floats(0.01, 10),
)
@settings(deadline=None)
def test_more_of_it_is_never_faster(row, name, more):
    encoded = drawn(200, 0, kinked)[0][np.array([row])]
    features = encoded.features.copy()
    features[:, encoded.names.index(name)] += more
    longer = dataclasses.replace(encoded, table_ms=encoded.table_ms + more * name.endswith("_ms"), features=features)
    assert FITTED.predict(longer) >= FITTED.predict(encoded) * (1 - 1e-6)


def test_the_same_networks_make_the_same_trees_and_files():
    seen = drawn(60, 0, kinked)
    first, again = (json.dumps(BoostedTable.fit(*seen).to_json()) for _ in range(2))
    assert first == again
    assert np.array_equal(BoostedTable.from_json(json.loads(first)).predict(seen[0]), BoostedTable.fit(*seen).predict(seen[0]))
