"""What a verb does not need it does not import, so that it answers at once."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import chiptrack
from latency_tables.tables.shipped import SHIPPED
from latency_tables.tables.table import LatencyTable
from predictors.encoding import Encoder
from predictors.features import FeatureEncoder
from predictors.fit import fit
from predictors.fit_metric import fit_metric
from predictors.measured import measured_networks
from predictors.models import MODELS
from predictors.models.corrections import CORRECTIONS
from supernet.families import FAMILIES
from tracking.generated.synthetic import synthetic_sequence
from tracking.sequence import save_sequence

ROOT = Path(__file__).parents[1]
RUN = "import json, sys, chiptrack; status = chiptrack.main(sys.argv[1:]); print(json.dumps([status, list(sys.modules)]))"
HEAVY = {"torch", "nni", "xgboost", "sklearn", "pandas", "onnx", "onnxruntime", "optuna", "plotly", "scipy.stats", "scipy.optimize"}
NANO = FAMILIES["nano"]
ARCHITECTURE = NANO.space.sample(np.random.default_rng(0)).name


def imported(*words):
    """All modules of a process that ran a verb."""
    done = subprocess.run([sys.executable, "-c", RUN, *words], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    status, modules = json.loads(done.stdout.splitlines()[-1])
    assert status == 0
    return set(modules)


@pytest.mark.parametrize("words", [["describe", "lighttrack-mobile"], ["describe", ARCHITECTURE, "--json"], ["tables", "list"], ["--help"]])
def test_what_only_looks_up_imports_no_science(words):
    assert not imported(*words) & {*HEAVY, "scipy"}


def test_tracking_with_a_bundle_needs_its_runtime_alone(tmp_path):
    assert chiptrack.main(["export", ARCHITECTURE, "--out", str(tmp_path / "bundle")]) == 0
    sequence = synthetic_sequence(1, frames=2)
    save_sequence(sequence, tmp_path / "sequence")
    found = imported("track", str(tmp_path / "bundle"), str(tmp_path / "sequence"), "--out", str(tmp_path / "boxes.txt"))
    assert "onnxruntime" in found and not found & {*HEAVY - {"onnxruntime"}, "scipy"}


def check_predicting(predictor, folder, trees):
    """XGBoost where trees predict, which itself imports much; nothing heavy else."""
    predictor.save(folder / "p.json")
    found = imported("predict", ARCHITECTURE, "--predictor", str(folder / "p.json"), "--json")
    if trees:
        assert "xgboost" in found and not found & {"torch", "nni", "onnx", "onnxruntime", "optuna", "plotly"}
    else:
        assert not found & HEAVY


@pytest.mark.parametrize("model", MODELS)
def test_predicting_latency(tmp_path, model):
    table = LatencyTable.load(SHIPPED / "nano-onnxruntime-fp32.csv")
    networks = measured_networks(table, "search")
    encoded = Encoder("nano", table.operator_ms()).encode(networks.architectures)
    predictor = dataclasses.replace(fit(table), model_name=model, model=MODELS[model].fit(encoded, networks.ms))
    check_predicting(predictor, tmp_path, trees=model == "table_line_xgboost")


@pytest.mark.parametrize("model", CORRECTIONS)
def test_predicting_memory(tmp_path, model):
    encoder, rng = FeatureEncoder("nano"), np.random.default_rng(0)
    drawn = [NANO.space.sample(rng) for _ in range(12)]
    features = encoder.encode(encoder.choices(drawn))
    predictor = fit_metric("memory", "nano", drawn, 10 + 2 * features.megabytes)
    predictor = dataclasses.replace(
        predictor, model_name=model, model=CORRECTIONS[model].fit(features.columns, 0.01 * rng.normal(size=12), 0)
    )
    check_predicting(predictor, tmp_path, trees=model in ("trees", "blend"))
