"""What every sampling rule must keep (the suite walks `PATHS`), and what each is for."""

from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from supernet.checkpoints import load_supernet, read_header, tensors_of
from supernet.families import FAMILIES
from supernet.training import fit as fit_file
from supernet.training.batches import pair_source, tensors
from supernet.training.initialise import initialise
from supernet.training.options import TrainingOptions
from supernet.training.paths import PATHS
from supernet.training.paths.progressive import OPEN_BY
from supernet.training.paths.rule import CHEAP_SHARE, Passed
from supernet.training.paths.sizes import largest, macs, smallest
from supernet.training.paths.trained import TrainedPaths
from supernet.training.recipe import Recipe
from supernet.training.train import train
from tests.made_up_family import Tokens

NANO = FAMILIES["nano"]
SHORT = TrainingOptions(steps=4, batch=1, loaders=0)


@pytest.fixture(params=sorted(PATHS))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def batch():
    return tensors(pair_source("synthetic", NANO.settings, 0).batch(0, 2))


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_seed_and_step_decide_alone(name, family):
    rule, again, other = (PATHS[name](FAMILIES[family], seed, 100) for seed in (1, 1, 2))
    steps = (99, 0, 40, 70)
    assert [rule.paths(step) for step in steps] == [again.paths(step) for step in reversed(steps)][::-1]
    assert [rule.paths(step) for step in steps] != [other.paths(step) for step in steps]
    for path in (path for step in steps for path in rule.paths(step)):
        FAMILIES[family].space.check(dict(path.choices))


def test_each_path_runs_once_and_its_weights_learn(name, batch):
    supernet = NANO.supernet()
    initialise(supernet, 0)
    rule = PATHS[name](NANO, 0, 100)
    trained, ran = [], TrainedPaths(rule)
    activate = supernet.activate
    supernet.activate = lambda path: (trained.append(path), activate(path))
    for losses in ran.losses(70, supernet.train(), batch):
        assert all(loss.ndim == 0 and torch.isfinite(loss) for loss in losses.values())
        torch.stack(tuple(losses.values())).sum().backward()
    assert sorted(path.key for path in trained) == sorted(path.key for path in rule.paths(70))
    for path in trained:
        activate(path)
        used = [p for p in supernet._path[0].parameters() if p.grad is not None]
        assert used and all(torch.isfinite(p.grad).all() for p in used)


def test_rates_rise_and_end_near_zero(name):
    recipe = Recipe(steps=200, batch=1, lr=0.1, warmup=10)
    rule = PATHS[name](NANO, 0, 200)
    rates = np.array([rule.rate(recipe, step) for step in range(200)])
    assert (rates > 0).all() and rates.max() <= 0.1 and rates[0] <= 0.01 + 1e-9 and rates[-1] < 0.1 * rates.max()


def test_a_killed_training_goes_on_as_if_it_had_not_been(name, tmp_path, monkeypatch):
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    train(family="nano", out=whole, training=SHORT, paths=name)
    monkeypatch.setattr(fit_file, "SAVE_EVERY_S", 0.0)
    run, left = TrainedPaths._run, len(PATHS[name](NANO, 0, 4).paths(0)) * 2 + 1

    def dying(self, *given):
        nonlocal left
        left -= 1
        if left < 0:
            raise SystemExit("killed in its third step")
        return run(self, *given)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(TrainedPaths, "_run", dying)
        train(family="nano", out=broken, training=SHORT, paths=name)
    train(family="nano", out=broken, training=replace(SHORT, resume=True), paths=name)
    a, b = (tensors_of(load_supernet(path)) for path in (whole, broken))
    assert a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)
    assert read_header(broken, "supernet")["notes"]["paths"] == name


def test_another_rule_is_another_training(tmp_path):
    out = tmp_path / "s.safetensors"
    with pytest.raises(ValueError, match="paths must be one of complexity_rate, fair.* got 'sandwhich'"):
        train(family="nano", out=out, training=SHORT, paths="sandwhich")
    train(family="nano", out=out, training=replace(SHORT, steps=1), paths="large")
    with pytest.raises(FileExistsError, match="notes differ"):
        train(family="nano", out=out, training=replace(SHORT, steps=1, resume=True))


@pytest.mark.parametrize("family", [*FAMILIES.values(), Tokens()], ids=lambda family: family.name)
def test_no_random_architecture_is_beyond_the_extremes(family, rng):
    costs = [macs(family, family.space.sample(rng)) for _ in range(300)]
    assert macs(family, smallest(family)) < min(costs) and macs(family, largest(family)) > max(costs) or family.name == "tokens"
    if family.name == "tokens":
        every = [family.architecture(dict(zip(family.choices, values, strict=True))) for values in product(*family.choices.values())]
        assert macs(family, largest(family)) == max(macs(family, arch) for arch in every)
        assert macs(family, smallest(family)) == min(macs(family, arch) for arch in every)


def test_uniform_starts_with_cheap_architectures():
    rule = PATHS["uniform"](NANO, 3, 1000)
    costs = np.array([macs(NANO, rule.paths(step)[0]) for step in range(0, 1000, 4)])
    cheap = int(CHEAP_SHARE * 250)
    assert costs[:cheap].mean() < 0.95 * costs[cheap:].mean()
    assert rule.paths(500) == (NANO.space.sample(np.random.default_rng([3, 500])),)


