import numpy as np
import pytest

from predictors.encoding import Encoded
from predictors.models.lookup import TableLine
from predictors.models.ridge import Powers, TableRidge

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


def five(ms, params):
    """Networks of equal table sums, so that the line goes through the origin and the median; only parameters vary."""
    features = np.ones((5, len(NAMES)))
    features[:, PARAMS] = params
    return TableRidge.fit(Encoded(np.ones(5), np.ones(5), features, NAMES), np.array(ms)).powers


@pytest.mark.parametrize("shift", [0, 2])
def test_five_networks_get_half_of_the_exponent(shift):
    """The squares of standardised logarithms add up to 5, and so does the penalty; the scale keeps the prediction of the mean."""
    x = np.arange(-2.0, 3.0)
    powers = five(3 * np.exp(0.5 * x), np.exp(x + shift))
    assert (powers.params, powers.traffic, powers.operators) == (pytest.approx(0.25), 0, 0)
    assert powers.scale == pytest.approx(np.exp(-0.25 * shift))


def test_the_scale_takes_the_mean_of_what_is_missed():
    """Only the last is missed, by a factor of e: 0.2 on average. Its exponent is 2 / 10 of what it takes to explain that, over 2."""
    powers = five([1, 1, 1, 1, np.e], np.exp(np.arange(-2.0, 3.0)))
    assert (powers.params, powers.scale) == (pytest.approx(0.1, rel=1e-5), pytest.approx(np.exp(0.2), rel=1e-5))


def test_powers_multiply():
    features = np.zeros((1, len(NAMES)))
    features[0, [PARAMS, TRAFFIC, OPERATORS]] = (4, 5, 3)
    assert Powers(7.0, 0.5, -1.0, 2.0)(Encoded(np.ones(1), np.ones(1), features, NAMES)) == pytest.approx(7 * 2 / 5 * 9)


def test_a_ridge_survives_a_file():
    seen = networks(20, 0)
    fitted = TableRidge.fit(seen, seen.table_ms * seen.features[:, PARAMS] ** 0.3)
    assert TableRidge.from_json(fitted.to_json()) == fitted
