"""Encoding, models, fitting, choosing, files: on a table made by hand whose truth is known."""

import dataclasses
import json
import time

import numpy as np
import pytest

from latency_tables.measuring.networks import draw
from latency_tables.tables.measurement import Measurement
from latency_tables.tables.profile import Profile
from latency_tables.tables.table import LatencyTable
from predictors.encoding import Encoder
from predictors.fit import choose, cross_validate, fit, fit_predictor, learning
from predictors.interval import Interval
from predictors.load import load_latency, load_predictor
from predictors.models import MODELS
from predictors.models.lookup import TableLine
from predictors.predict import predict
from supernet.families import FAMILIES
from tests.made_up_family import Tokens

NANO = FAMILIES["nano"]
DRAWN = draw(NANO, 24, seed=0)


def row(ms):
    return Measurement(ms, ms, ms, ms, ms, 0.01, ms, ms, ms, ms, 50)


def hand_made(networks=24, truth=lambda table_ms, architecture: 0.1 + 1.1 * table_ms):
    """A table whose reference unit is one millisecond, and whose networks take what `truth` says."""
    rng = np.random.default_rng(0)
    operators = {op.key: row(rng.uniform(0.01, 0.1)) for op in NANO.all_operators}
    table = LatencyTable(Profile("nano", "local", "onnxruntime", "1", 1, "fp32", "", "cpu", "chip", "os"), 1.0, operators, {}, {})
    measured = {
        (a.name, branch): row(truth(table.latency_ms(op for op in NANO.operators(a) if op.branch == branch), a))
        for a in DRAWN[:networks]
        for branch in ("search", "template")
    }
    return dataclasses.replace(table, networks=measured)


TABLE = hand_made()


def test_encoding_sums_the_search_branch():
    encoded = Encoder("nano", TABLE.operator_ms()).encode(DRAWN)
    for architecture, table_ms, macs in zip(DRAWN, encoded.table_ms, encoded.macs, strict=True):
        operators = [op for op in NANO.operators(architecture) if op.branch == "search"]
        assert table_ms == pytest.approx(TABLE.latency_ms(operators))
        assert macs == sum(op.counts.macs for op in operators)
    parts_ms = encoded.features[:, [0, 2, 4]]
    assert parts_ms.sum(axis=1) == pytest.approx(encoded.table_ms)


def test_different_architectures_have_different_features():
    features = Encoder("nano", TABLE.operator_ms()).encode(DRAWN).features
    assert len(np.unique(features, axis=0)) == len(DRAWN)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_survives_json(model):
    encoded = Encoder("nano", TABLE.operator_ms()).encode(DRAWN)
    fitted = MODELS[model].fit(encoded, 2 * encoded.table_ms)
    read = type(fitted).from_json(json.loads(json.dumps(fitted.to_json())))
    assert np.array_equal(read.predict(encoded), fitted.predict(encoded))


def test_a_line_is_recovered_on_networks_it_never_saw():
    predictor = fit(TABLE)
    fresh = draw(NANO, 10, seed=1)
    for branch, predicted in (("search", predictor.predict(fresh).value), ("template", predictor.template_ms(fresh))):
        truth = [0.1 + 1.1 * TABLE.latency_ms(op for op in NANO.operators(a) if op.branch == branch) for a in fresh]
        assert predicted == pytest.approx(truth, rel=1e-3)
    assert predictor.model_name == "table_line"


def test_trees_are_kept_where_a_choice_costs_what_the_table_does_not_know():
    table = hand_made(truth=lambda ms, a: ms * (1.3 if a["cls.width"] == "16" else 1.0))
    assert fit(table).model_name == "table_line_xgboost"


def test_the_table_alone_is_kept_where_it_is_as_good():
    noisy = hand_made(truth=lambda ms, a: ms * (1 + 0.01 * (int(a.key, 16) % 5 - 2)))
    assert fit(noisy).model_name == "table"


def test_networks_are_predicted_by_models_that_did_not_see_them():
    encoded = Encoder("nano", TABLE.operator_ms()).encode(DRAWN)
    ms = encoded.table_ms.copy()
    ms[5] *= 10
    assert cross_validate("table_line", encoded, ms)[5] < 1.5 * encoded.table_ms[5]


@pytest.mark.parametrize(
    "mape, chosen",
    [
        ({"table": 3, "table_line": 2, "table_line_xgboost": 1, "macs_line": 9}, "table_line_xgboost"),
        ({"table": 3, "table_line": 2, "table_line_xgboost": 1.99, "macs_line": 9}, "table_line"),  # not worth its size
        ({"table": 1, "table_line": 2, "table_line_xgboost": 3, "macs_line": 9}, "table"),
        ({"table": 3, "table_line": 4, "table_line_xgboost": 2, "macs_line": 1}, "table_line_xgboost"),  # never the baseline
    ],
)
def test_choice(mape, chosen):
    name, why = choose(mape)
    assert name == chosen and chosen in why
    assert ("multiply-adds alone do better" in why) == (mape["macs_line"] < mape[chosen])


def test_models_cover_networks_that_they_never_saw():
    rng, encoder = np.random.default_rng(0), Encoder("nano", TABLE.operator_ms())
    known, fresh = encoder.encode(DRAWN), encoder.encode(draw(NANO, 200, seed=1))

    def measured(encoded):
        return (0.1 + 1.1 * encoded.table_ms) * np.exp(rng.normal(0, 0.02, len(encoded.table_ms)))

    inside = []
    for _ in range(60):
        ms, fresh_ms = measured(known), measured(fresh)
        interval = Interval.conformal(np.abs(np.log(ms / cross_validate("table_line", known, ms))))
        low, high = interval.around(TableLine.fit(known, ms).predict(fresh))
        inside.append(np.mean((low <= fresh_ms) & (fresh_ms <= high)))
    assert 0.87 < np.mean(inside) < 0.93


