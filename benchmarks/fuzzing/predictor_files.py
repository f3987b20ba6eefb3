"""Readers of predictors: of latency and of other metrics, with every model that they may hold."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from benchmarks.fuzzing.mutations import dumped
from benchmarks.fuzzing.reader import Files, Reader
from latency_tables.tables.profile import Profile
from latency_tables.tables.shipped import SHIPPED
from latency_tables.tables.table import LatencyTable
from predictors.encoding import Encoder
from predictors.features import FeatureEncoder
from predictors.interval import Interval
from predictors.latency import LatencyPredictor, fit_template_line
from predictors.load import load_predictor
from predictors.measured import measured_networks
from predictors.metric import MetricPredictor
from predictors.models import MODELS
from predictors.models.boosting import BoostedTable, _data, _parameters
from predictors.models.corrections import CORRECTIONS
from predictors.models.lookup import Line
from predictors.models.model import Model
from predictors.predictor import Predictor
from supernet.families import FAMILIES

_NANO = FAMILIES["nano"]


@cache
def _measured():
    table = LatencyTable.load(SHIPPED / "nano-onnxruntime-fp32.csv")
    return table, measured_networks(table, "search")


def _latency(name: str) -> Predictor:
    table, networks = _measured()
    encoder = Encoder("nano", table.operator_ms())
    encoded = encoder.encode(networks.architectures)
    model: Model = MODELS[name].fit(encoded, networks.ms)
    if isinstance(model, BoostedTable):  # which may have no trees, if these do not help
        import xgboost

        model = BoostedTable(model.line, xgboost.train(_parameters(encoded), _data(encoded, model.line, networks.ms), 4))
    line = fit_template_line(encoder, networks.architectures, networks.ms)
    about = {"fit": {"networks": len(networks.ms), "chosen": name}}
    return LatencyPredictor(table.profile, table.reference_ms, table.operator_ms(), name, model, line, Interval(0.1, 0.9), about)


def _metric(name: str) -> Predictor:
    _, networks = _measured()
    encoder = FeatureEncoder("nano")
    features = encoder.encode(encoder.choices(networks.architectures))
    model = CORRECTIONS[name].fit(features.columns[:12], np.log(networks.ms)[:12], 0)
    profile = replace(_measured()[0].profile, chip="fuzz")
    return MetricPredictor("memory", "nano", Line(1.0, 2.0), name, model, Interval(0.1, 0.9), profile, {}, {"networks": 12})


def _saved(make: Callable[[], Predictor]) -> Files:
    with tempfile.TemporaryDirectory() as scratch:
        make().save(Path(scratch) / "p.json")
        return {"p.json": (Path(scratch) / "p.json").read_bytes()}


def _predict(folder: Path) -> object:
    predictor = load_predictor(folder / "p.json")
    some = [_NANO.space.sample(np.random.default_rng(seed)) for seed in range(4)]
    if isinstance(predictor, LatencyPredictor) and predictor.missing(some).any():
        return None
    if predictor.family != "nano":
        return None
    found = predictor.predict(some)
    assert found.value.shape == found.low.shape == found.high.shape == (4,)
    assert np.isfinite(found.value).all(), f"it predicts {found}"
    known = found.value > 0  # a line may lie below zero for small networks
    assert (found.low <= found.value)[known].all() and (found.value <= found.high)[known].all(), f"it predicts {found}"
    return predictor.template_ms(some) if isinstance(predictor, LatencyPredictor) else None


def _fingerprinted(files: Files) -> Files:
    """Put the fingerprint of the profile into it."""
    import json

    record = json.loads(files["p.json"])
    profile = record.get("profile") or record["about"]["profile"]
    profile["fingerprint"] = Profile(**{name: profile[name] for name in Profile.__dataclass_fields__}).fingerprint
    return {"p.json": dumped(record)}


def _reader(title: str, make: Callable[[], Predictor]) -> Reader:
    return Reader(title, partial(_saved, make), _predict, ("p.json",), repair=_fingerprinted)


READERS = (
    *(_reader(f"predictor of latency, {name}", partial(_latency, name)) for name in MODELS),
    *(_reader(f"predictor of memory, {name}", partial(_metric, name)) for name in CORRECTIONS),
)
