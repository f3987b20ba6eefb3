from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from predictors.load import load_predictor
from search.problem.problem import (
    AO,
    Constraint,
    Objective,
    Problem,
    figures_of,
    multiply_adds,
    parameters,
    parse_amount,
    parse_macs,
    parse_ms,
    predicted_latency,
    template_latency,
    unsupported,
)
from supernet.describe import describe
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
RNG = np.random.default_rng(0)
SOME = [NANO.space.sample(RNG) for _ in range(3)]
CHOICES = NANO.space.indices(SOME)


@pytest.mark.parametrize(
    "parse, text, value",
    [
        (parse_macs, "600M", 6e8),
        (parse_macs, "1.2G", 1.2e9),
        (parse_macs, "1.2 g", 1.2e9),
        (parse_macs, "13e6", 13e6),
        (parse_macs, 500, 500),
        (parse_ms, "8ms", 8),
        (parse_ms, "8", 8),
        (parse_ms, 2.5, 2.5),
        (parse_ms, "0.5s", 500),
        (parse_ms, "900us", 0.9),
        (parse_amount, "12MB", 12),
        (parse_amount, "3.5 mJ", 3.5),
    ],
)
def test_units(parse, text, value):
    assert parse(text) == pytest.approx(value)


@pytest.mark.parametrize("parse", [parse_macs, parse_ms, parse_amount])
@pytest.mark.parametrize("text", ["0", "-5", "nan", "inf", "", "many", "1e999", "3 apples", "1.2.3"])
def test_impossible_figures_are_refused(parse, text):
    with pytest.raises(ValueError, match="must be a positive number"):
        parse(text)


def test_units_do_not_mix():
    with pytest.raises(ValueError, match="8ms"):
        parse_macs("8ms")


def test_counts_are_those_of_describe():
    known = [describe(arch.name) for arch in SOME]
    assert multiply_adds(NANO).of(CHOICES).tolist() == [one["macs"] for one in known]
    assert parameters(NANO).of(CHOICES).tolist() == [one["params"] for one in known]


def test_predictions_are_those_of_the_predictor():
    predictor = load_predictor(Path(__file__).parent / "data" / "predictor-3.json")
    said = predictor.predict(SOME)
    latency = predicted_latency(predictor)
    np.testing.assert_array_equal(latency.of(CHOICES), said.value)
    np.testing.assert_allclose(latency.noise(CHOICES), (said.high - said.low) / 2)
    np.testing.assert_array_equal(template_latency(predictor).of(CHOICES), predictor.template_ms(SOME))


def test_what_cannot_run_takes_for_ever_and_breaks_a_limit_of_none():
    lacking = SimpleNamespace(
        complete=False,
        predict_choices=lambda choices: SimpleNamespace(
            value=np.ones(len(choices)), low=np.ones(len(choices)), high=np.full(len(choices), 3)
        ),
        missing_choices=lambda choices: np.where((choices == CHOICES[0]).all(axis=1), 2, 0),
        template_ms_choices=lambda choices: np.full(len(choices), 7.0),
    )
    assert predicted_latency(lacking).of(CHOICES).tolist() == [np.inf, 1, 1]
    assert predicted_latency(lacking).noise(CHOICES).tolist() == [np.inf, 1, 1]
    assert template_latency(lacking).of(CHOICES).tolist() == [np.inf, 7, 7]
    constraint = Constraint(unsupported(lacking), 0)
    assert constraint.excess(constraint.objective.of(CHOICES)).tolist() == [2, 0, 0]


@pytest.mark.parametrize("value, limit, excess", [(10, 10, 0), (20, 10, 1), (5, 10, -0.5), (3, 0, 3), (0, 0, 0)])
def test_excess_is_a_share_of_the_limit(value, limit, excess):
    assert Constraint(multiply_adds(NANO), limit).excess(np.array([value])).tolist() == [excess]


def test_every_figure_of_a_problem_counts_once():
    macs = multiply_adds(NANO)
    problem = Problem(NANO, (AO, macs), (Constraint(macs, 2e7), Constraint(parameters(NANO), 1e6)), 10, (macs,))
    assert [figure.name for figure in problem.figures] == ["macs", "params"]
    assert problem.excess(CHOICES).shape == (3, 2)
    assert Problem(NANO, (AO, macs), (), 10).excess(CHOICES).shape == (3, 0)


def test_figures_of_one_architecture():
    depth = Objective("depth", "", "minimize", "counted", lambda choices: choices.sum(axis=1), lambda choices: np.full(len(choices), 0.5))
    assert figures_of([depth, multiply_adds(NANO)], SOME[1], NANO) == (
        {"depth": CHOICES[1].sum(), "macs": multiply_adds(NANO).of(CHOICES)[1]},
        {"depth": 0.5},
    )
