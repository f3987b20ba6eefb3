import numpy as np
import pytest

from search.metrics import Figure, Metric, Objective
from search.metrics.accuracy import AO, AUC
from search.metrics.counted import MACS, PARAMS, multiply_adds, parameters
from search.metrics.predicted import LATENCY
from search.problem.problem import Constraint, Problem, deciding
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
RNG = np.random.default_rng(0)
SOME = [NANO.space.sample(RNG) for _ in range(3)]
CHOICES = NANO.space.indices(SOME)


@pytest.mark.parametrize("value, limit, excess", [(10, 10, 0), (20, 10, 1), (5, 10, -0.5), (3, 0, 3), (0, 0, 0)])
def test_excess_is_a_share_of_the_limit(value, limit, excess):
    assert Constraint(multiply_adds(NANO), limit).excess(np.array([value])).tolist() == [excess]


def test_every_metric_of_a_problem_counts_once():
    macs = multiply_adds(NANO)
    limits = (Constraint(macs, 2e7), Constraint(parameters(NANO), 1e6))
    problem = Problem(NANO, (Objective(AO), macs), limits, 10, noted=(macs,), scored=(AO, AUC))
    assert [objective.metric for objective in problem.cheap] == [MACS, PARAMS]
    assert problem.costly == (AO, AUC)
    assert problem.metrics == (AO, AUC, MACS, PARAMS)
    assert problem.excess(CHOICES).shape == (3, 2)
    assert Problem(NANO, (Objective(AO), macs), (), 10).excess(CHOICES).shape == (3, 0)


def test_figures_of_one_architecture():
    depth = Metric("depth", source="predicted")
    known = Objective(depth, lambda choices: choices.sum(axis=1), lambda choices: np.full(len(choices), 0.5))
    problem = Problem(NANO, (Objective(AO), known), (), 10, noted=(multiply_adds(NANO),))
    assert problem.figures(SOME[1]) == {
        depth: Figure(CHOICES[1].sum(), 0.5, "predicted"),
        MACS: Figure(multiply_adds(NANO).of(CHOICES)[1], None, "counted"),
    }


@pytest.mark.parametrize(
    "metrics, expected", [((AO, LATENCY, MACS), (AO, LATENCY)), ((AUC, AO, MACS), (AUC, MACS)), ((MACS, AO), (AO, MACS))]
)
def test_the_first_accuracy_and_the_first_cost_decide(metrics, expected):
    assert deciding(metrics) == deciding(iter(metrics)) == expected
