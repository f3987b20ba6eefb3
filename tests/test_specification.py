import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from predictors.fit_metric import fit_metric
from search.problem.specification import Limits, specify
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
PAIRS = ("fit", "iou", "loss")
"""Metrics on pairs that every family has."""
PREDICTOR = Path(__file__).parent / "data" / "predictor-3.json"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Latency predictors of two chips, and predictors of memory and accuracy."""
    folder = tmp_path_factory.mktemp("predictors")
    for name in ("phone", "camera"):
        shutil.copy(PREDICTOR, folder / f"{name}.json")
    rng = np.random.default_rng(0)
    some = [NANO.space.sample(rng) for _ in range(12)]
    fit_metric("memory", "nano", some, rng.uniform(5, 6, 12)).save(folder / "memory.json")
    fit_metric("accuracy", "nano", some, rng.uniform(0.5, 0.6, 12)).save(folder / "accuracy.json")
    return {path.stem: path for path in folder.iterdir()}


def ask(files, *names, objectives=("ao", "latency"), **limits):
    return specify(NANO, [files[name] for name in names], objectives, Limits(**limits), 10).problem


def test_one_chip(files):
    problem = ask(files, "phone")
    assert [objective.metric.name for objective in problem.objectives] == ["ao", "latency_ms"]
    assert [(limit.name, limit.limit) for limit in problem.constraints] == [("max_macs", NANO.max_macs)]
    assert [metric.name for metric in problem.metrics] == ["ao", *PAIRS, "auc", "latency_ms", "macs", "template_ms", "params"]


@pytest.mark.parametrize(
    "objectives, names",
    [
        (["ao", "latency"], ["ao", "latency_ms:phone", "latency_ms:camera"]),
        (["latency:camera", "ao"], ["ao", "latency_ms:camera"]),
        (["auc", "ao", "memory", "macs"], ["auc", "ao", "memory_mb", "macs"]),
        (["ao", "template:phone", "params"], ["ao", "template_ms:phone", "params"]),
        (["ao@30", "macs"], ["ao@30:phone", "ao@30:camera", "macs"]),
        (["params", "ao@59.94:camera", "ao", "ao@30:phone"], ["ao@59.94:camera", "ao", "ao@30:phone", "params"]),
    ],
)
def test_several_chips_and_metrics(files, objectives, names):
    problem = ask(files, "phone", "camera", "memory", objectives=objectives)
    assert [objective.metric.name for objective in problem.objectives] == names


@pytest.mark.parametrize(
    "limits, expected",
    [
        ({"max_latency": "8ms"}, {"max_latency:phone": 8, "max_latency:camera": 8}),
        ({"max_latency": ["phone=8ms", "camera=0.02s"]}, {"max_latency:phone": 8, "max_latency:camera": 20}),
        ({"max_latency": ["9ms", "camera=3"]}, {"max_latency:phone": 9, "max_latency:camera": 3}),
        (
            {"max_macs": "12M", "max_params": "40k", "max_template": "phone=1ms"},
            {"max_macs": 12e6, "max_params": 4e4, "max_template:phone": 1},
        ),
        ({"max_memory": "6MB"}, {"max_memory": 6}),
    ],
)
def test_limits(files, limits, expected):
    found = {limit.name: limit.limit for limit in ask(files, "phone", "camera", "memory", **limits).constraints}
    assert found == {"max_macs": NANO.max_macs, **expected}


@pytest.mark.parametrize(
    "names, asked, message",
    [
        ([], {}, "at least one predictor of latency, got none"),
        (["memory"], {}, "at least one predictor of latency"),
        (["phone", "accuracy"], {}, "accuracy.json predicts accuracy; leave it out"),
        (["phone"], {"objectives": ["ao"]}, "needs one of each at least, got ao"),
        (["phone"], {"objectives": ["macs"]}, "needs one of each at least, got macs"),
        (
            ["phone"],
            {"objectives": ["ao", "speed"]},
            "unknown objective 'speed'; known: fit, iou, loss, presence, ao, auc, ao@FPS, latency",
        ),
        (["phone"], {"objectives": ["ao", "macs", "macs"]}, "counts once"),
        (["phone"], {"objectives": ["ao", "energy"]}, "energy needs a predictor of it"),
        (["phone", "camera"], {"objectives": ["ao", "latency:car"]}, "'latency:car' must name a device .* known: phone, camera"),
        (["phone"], {"max_latency": "fast"}, "must be a positive number such as 8ms"),
        (["phone", "camera"], {"max_latency": ["car=8ms"]}, "known: phone, camera"),
        (["phone"], {"max_memory": "5"}, "memory needs a predictor of it"),
        (["phone"], {"max_latency": "a=b=c"}, "DEVICE=NUMBER"),
        (["phone"], {"objectives": ["ao@", "macs"]}, "rate of a camera must be a positive number of frames a second such as 30, got ''"),
        (["phone"], {"objectives": ["ao@-30", "macs"]}, "got '-30'"),
        (["phone"], {"objectives": ["ao@inf", "macs"]}, "got 'inf'"),
        (["phone"], {"objectives": ["iou@30", "macs"]}, "unknown objective 'iou@30'; known: .*ao@FPS"),
        (["phone"], {"objectives": ["ao@30", "ao@30", "macs"]}, "counts once"),
        (["phone", "camera"], {"objectives": ["ao@30:car", "macs"]}, "'ao@30:car' must name a device .* known: phone, camera"),
    ],
)
def test_nonsense_is_refused(files, names, asked, message):
    with pytest.raises(ValueError, match=message):
        ask(files, *names, **asked)


def test_predictors_of_one_file_name_are_refused(files, tmp_path):
    again = shutil.copy(files["phone"], tmp_path / "phone.json")
    with pytest.raises(ValueError, match="told apart by their file names"):
        specify(NANO, [files["phone"], Path(again)], ["ao", "latency"], Limits(), 10)


def test_a_predictor_of_another_family_is_refused(files):
    with pytest.raises(ValueError, match="phone.json is for nano and the supernet holds lighttrack"):
        specify(FAMILIES["lighttrack"], [files["phone"]], ["ao", "latency"], Limits(), 10)


def test_what_is_no_predictor_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        specify(NANO, [tmp_path / "none.json"], ["ao", "latency"], Limits(), 10)
    (tmp_path / "other.json").write_text("[1]")
    with pytest.raises(ValueError, match="other.json"):
        specify(NANO, [tmp_path / "other.json"], ["ao", "latency"], Limits(), 10)


def test_the_record_tells_files_apart(files):
    wanted = specify(NANO, [files["phone"], files["memory"]], ["ao", "latency"], Limits(), 10)
    latency, memory = wanted.predictors
    assert (latency["metric"], memory["metric"]) == ("latency", "memory")
    assert latency["path"] == str(files["phone"]) and len(latency["sha256"]) == 64 and "interval" in latency and "profile" in latency
    assert list(wanted.chips) == [""]
    json.dumps(wanted.predictors)
