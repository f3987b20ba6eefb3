import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supernet.catalogue import find_architecture, from_json, save_architecture
from supernet.families import FAMILIES

MOBILE = "back_04502514044521042540+cls_211000022+reg_100000111_ops_32"
seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.sampled_from(list(FAMILIES)))
def test_a_sampled_name_round_trips_through_text(seed, name):
    family = FAMILIES[name]
    arch = family.space.sample(np.random.default_rng(seed))
    again = find_architecture(arch.name)
    assert again == arch and again.key == arch.key and again.name == arch.name
    family.space.check(dict(arch.choices))


@given(seeds)
def test_mutants_and_children_stay_in_the_space(seed):
    rng, space = np.random.default_rng(seed), FAMILIES["nano"].space
    a, b = space.sample(rng), space.sample(rng)
    space.check(dict(space.mutate(a, rng).choices))
    child = space.crossover(a, b, rng)
    built = {label for label in space.choices if not label.startswith("back.")}
    assert all(child[label] in (a[label], b[label]) for label in built)


def test_the_space_has_the_published_size():
    choices = FAMILIES["lighttrack"].space.choices
    assert len(choices) == 33
    assert np.prod([len(values) for label, values in choices.items() if label.startswith("back.")], dtype=float) == 6**14  # 7.8e10
    heads = np.prod([len(values) for label, values in choices.items() if label.startswith(("cls.", "reg."))], dtype=float)
    assert heads == (3 * 2 * 3**7) ** 2


def test_spellings_of_one_network_are_equal():
    family = FAMILIES["lighttrack"]
    a, b = family.parse(MOBILE), family.parse(MOBILE.replace("2540+", "0000+"))  # the classification stage is not built
    assert a == b and a.key == b.key and a.name != b.name
    c = family.parse(MOBILE.replace("5210", "5215"))  # nor is the fourth block of the last stage
    assert c == a
    assert family.parse(MOBILE.replace("ops_32", "ops_33")) != a


def test_keys_do_not_change():
    assert find_architecture("lighttrack-mobile").key == "682ec077a396eee7"


@pytest.mark.parametrize(
    "text",
    [
        "lighttrack-huge",
        "back_0",
        MOBILE.replace("cls_2", "cls_3"),  # no such width
        MOBILE.replace("cls_21", "cls_22"),  # the first layer cannot be skipped
        MOBILE.replace("ops_32", "ops_02"),  # no exit there
        MOBILE.replace("ops_32", "ops_34"),
        MOBILE.replace("back_045", "back_065"),  # no such block
        "nano:" + MOBILE + "x",
        "nanno:" + MOBILE,
    ],
)
def test_a_wrong_name_is_refused_in_one_line(text):
    with pytest.raises(ValueError) as error:
        find_architecture(text)
    assert "\n" not in str(error.value)


def test_files_round_trip_and_disagreement_is_refused(tmp_path):
    arch = FAMILIES["nano"].space.sample(np.random.default_rng(1))
    save_architecture(tmp_path / "a.json", arch, {"ao": 0.5})
    assert find_architecture(str(tmp_path / "a.json")) == arch
    record = json.loads((tmp_path / "a.json").read_text())
    record["choices"]["cls.width"] = "17"
    with pytest.raises(ValueError, match="must agree"):
        from_json(record, "a.json")
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(ValueError, match="must be a JSON object"):
        find_architecture(str(tmp_path / "b.json"))
    with pytest.raises(FileNotFoundError):
        find_architecture(str(tmp_path / "none.json"))


@pytest.mark.parametrize("family", ["micro", ["nano"], None])
def test_a_record_of_no_known_family_is_refused(family):
    with pytest.raises(ValueError, match=r"a family must be one of elastic, lighttrack, nano, got .* in a.json"):
        from_json({"family": family, "name": "back"}, "a.json")


def test_a_sample_from_elsewhere_is_refused():
    space = FAMILIES["nano"].space
    chosen = dict(space.sample(np.random.default_rng(0)).choices)
    with pytest.raises(ValueError, match="unknown"):
        space.check({**chosen, "cls.9": "k3"})
    with pytest.raises(ValueError, match="cls.width"):
        space.check({**chosen, "cls.width": "128"})
