import numpy as np
import pytest

from predictors.encoding import Encoded
from predictors.models.lookup import TableLine
from predictors.models.ridge import TableRidge

NAMES = ("backbone_ms", "operators", "params_m", "traffic_m")
PARAMS, TRAFFIC, OPERATORS = (NAMES.index(name) for name in ("params_m", "traffic_m", "operators"))


def networks(count, seed):
    rng = np.random.default_rng(seed)
    features = np.zeros((count, len(NAMES)))
    for column in (PARAMS, TRAFFIC, OPERATORS):
        features[:, column] = rng.uniform(1, 4, count)
    return Encoded(rng.uniform(1, 4, count), np.ones(count), features, NAMES)


def test_powers_are_recovered_but_for_the_penalty():
    seen, fresh = networks(500, 0), networks(100, 1)

    def truth(encoded):
        return 2 * encoded.table_ms * encoded.features[:, PARAMS] ** 0.2 / encoded.features[:, TRAFFIC] ** 0.1

    fitted = TableRidge.fit(seen, truth(seen))
    assert (fitted.powers.params, fitted.powers.traffic) == pytest.approx((0.2, -0.1), abs=0.02)
    assert abs(fitted.powers.operators) < 0.02
    assert fitted.predict(fresh) == pytest.approx(truth(fresh), rel=0.03)
    assert np.abs(TableLine.fit(seen, truth(seen)).predict(fresh) / truth(fresh) - 1).mean() > 0.05


def test_few_networks_move_the_exponents_little():
    seen = networks(5, 0)  # least squares without a penalty finds an exponent of -8
    powers = TableRidge.fit(seen, seen.table_ms * np.array([1, 1.2, 0.8, 1.1, 0.9])).powers
    assert max(abs(powers.params), abs(powers.traffic), abs(powers.operators)) < 0.3


def test_where_the_line_is_exact_nothing_is_added():
    seen = networks(30, 0)
    fitted = TableRidge.fit(seen, 0.3 + 1.2 * seen.table_ms)
    assert np.array_equal(fitted.predict(seen), fitted.line.predict(seen))


def test_what_never_varies_has_no_exponent():
    seen = networks(30, 0)
    seen.features[:, OPERATORS] = 20
    assert TableRidge.fit(seen, seen.table_ms * seen.features[:, PARAMS]).powers.operators == 0
