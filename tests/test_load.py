"""Files of predictors of every kind: what is read, and what is refused in one line."""

import json

import pytest

from latency_tables.tables.profile import Profile
from latency_tables.tables.shipped import SHIPPED
from latency_tables.tables.table import LatencyTable
from predictors.fit import fit
from predictors.fit_metric import fit_table
from predictors.latency import LatencyPredictor
from predictors.load import load_latency, load_predictor
from predictors.metric import MetricPredictor

TABLE = LatencyTable.load(SHIPPED / "nano-onnxruntime-fp32.csv")
OTHER = Profile("lighttrack", "local", "onnxruntime", "1", 1, "fp32", "", "cpu", "chip", "os")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predictors")
    fit(TABLE).save(folder / "latency.json")
    fit_table(TABLE, "memory").save(folder / "memory.json")
    return folder


def test_a_file_is_read_whatever_it_predicts(folder):
    latency, memory = (load_predictor(folder / f"{name}.json") for name in ("latency", "memory"))
    assert isinstance(latency, LatencyPredictor) and isinstance(memory, MetricPredictor)
    assert [(p.metric, p.unit, p.family) for p in (latency, memory)] == [("latency", "ms", "nano"), ("memory", "MB", "nano")]
    assert latency.profile == memory.profile == TABLE.profile and latency.reference_ms == TABLE.reference_ms


@pytest.mark.parametrize("name", ["latency", "memory"])
def test_a_file_that_is_read_is_written_as_it_was(folder, tmp_path, name):
    load_predictor(folder / f"{name}.json").save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (folder / f"{name}.json").read_bytes()


def test_where_latency_is_needed_another_metric_is_refused(folder):
    assert load_latency(folder / "latency.json").metric == "latency"
    with pytest.raises(ValueError, match=r"a predictor of latency is needed here, .*memory.json predicts memory; fit one with"):
        load_latency(folder / "memory.json")


@pytest.mark.parametrize(
    "content, said",
    [
        (None, "a predictor must be a file, .*p.json is none; write one with chiptrack fit-predictor"),
        ("", "a predictor must be a readable JSON file"),
        ("[]", "a predictor must be a readable JSON file"),
        ("{}", "a predictor must have the format chiptrack-predictor-3 or chiptrack-quantity-1, .* has none"),
        ('{"format": "chiptrack-predictor-1", "family": "nano"}', "has 'chiptrack-predictor-1'; fit it again"),
        ('{"format": []}', r"has \[\]; fit it again"),
        ('{"format": "chiptrack-predictor-3", "family": "nano"}', "a predictor must be whole, .* fails at 'profile'"),
        ('{"format": "chiptrack-quantity-1", "family": "nano"}', "a predictor must be whole, .* fails at 'quantity'"),
    ],
)
def test_a_broken_file_is_refused_with_one_line(tmp_path, content, said):
    if content is not None:
        (tmp_path / "p.json").write_text(content)
    with pytest.raises((ValueError, FileNotFoundError), match=said) as error:
        load_predictor(tmp_path / "p.json")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "change, said",
    [
        ({"format": "chiptrack-predictor-2"}, "must have the format chiptrack-predictor-3 .* has 'chiptrack-predictor-2'; fit it again"),
        ({"search_size": 128}, "knows template crops of 48 px and search crops of 128 px, the family nano has 48 and 96 px"),
        ({"template_size": "48"}, "template crops of '48' px"),
        ({"family": "lighttrack"}, "its family: it is 'lighttrack', its profile says 'nano'"),
        (
            {"family": "lighttrack", "profile": OTHER.to_json()},
            "knows template crops of 48 px and search crops of 96 px, the family lighttrack has 128 and 256 px",
        ),
        ({"family": "resnet"}, "a family must be one of elastic, lighttrack, nano, got 'resnet'"),
        ({"family": ["nano"]}, r"a family must be one of elastic, lighttrack, nano, got \['nano'\]"),
        ({"profile": {**TABLE.profile.to_json(), "threads": 4}}, "fingerprint of the profile must be"),
        ({"profile": {"family": "nano"}}, "a profile needs the fields device, "),
        ({"reference_ms": "1"}, "reference_ms must be a number"),
        ({"model": "oracle"}, "fails at 'oracle'"),
        ({"operator_ms": [1]}, "numbers by name"),
        ({"operator_ms": {"a": "1"}}, "a must be a number"),
        ({"operator_ms": {"a": -1}}, "a must be a number"),
        ({"interval": {"low": "1", "high": 1, "coverage": 1}}, "low must be a number"),
        ({"interval": {"low": 2, "high": 1, "coverage": 1}}, "low <= high"),
        ({"interval": {"low": 0.5, "high": 3, "coverage": 1}}, "equally far from 1"),
        ({"interval": {"low": 1, "high": 1}}, "coverage"),
        ({"interval": {"low": float("nan"), "high": 1, "coverage": 1}}, "finite"),
        ({"template_line": {"slope": "1"}}, "slope must be of type float"),
        ({"model": "table_line", "parameters": None}, "Line must be an object"),
        ({"model": "table_line", "parameters": {"offset": 0, "slope": []}}, "slope must be of type float"),
    ],
)
def test_an_edited_predictor_is_refused_with_one_line(folder, tmp_path, change, said):
    record = json.loads((folder / "latency.json").read_text())
    (tmp_path / "p.json").write_text(json.dumps(record | change))
    with pytest.raises(ValueError, match=said) as error:
        load_predictor(tmp_path / "p.json")
    assert "\n" not in str(error.value)
