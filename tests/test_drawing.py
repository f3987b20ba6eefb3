import numpy as np
import pytest

from search.page.drawing import digits, plan
from supernet.families import FAMILIES


def test_digits_to_base_36():
    assert digits(np.array([[0, 11, 2], [35, 1, 9]])) == ["0b2", "z19"]
    assert digits(np.empty((0, 3), int)) == []


def looked_up(tables, text):
    """The keys of operators that `search/page/page.js` finds for an architecture's digits."""
    digit = {label: int(letter, 36) for label, letter in zip(tables["labels"], text, strict=True)}
    exit_ = digit["feature"]
    layers = tables["blocks"][: tables["depth"][exit_]]
    found = [*tables["start"], *(layer[int(letter, 36)] for layer, letter in zip(layers, text, strict=False)), tables["join"][exit_]]
    for head in ("cls", "reg"):
        tower = tables["towers"][head][exit_][digit[f"{head}.width"]]
        found += [place for i, layer in enumerate(tower["layers"]) if (place := layer[digit[f"{head}.{i}"]]) >= 0]
        found.append(tower["last"])
    return [tables["operators"][place]["key"] for place in found]


@pytest.mark.parametrize("name", list(FAMILIES))
def test_operators_follow_from_digits(name):
    family = FAMILIES[name]
    tables, rng = plan(family), np.random.default_rng(0)
    for _ in range(100):
        architecture = family.space.sample(rng)
        [text] = digits(family.space.indices([architecture]))
        assert looked_up(tables, text) == [op.key for op in family.operators(architecture) if op.branch == "search"]