def test_fair_takes_every_value_equally_often():
    family = Tokens()  # choices of 2 and of 3 values: three paths a step
    rule = PATHS["fair"](family, 0, 100)
    for first in range(0, 12, 2):
        seen = [dict(path.choices) for step in (first, first + 1) for path in rule.paths(step)]
        assert len(seen) == 6
        assert Counter(each["mlp.1"] for each in seen) == {"relu": 2, "gelu": 2, "skip": 2}
        assert Counter(each["mlp.0"] for each in seen) == {"relu": 3, "gelu": 3}
    (paths,) = {len(rule.paths(step)) for step in range(9)}
    assert paths == 3
    assert len({tuple(path.key for path in rule.paths(step)) for step in range(9)}) > 3


def test_sandwich_teaches_with_answers_that_get_no_gradient(batch):
    rule = PATHS["sandwich"](NANO, 0, 100)
    assert rule.paths(7)[:2] == (largest(NANO), smallest(NANO)) and len(set(rule.paths(7))) == 4
    supernet = NANO.supernet()
    initialise(supernet, 0)
    teacher, *students = TrainedPaths(rule).losses(7, supernet.train(), batch)
    assert set(teacher) == {"cls_loss", "iou_loss"} and len(students) == 3
    assert all({"cls_imitation", "iou_imitation"} < set(student) for student in students)
    before = {name: p for name, p in supernet.named_parameters()}
    supernet.activate(largest(NANO))
    own = {id(p) for p in supernet._path[0].parameters()}
    students[0]["cls_imitation"].backward()
    supernet.activate(smallest(NANO))
    used = {id(p) for p in supernet._path[0].parameters()}
    norms = [p for name, p in before.items() if p.ndim == 1 and id(p) in own - used]
    assert norms and all(p.grad is None for p in norms), "BatchNorms of the teacher alone learn nothing from its students"


def test_large_prefers_large():
    costs = {name: np.mean([macs(NANO, PATHS[name](NANO, 0, 1).paths(step)[0]) for step in range(1, 200)]) for name in ("large", "uniform")}
    assert costs["large"] > 1.05 * costs["uniform"]


def test_rates_of_large_architectures_fall_later(monkeypatch):
    rule = PATHS["complexity_rate"](NANO, 0, 100)
    assert rule.gamma(rule.largest) == 0.5 and rule.gamma(rule.smallest) == 2
    assert 0.5 < rule.gamma(NANO.space.sample(np.random.default_rng(0))) < 2
    recipe, rates = Recipe(steps=100, batch=1, lr=0.1, warmup=1), []
    for path in (rule.smallest, rule.largest):
        monkeypatch.setattr(type(rule), "paths", lambda self, step, path=path: (path,))
        rates.append(rule.rate(recipe, 50))
    assert rates == pytest.approx([0.1 / 4, 0.1 * 0.5**0.5])


@pytest.mark.parametrize(
    "small_loss, large_loss, step, penalty",
    [
        (1.0, 1.5, 100, 2 * 0.5),  # wrong by 1/2, at full weight 2
        (1.0, 1.5, 50, 0.5),  # half way
        (1.0, 1.5, 0, 0.0),
        (1.5, 1.0, 100, 0.0),  # in order
    ],
)
def test_rank_punishes_the_larger_loss_of_the_larger_network(small_loss, large_loss, step, penalty, monkeypatch):
    rule = PATHS["rank"](NANO, 0, 100)
    monkeypatch.setattr(type(rule), "paths", lambda self, step: (largest(NANO), smallest(NANO)))
    losses = {largest(NANO): large_loss, smallest(NANO): small_loss}
    (found,) = rule.losses(step, lambda path: Passed({"loss": torch.tensor(losses[path])}, None, ()))
    assert {name: value.item() for name, value in found.items()} == pytest.approx({"loss": 1.25, "rank_loss": penalty})


class Staged(Tokens):
    """Tokens with labels that say what they are."""

    name = "staged"
    choices = {"width": ("relu", "gelu"), "a.kernel": ("relu", "gelu"), "b.depth": ("relu", "gelu"), "b.kernel": ("relu", "gelu", "skip")}


def test_progressive_opens_depth_then_kernel_then_the_rest():
    assert PATHS["progressive"](Staged(), 0, 100).groups == (("b.depth",), ("a.kernel", "b.kernel"), ("width",))


def test_progressive_begins_with_the_largest_and_ends_with_all():
    rule = PATHS["progressive"](NANO, 0, 1000)
    assert {rule.paths(step) for step in range(0, 15)} == {(largest(NANO),)}
    full = rule.largest
    differing = [sum(rule.paths(step)[0][label] != full[label] for label in NANO.choices) for step in range(0, 600, 10)]
    assert np.polyfit(range(60), differing, 1)[0] > 0.05
    opened = int(OPEN_BY * 1000)
    assert rule.paths(opened) == (NANO.space.sample(rule.rng(opened)),)