def test_every_network_that_was_held_out_has_its_interval():
    predictor = fit(hand_made(truth=lambda ms, a: ms * (1 + 0.01 * (int(a.key, 16) % 7))))
    rows, factors = predictor.about["fit"]["held_out"], predictor.interval.factors
    assert [row["name"] for row in rows] == [a.name for a in DRAWN]
    for row in rows:
        assert row["low_ms"] == pytest.approx(factors["low"] * row["predicted_ms"])
        assert row["high_ms"] == pytest.approx(factors["high"] * row["predicted_ms"])
    assert sum(row["low_ms"] <= row["measured_ms"] <= row["high_ms"] for row in rows) == 22  # of 24: rank 0.9 * 25


def test_the_error_falls_with_the_networks_that_are_measured():
    encoded = Encoder("nano", TABLE.operator_ms()).encode(DRAWN)
    curve = learning("table_line", encoded, (0.1 + 1.1 * encoded.table_ms) * np.exp(np.random.default_rng(0).normal(0, 0.02, len(DRAWN))))
    assert [point["networks"] for point in curve] == [3, 5, 10, 20]
    assert curve[0]["mape"] > 1.3 * curve[-1]["mape"] > 0.5
    noiseless = learning("table", encoded, 1.25 * encoded.table_ms)
    assert [point["mape"] for point in noiseless] == pytest.approx([20] * 4)  # nothing is learnt
    fitted = fit(TABLE).about["fit"]
    assert fitted["learning"][-1]["networks"] == 24
    assert fitted["learning"][-1]["mape"] == pytest.approx(fitted["scores"][fitted["chosen"]]["mape"], abs=1e-4)


def test_files(tmp_path):
    table, out = tmp_path / "t.csv", tmp_path / "p.json"
    hand_made(truth=lambda ms, a: ms * (1.3 if a["cls.width"] == "16" else 1.0)).save(table)
    report = fit_predictor(table, out=out)
    assert set(report["scores"]) == set(MODELS) and report["networks"] == 24 and report["chosen"] in report["why"]
    predictor = load_predictor(out)
    assert (predictor.family, predictor.metric, predictor.unit) == ("nano", "latency", "ms")
    prediction = predictor.predict(DRAWN)
    assert np.all((prediction.low < prediction.value) & (prediction.value < prediction.high))
    predictor.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == out.read_bytes()

    records = predict([a.name for a in DRAWN[:2]], predictor=out)
    assert [r["name"] for r in records] == [a.name for a in DRAWN[:2]]
    assert [r["latency_ms"] for r in records] == pytest.approx(prediction.value[:2])
    with pytest.raises(ValueError, match="knows the family nano, .* is of lighttrack"):
        predict(["lighttrack-mobile"], predictor=out)
    assert predict([DRAWN[0].name], predictor=out) == records[:1]


def test_a_predictor_does_not_replace_its_table(tmp_path):
    hand_made().save(tmp_path / "t.csv")
    for name in ("t.csv", "t.json"):
        with pytest.raises(ValueError, match="must not replace"):
            fit_predictor(tmp_path / "t.csv", out=tmp_path / name)
    assert fit_predictor(tmp_path / "t.csv", out=tmp_path / "p.json")


def test_a_model_that_predicts_negative_times_is_not_chosen():
    steep = fit(hand_made(6, truth=lambda ms, a: ms**8))
    mape = {model: scores["mape"] for model, scores in steep.about["fit"]["scores"].items()}
    assert mape["table_line"] < 0.95 * mape["table"] and "table_line inf" in steep.about["fit"]["why"]
    assert steep.model_name == "table" and np.isfinite(steep.interval.reach)


def test_a_family_without_a_template_branch_takes_no_time_for_a_new_target(monkeypatch, tmp_path):
    tokens = Tokens()
    monkeypatch.setitem(FAMILIES, "tokens", tokens)
    operators = {op.key: row(ms) for op, ms in zip(tokens.all_operators, (1.0, 2.0, 4.0, 8.0), strict=True)}
    every = [
        tokens.architecture({"mlp.0": first, "mlp.1": second}) for first in tokens.choices["mlp.0"] for second in tokens.choices["mlp.1"]
    ]
    table = LatencyTable(dataclasses.replace(TABLE.profile, family="tokens"), 1.0, operators, {}, {})
    networks = {(a.name, "search"): row(0.5 + 2 * table.latency_ms(tokens.operators(a))) for a in every}
    fit(dataclasses.replace(table, networks=networks)).save(tmp_path / "p.json")
    predictor = load_latency(tmp_path / "p.json")
    assert predictor.predict(every).value == pytest.approx([m.wall_ms for m in networks.values()], rel=1e-3)
    assert predictor.template_ms(every).tolist() == [0.0] * 6


def test_three_networks_do():
    assert fit(hand_made(3)).interval.coverage == 0.75


def test_no_architectures_no_predictions():
    assert fit(TABLE).predict([]).value.shape == (0,)


def test_thousands_a_second():
    predictor, rng = fit(TABLE), np.random.default_rng(0)
    many = [NANO.space.sample(rng) for _ in range(2000)]
    predictor.predict(many[:1])
    start = time.process_time()
    predictor.predict(many)
    assert 2000 / (time.process_time() - start) > 2500  # a quarter of what a quiet machine does
