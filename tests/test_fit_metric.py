"""Memory, energy and accuracy: fitting where the truth is known, choosing, intervals, files."""

import dataclasses
import json

import numpy as np
import pytest
from scipy.stats import spearmanr

from latency_tables.measuring.networks import draw
from latency_tables.tables.measurement import Measurement
from latency_tables.tables.profile import Profile
from latency_tables.tables.table import LatencyTable, MissingOperators
from predictors.features import FeatureEncoder
from predictors.fit_metric import fit_metric, fit_table
from predictors.load import load_predictor
from predictors.models.corrections import CORRECTIONS
from predictors.scores import simplest
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
DRAWN, FRESH = draw(NANO, 40, seed=0), draw(NANO, 200, seed=1)
ENCODER = FeatureEncoder("nano")


def features(architectures):
    return ENCODER.encode(ENCODER.choices(architectures))


def memory(architectures, seed=0):
    """A line over what is held, and one choice that the line does not know."""
    noise = np.random.default_rng(seed).normal(0, 0.01, len(architectures))
    odd = np.array([1.2 if a["cls.width"] == "16" else 1.0 for a in architectures])
    return (10 + 2 * features(architectures).megabytes) * odd * np.exp(noise)


def accuracy(architectures, noise=0.0):
    """Smooth in multiply-adds, a sum over choices, and some luck."""
    rng = np.random.default_rng(0)
    choices, work = ENCODER.choices(architectures), np.log(features(architectures).work)
    worth = [rng.normal(0, 1, len(values)) for values in NANO.space.choices.values()]
    by_choice = sum(values[choices[:, j]] for j, values in enumerate(worth)) / np.sqrt(len(worth))
    size = (work - 16) / 0.4
    luck = np.random.default_rng(len(architectures)).normal(0, noise, len(architectures))
    return 0.5 + 0.04 * (by_choice + size - 0.3 * size**2) + luck


def test_a_line_is_recovered_and_kept_where_it_is_enough():
    noise = np.random.default_rng(0).normal(0, 0.01, len(DRAWN))
    predictor = fit_metric("memory", "nano", DRAWN, (10 + 2 * features(DRAWN).megabytes) * np.exp(noise))
    assert predictor.model_name == "line" and predictor.unit == "MB"
    assert predictor.predict(FRESH).value == pytest.approx(10 + 2 * features(FRESH).megabytes, rel=0.02)


def test_what_the_line_does_not_know_is_learned_from_features():
    predictor = fit_metric("memory", "nano", DRAWN, memory(DRAWN))
    scores = predictor.about["scores"]
    assert predictor.model_name != "line" and scores[predictor.model_name]["error"] < 0.5 * scores["line"]["error"]
    prediction, truth = predictor.predict(FRESH), memory(FRESH, seed=1)
    assert np.abs(prediction.value / truth - 1).mean() < 0.04
    assert 0.8 <= np.mean((prediction.low <= truth) & (truth <= prediction.high)) <= 1.0
    assert ((0 < prediction.low) & (prediction.low < prediction.value) & (prediction.value < prediction.high)).all()


@pytest.mark.parametrize("n, least", [(100, 0.85), (300, 0.95)])
def test_accuracy_is_ranked_and_covered(n, least):
    rng = np.random.default_rng(n)
    judged = [NANO.space.sample(rng) for _ in range(n)]
    fresh = [NANO.space.sample(rng) for _ in range(1000)]
    predictor = fit_metric("accuracy", "nano", judged, accuracy(judged, 0.01))
    assert predictor.model_name == "gaussian" and predictor.interval.coverage == 0.9
    prediction, found = predictor.predict(fresh), accuracy(fresh, 0.01)
    assert spearmanr(prediction.value, accuracy(fresh))[0] > least
    assert 0.85 <= np.mean((prediction.low <= found) & (found <= prediction.high)) <= 0.95
    wide = prediction.high - prediction.low
    assert wide.max() > 1.05 * wide.min()


def test_what_lies_far_from_all_that_was_judged_is_doubted():
    alike = [NANO.space.mutate(DRAWN[20], np.random.default_rng(i), 0.1) for i in range(60)]
    alike = list(dict.fromkeys(alike))
    prediction = fit_metric("accuracy", "nano", alike, accuracy(alike)).predict([alike[0], DRAWN[0], DRAWN[39]])
    near, *far = prediction.high - prediction.low
    assert min(far) > 1.5 * near


