from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from predictors.fit_metric import fit_metric
from predictors.load import load_predictor
from search.metrics import Metric
from search.metrics.predicted import predicted_latency, predicted_metric, template_latency, unsupported
from search.problem.problem import Constraint
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
RNG = np.random.default_rng(0)
SOME = [NANO.space.sample(RNG) for _ in range(3)]
CHOICES = NANO.space.indices(SOME)


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


@pytest.mark.parametrize("metric, unit, name", [("memory", "MB", "memory_mb:phone"), ("energy", "mJ", "energy_mj:phone")])
def test_a_metric_brings_its_unit(metric, unit, name):
    architectures = [NANO.space.sample(RNG) for _ in range(12)]
    predictor = fit_metric(metric, "nano", architectures, RNG.uniform(5, 6, 12))
    objective, said = predicted_metric(predictor, "phone"), predictor.predict(SOME)
    assert objective.metric == Metric(metric, unit, source="predicted", device="phone") and objective.metric.name == name
    np.testing.assert_array_equal(objective.of(CHOICES), said.value)
    np.testing.assert_allclose(objective.noise(CHOICES), (said.high - said.low) / 2)
