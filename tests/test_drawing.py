import numpy as np
import pytest

from search.page.drawing import digits, plan
from supernet.families import FAMILIES
from tests.made_up_search import Blocks


def test_digits_to_base_36():
    assert digits(np.array([[0, 11, 2], [35, 1, 9]])) == ["0b2", "z19"]
    assert digits(np.empty((0, 3), int)) == []
    assert digits(np.array([[0, 36, 1295]]), width=2) == ["0010zz"]


def looked_up(tables, text):
    """The places and keys of operators that `search/page/page.js` finds for an architecture's digits, in order."""
    found = []
    for slot in tables["slots"]:
        chosen = [int(text[choice * tables["width"] : (choice + 1) * tables["width"]], 36) for choice in slot["choices"]]
        row = sum(index * step for index, step in zip(chosen, slot["strides"], strict=True))
        if slot["table"][row] >= 0:
            found.append((slot["part"], tables["operators"][slot["table"][row]]["key"]))
    return found


@pytest.mark.parametrize("name", list(FAMILIES))
def test_operators_follow_from_digits(name):
    family = FAMILIES[name]
    tables, rng = plan(family), np.random.default_rng(0)
    for _ in range(100):
        architecture = family.space.sample(rng)
        [text] = digits(family.space.indices([architecture]))
        filled = [(slot.part, op.key) for slot, op in family.filled(architecture) if op.branch == "search"]
        assert looked_up(tables, text) == filled


@pytest.mark.parametrize("name", list(FAMILIES))
def test_a_plan_holds_what_is_drawn_and_nothing_else(name):
    family = FAMILIES[name]
    tables = plan(family)
    assert dict(zip(tables["labels"], tables["values"], strict=True)) == family.choices
    assert {op["key"] for op in tables["operators"]} == {op.key for op in family.all_operators if op.branch == "search"}
    assert len({op["key"] for op in tables["operators"]}) == len(tables["operators"])


@pytest.mark.parametrize(
    "chosen, drawn",
    [
        ({"seed": 2, "depth": 1, "heads": 2, "norm": "no"}, [("encoder.layers", "heads=2")]),
        ({"seed": 39, "depth": 3, "heads": 4, "norm": "yes"}, [("encoder.layers", "heads=4")] * 3 + [("neck", "")]),
    ],
)
def test_a_family_of_other_places_is_drawn_too(chosen, drawn):
    family = Blocks()
    tables = plan(family)
    [text] = digits(family.space.indices([family.architecture(chosen)]), tables["width"])
    assert [(part, key.rpartition(":")[2]) for part, key in looked_up(tables, text)] == drawn
    assert [slot["part"] for slot in tables["slots"]] == ["encoder.layers"] * 3 + ["neck"]
    assert {op["kind"]: op["options"] for op in tables["operators"]}["norm"] == {}
    assert all(op["out"] == (16, 8) for op in tables["operators"])