def test_accuracies_stay_within_their_range():
    values = np.where(np.arange(40) % 2, 0.99, 0.0)
    prediction = fit_metric("accuracy", "nano", DRAWN, values).predict(FRESH)
    assert prediction.low.min() >= 0 and prediction.high.max() <= 1


def test_equal_values_are_predicted_as_they_are():
    assert fit_metric("accuracy", "nano", DRAWN[:5], [0.5] * 5).predict(FRESH).value == pytest.approx(np.full(200, 0.5))


def test_the_same_seed_gives_the_same_predictor():
    first, again = (fit_metric("memory", "nano", DRAWN[:20], memory(DRAWN[:20]), seed=3).predict(FRESH) for _ in range(2))
    assert np.array_equal(first.value, again.value) and np.array_equal(first.low, again.low)


@pytest.mark.parametrize("n, coverage", [(3, 0.75), (9, 0.9), (40, 0.9)])
def test_few_values_promise_less(n, coverage):
    assert fit_metric("memory", "nano", DRAWN[:n], memory(DRAWN[:n])).interval.coverage == coverage


@pytest.mark.parametrize(
    "errors, chosen",
    [([1.0, 0.96, 0.97, 0.99], "line"), ([1.0, 0.9, 0.89, 0.88], "trees"), ([1.0, 2.0, 0.5, 0.4], "blend")],
)
def test_a_larger_model_must_be_worth_its_size(errors, chosen):
    assert simplest(dict(zip(CORRECTIONS, errors, strict=True))) == chosen


@pytest.mark.parametrize(
    "change, said",
    [
        ({"metric": "latency"}, "unknown metric 'latency'; known: memory, energy, accuracy"),
        ({"family": "resnet"}, "a family must be one of elastic, lighttrack, nano, got 'resnet'"),
        ({"architectures": DRAWN[:2], "values": [1, 2]}, "at least 3 architectures, got shape .2,. for 2"),
        ({"values": [1.0] * 4}, "one value for each .* got shape .4,. for 5"),
        ({"architectures": [*DRAWN[:4], DRAWN[0]]}, "must differ, 1 of 5 come again"),
        ({"values": [1, 2, 3, 4, 0]}, "memory must be positive and finite, got 0.0 for nano:"),
        ({"values": [1, 2, 3, 4, np.nan]}, "must be positive and finite, got nan"),
        ({"values": [1, 2, 3, 4, np.inf]}, "must be positive and finite, got inf"),
        ({"metric": "accuracy", "values": [0.1, 0.2, 0.3, 0.4, 1.2]}, r"within 0\.\.1, got 1.2"),
        ({"architectures": draw(FAMILIES["lighttrack"], 5, 0)}, "knows the family nano, .* is of lighttrack"),
    ],
)
def test_bad_values_are_refused_with_one_line(change, said):
    given = {"metric": "memory", "family": "nano", "architectures": DRAWN[:5], "values": [1, 2, 3, 4, 5], **change}
    with pytest.raises(ValueError, match=said) as error:
        fit_metric(**given)
    assert "\n" not in str(error.value)


def row(ms, **beside):
    return Measurement(ms, ms, ms, ms, ms, 0.01, ms, ms, ms, ms, 50, **beside)


def table(**metrics):
    """A table whose networks take their sum, and have these metrics on the search branch."""
    rng = np.random.default_rng(0)
    operators = {op.key: row(rng.uniform(0.01, 0.1)) for op in NANO.all_operators}
    bare = LatencyTable(Profile("nano", "local", "mnn", "1", 1, "fp32", "", "cpu", "chip", "os"), 1.0, operators, {}, {})
    summed = {a: bare.latency_ms(op for op in NANO.operators(a) if op.branch == "search") for a in DRAWN}
    networks = {(a.name, "search"): row(ms, **{name: of(a, ms) for name, of in metrics.items()}) for a, ms in summed.items()}
    networks |= {(a.name, "template"): row(1.0, memory_mb=1.0) for a in DRAWN}
    return dataclasses.replace(bare, networks=networks)


def test_memory_comes_from_the_networks_of_a_table():
    predictor = fit_table(table(memory_mb=lambda a, _: float(10 + 2 * features([a]).megabytes[0])), "memory")
    assert predictor.predict(FRESH).value == pytest.approx(10 + 2 * features(FRESH).megabytes, rel=1e-3)
    assert predictor.profile.runtime == "mnn" and predictor.about["values"] == 40


