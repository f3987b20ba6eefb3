"""A predictor file of an earlier day still says what it said then.

tests/data/predictor-3.json is XGBoost over the shipped table nano-mnn-fp32, predictor-3-said.json what it predicted. A change of
features, models or file that alters an answer needs a new format; then, and only then, both are made anew:

    python -c "from tests.test_saved_predictor import make; make()"
"""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from latency_tables.measuring.networks import draw
from latency_tables.tables.shipped import SHIPPED
from latency_tables.tables.table import LatencyTable
from predictors.encoding import Encoder
from predictors.fit import fit
from predictors.latency import FORMAT
from predictors.load import load_predictor
from predictors.measured import measured_networks
from predictors.models import MODELS
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
FILE = Path(__file__).parent / "data" / f"{FORMAT.removeprefix('chiptrack-')}.json"
SAID = FILE.with_name(f"{FILE.stem}-said.json")


def make():
    table = LatencyTable.load(SHIPPED / "nano-mnn-fp32.csv")
    networks = measured_networks(table, "search")
    model = MODELS["table_line_xgboost"].fit(Encoder("nano", table.operator_ms()).encode(networks.architectures), networks.ms)
    dataclasses.replace(fit(table), model_name="table_line_xgboost", model=model).save(FILE)
    SAID.write_text(json.dumps(said(), indent=1) + "\n")


def said():
    predictor, architectures = load_predictor(FILE), draw(NANO, 10, seed=1)
    answer, template_ms = predictor.predict(architectures), predictor.template_ms(architectures)
    columns = zip(architectures, answer.value, answer.low, answer.high, template_ms, strict=True)
    return {a.name: [float(figure) for figure in figures] for a, *figures in columns}


def test_a_saved_predictor_says_the_same():
    before = json.loads(SAID.read_text())
    predictor, architectures = load_predictor(FILE), [NANO.parse(name) for name in before]
    answer, line_ms = predictor.predict(architectures), predictor.model.line.predict(predictor._encoder.encode(architectures))
    assert np.abs(answer.value / line_ms - 1).max() > 0.005  # its trees have something to say
    now = zip(answer.value, answer.low, answer.high, predictor.template_ms(architectures), strict=True)
    for figures, expected in zip(now, before.values(), strict=True):
        assert figures == pytest.approx(expected, rel=1e-6)


def test_it_is_saved_as_it_was(tmp_path):
    load_predictor(FILE).save(tmp_path / "p.json")
    assert (tmp_path / "p.json").read_text() == FILE.read_text()
