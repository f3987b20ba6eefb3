"""Boosted trees as records: XGBoost's own JSON, which is checked before XGBoost reads it.

XGBoost trusts such a record. A node that is its own grandchild makes it run for ever, a child or a feature that does not exist makes it
read elsewhere in memory, and a stated number of trees makes it allocate them. Therefore only what our own training writes is taken:
regression trees for one target, over numbers, each node of which is reached once.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tracking.files.records import is_number

if TYPE_CHECKING:
    import xgboost

OBJECTIVE = "reg:squarederror"
_MOST_TREES = 10_000
_MOST_FEATURES = 100_000
_MOST = 1e30
"""Largest threshold or leaf that is believed; squares of larger ones would overflow XGBoost's numbers of 32 bits."""
_OF_NODES = ("base_weights", "default_left", "left_children", "right_children", "loss_changes", "parents", "split_conditions")
_OF_NODES += ("split_indices", "split_type", "sum_hessian")
_EMPTY = ("categories", "categories_nodes", "categories_segments", "categories_sizes")
_ROOT = 2**31 - 1
"""What a tree states as the parent of its first node."""


def dump_trees(trees: xgboost.Booster) -> dict:
    """The trees as XGBoost's own JSON, decoded."""
    return json.loads(bytes(trees.save_raw("json")))


def load_trees(record: object) -> xgboost.Booster:
    """Build trees from what `dump_trees` returned; they predict on one thread.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: The record is not one that `dump_trees` returns for trees of ours.
    """
    import xgboost

    known: Any = record
    _check(known)
    try:
        return xgboost.Booster(params={"nthread": 1}, model_file=bytearray(json.dumps(record).encode()))
    except xgboost.core.XGBoostError as err:
        reason = str(err).partition("\n")[0]  # a stack trace follows
        raise ValueError(f"XGBoost says {reason:.120}") from err


def _check(record: Mapping[str, Any]) -> None:
    version, learner = record["version"], record["learner"]
    _expect(len(version) == 3 and all(_is_index(part, 1000) for part in version), "the version", version)
    _expect(not learner["attributes"] and not learner["feature_names"] and not learner["feature_types"], "names and attributes", "some")
    _expect(learner["objective"] == {"name": OBJECTIVE, "reg_loss_param": {"scale_pos_weight": "1"}}, "the objective", learner["objective"])
    stated, booster = learner["learner_model_param"], learner["gradient_booster"]
    fixed = {"num_class": "0", "num_target": "1"}
    _expect(all(stated[name] == value for name, value in fixed.items()), "the targets", stated)
    _expect(stated.get("boost_from_average", "1") in ("0", "1"), "boost_from_average", stated)
    base_score = re.fullmatch(r"\[?(-?[0-9.]+(?:E[+-]?[0-9]+)?)\]?", stated["base_score"], re.IGNORECASE)
    _expect(base_score is not None and abs(float(base_score[1])) <= _MOST, "the base score", stated["base_score"])
    features = _whole(stated["num_feature"], _MOST_FEATURES)
    model = booster["model"]
    trees, count = model["trees"], len(model["trees"])
    _expect(isinstance(trees, list) and count <= _MOST_TREES, "the number of trees", count)
    _expect(booster["name"] == "gbtree" and not any(model.get("cats", {}).values()), "the booster", booster["name"])
    sizes = model["gbtree_model_param"]
    _expect(_whole(sizes["num_trees"], _MOST_TREES) == count and sizes["num_parallel_tree"] == "1", "the number of trees", sizes)
    _expect(model["tree_info"] == [0] * count, "the groups of trees", model["tree_info"])
    _expect(model.get("iteration_indptr", [*range(count + 1)]) == [*range(count + 1)], "the rounds", model.get("iteration_indptr"))
    for number, tree in enumerate(trees):
        _expect(tree.get("id", number) == number, "the numbers of the trees", tree.get("id"))
        _check_tree(tree, features)


def _check_tree(tree: Mapping[str, Any], features: int) -> None:
    """Check that the nodes of a tree are a tree, and that its numbers are numbers."""
    stated, nodes = tree["tree_param"], len(tree["left_children"])
    _expect(nodes > 0 and _whole(stated["num_nodes"], nodes) == nodes, "the number of nodes", stated)
    _expect(_whole(stated["num_feature"], features) == features, "the number of features", stated)
    _expect(stated["num_deleted"] == "0" and stated.get("size_leaf_vector", "1") in ("0", "1"), "the nodes", stated)
    _expect(not any(tree.get(name) for name in _EMPTY), "the categories", "some")
    for name in _OF_NODES:
        _expect(isinstance(tree[name], list) and len(tree[name]) == nodes, f"the list {name}", tree[name])
    for name in ("base_weights", "loss_changes", "split_conditions", "sum_hessian"):
        _expect(all(is_number(value) and math.fabs(value) <= _MOST for value in tree[name]), f"the numbers {name}", tree[name])
    _expect(all(_is_index(value, 1) for value in tree["default_left"]), "the default directions", tree["default_left"])
    _expect(all(_is_index(value, 0) for value in tree["split_type"]), "the types of splits", tree["split_type"])
    _expect(all(_is_index(value, features - 1) for value in tree["split_indices"]), "the features", tree["split_indices"])
    children = [tree["left_children"], tree["right_children"]]
    _expect(all(value == -1 or _is_index(value, nodes - 1) for side in children for value in side), "the children", children)
    reached, waiting = {0: _ROOT}, [0]
    while waiting:
        node = waiting.pop()
        below = [side[node] for side in children]
        _expect(below == [-1, -1] or -1 not in below and below[0] != below[1] and not reached.keys() & {*below}, "the children", below)
        if -1 not in below:
            reached |= dict.fromkeys(below, node)
            waiting += below
    _expect(tree["parents"] == [reached.get(node) for node in range(nodes)], "the parents", tree["parents"])


def _whole(text: str, most: int) -> int:
    """A whole number that XGBoost writes as text."""
    _expect(isinstance(text, str) and re.fullmatch(r"\d{1,9}", text, re.ASCII) is not None and int(text) <= most, "a whole number", text)
    return int(text)


def _is_index(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _expect(right: bool, what: str, value: object) -> None:
    if not right:
        raise ValueError(f"its trees: {what} cannot be {value!s:.60}")