def test_a_network_under_several_names_counts_once():
    measured = table(memory_mb=lambda a, _: float(10 + 2 * features([a]).megabytes[0]))
    early = "nano:back_0000{}0000000000000+cls_211000022+reg_100000111_ops_10"  # exit 10: digits behind the third change nothing
    again = {(early.format(middle), "search"): row(1.0, memory_mb=20.0) for middle in ("000", "110", "220")}
    predictor = fit_table(dataclasses.replace(measured, networks=measured.networks | again), "memory")
    assert predictor.about["values"] == 41


def test_energy_follows_the_sum_of_the_table(tmp_path):
    measured = table(energy_mj=lambda _, ms: 5.0 + 3.0 * ms)
    fit_table(measured, "energy").save(tmp_path / "p.json")
    predictor = load_predictor(tmp_path / "p.json")
    truth = [5 + 3 * measured.latency_ms(op for op in NANO.operators(a) if op.branch == "search") for a in FRESH]
    assert predictor.predict(FRESH).value == pytest.approx(truth, rel=1e-3) and predictor.unit == "mJ"


def test_operators_that_a_table_lacks_are_named():
    key = next(op.key for op in NANO.operators(DRAWN[0]) if op.branch == "search")
    measured = table(energy_mj=lambda _, ms: ms)
    with pytest.raises(MissingOperators, match=key):
        fit_table(dataclasses.replace(measured, operators={k: m for k, m in measured.operators.items() if k != key}), "energy")


@pytest.mark.parametrize(
    "metric, said",
    [
        ("memory", "needs memory_mb of at least 3 networks, the table has 0; measure --networks 30 with a runtime on the processor"),
        ("energy", "needs energy_mj of at least 3 networks, the table has 0; .* read a meter"),
        ("accuracy", "can tell memory or energy, got 'accuracy'"),
    ],
)
def test_a_table_without_the_metric_is_refused_with_one_line(metric, said):
    with pytest.raises(ValueError, match=said) as error:
        fit_table(table(), metric)
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def fitted():
    return fit_metric("memory", "nano", DRAWN, memory(DRAWN))


@pytest.mark.parametrize("name", CORRECTIONS)
def test_every_model_survives_a_file(tmp_path, fitted, name):
    model = CORRECTIONS[name].fit(features(DRAWN).columns, np.log(memory(DRAWN)) - 2, 0)
    predictor = dataclasses.replace(fitted, model_name=name, model=model)
    predictor.save(tmp_path / "p.json")
    read = load_predictor(tmp_path / "p.json")
    assert (read.metric, read.family, read.unit, read.interval) == ("memory", "nano", "MB", predictor.interval)
    assert read.interval.coverage == 0.9
    before, after = predictor.predict(FRESH), read.predict(FRESH)
    for end in ("value", "low", "high"):
        assert np.array_equal(getattr(before, end), getattr(after, end))
    read.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "p.json").read_bytes()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "p.json"
    fit_metric("accuracy", "nano", DRAWN[:10], accuracy(DRAWN[:10])).save(path)
    return json.loads(path.read_text())


@pytest.mark.parametrize(
    "change, said",
    [
        ({"quantity": "beauty"}, "quantity 'beauty', known are memory, energy, accuracy"),
        ({"family": ["nano"]}, r"a family must be one of elastic, lighttrack, nano, got \['nano'\]"),
        ({"model": "oracle"}, "model 'oracle'"),
        ({"line": {"slope": "1"}}, "slope must be of type float"),
        ({"reach": -1}, "reach must be a number >= 0"),
        ({"coverage": 2}, r"coverage within 0\.\.1"),
        ({"operator_ms": {"a": "1"}}, "a must be a number"),
        ({"parameters": {}}, "features"),
        ({"model": "trees", "parameters": {"xgboost": {}, "seed": 0}}, "fails at"),
        ({"about": 3}, "fails at"),
    ],
)
def test_an_edited_file_is_refused_with_one_line(tmp_path, saved, change, said):
    (tmp_path / "p.json").write_text(json.dumps(saved | change))
    with pytest.raises(ValueError, match=said) as error:
        load_predictor(tmp_path / "p.json")
    assert "\n" not in str(error.value)


def test_an_architecture_of_another_family_is_refused():
    predictor = fit_metric("accuracy", "nano", DRAWN[:10], accuracy(DRAWN[:10]))
    with pytest.raises(ValueError, match="knows the family nano"):
        predictor.predict(draw(FAMILIES["lighttrack"], 1, 0))


def test_no_architectures_no_predictions():
    assert fit_metric("memory", "nano", DRAWN[:5], memory(DRAWN[:5])).predict([]).value.shape == (0,)
