"""Predictors whose models would harm the libraries that run them."""

import json
from functools import cache

import numpy as np
import pytest

from benchmarks.fuzzing.predictor_files import _latency, _saved
from predictors.load import load_predictor
from predictors.models.gaussian import Gaussian
from supernet.families import FAMILIES
from tests.refusing import refused


@cache
def predictor() -> bytes:
    return _saved(lambda: _latency("table_line_xgboost"))["p.json"]


def cycle(model):
    model["trees"][0]["left_children"][0] = 0


def far_child(model):
    model["trees"][0]["right_children"][0] = 10**8


def far_feature(model):
    model["trees"][0]["split_indices"][0] = 10**8


def many_trees(model):
    model["gbtree_model_param"]["num_trees"] = "2000000000"


def many_nodes(model):
    model["trees"][0]["tree_param"]["num_nodes"] = "2000000000"


def parallel(model):
    model["gbtree_model_param"]["num_parallel_tree"] = "2000000000"


def shared_child(model):
    tree = model["trees"][0]
    tree["right_children"][0] = tree["left_children"][0]


def huge_leaf(model):
    model["trees"][0]["split_conditions"][-1] = 1e38


@pytest.mark.parametrize("change", [cycle, far_child, far_feature, many_trees, many_nodes, parallel, shared_child, huge_leaf])
def test_trees_that_would_harm_xgboost_never_reach_it(tmp_path, change):
    record = json.loads(predictor())
    change(record["parameters"]["xgboost"]["learner"]["gradient_booster"]["model"])
    (tmp_path / "p.json").write_text(json.dumps(record))
    assert "its trees: " in refused(load_predictor, tmp_path / "p.json")


@pytest.mark.parametrize(
    "part, name, value",
    [
        ("learner_model_param", "base_score", "nan"),
        ("learner_model_param", "base_score", "[1E300]"),
        ("learner_model_param", "num_feature", "4000000000"),
        ("learner_model_param", "num_class", "1000000000"),
        ("learner_model_param", "num_target", "1000000000"),
        ("objective", "name", "multi:softmax"),
        ("gradient_booster", "name", "dart"),
    ],
)
def test_trees_of_another_kind_never_reach_xgboost(tmp_path, part, name, value):
    record = json.loads(predictor())
    record["parameters"]["xgboost"]["learner"][part][name] = value
    (tmp_path / "p.json").write_text(json.dumps(record))
    assert "its trees: " in refused(load_predictor, tmp_path / "p.json")


def test_what_a_predictor_says_is_finite(tmp_path):
    record = json.loads(predictor())
    record["parameters"]["line"] = {"offset": 1.7e308, "slope": 1.7e308}
    (tmp_path / "p.json").write_text(json.dumps(record))
    read = load_predictor(tmp_path / "p.json")
    with pytest.raises(ValueError, match="finite numbers, this one of latency gives"), np.errstate(all="ignore"):
        read.predict([FAMILIES["nano"].space.sample(np.random.default_rng(0))])


def test_a_gaussian_process_has_no_more_data_than_memory_allows():
    kernel = {"linear": 0.5, "smooth": 0.5, "length": 1.0, "noise": 0.1}
    data = {"features": [[0, 1]] * 5000, "targets": [0.0] * 5000}
    with pytest.raises(ValueError, match="at most 4000 networks"):
        Gaussian.from_json({"kernel": kernel, **data}, 2)
    with pytest.raises(ValueError, match="must be numbers"):
        Gaussian.from_json({"kernel": kernel, "features": [[True, "1"]], "targets": [0.0]}, 2)
