import copy

import numpy as np
import pytest
import torch

from supernet.families import FAMILIES
from supernet.sharing.sliced import SlicedConv2d
from supernet.sharing.supernet import Supernet
from supernet.training.initialise import initialise


@pytest.fixture(scope="module", params=["sliced", "separate"])
def nano(request):
    supernet = Supernet(FAMILIES["nano"], request.param)
    initialise(supernet, 0)
    return randomise(supernet).eval()


def randomise(supernet: Supernet) -> Supernet:
    """BatchNorms with statistics and affine parts of their own, so that a mixed-up one shows."""
    generator = torch.Generator().manual_seed(1)
    for module in supernet.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor in (module.weight.data, module.running_var):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
            for tensor in (module.bias.data, module.running_mean):
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.1)
    return supernet


def crops(family, count=2):
    generator = torch.Generator().manual_seed(2)
    return (torch.randn(count, 3, side, side, generator=generator) for side in (family.settings.template_size, family.settings.search_size))


def same(a, b) -> bool:
    return all(torch.equal(left, right) for left, right in zip(a, b, strict=True))


@torch.no_grad()
def test_extract_equals_the_active_path_bit_for_bit(nano, rng):
    z, x = crops(nano.family)
    for _ in range(50):
        arch = nano.family.space.sample(rng)
        nano.activate(arch)
        assert same(nano(z, x), nano.extract(arch)(z, x)), arch.name


@torch.no_grad()
@pytest.mark.parametrize("sharing", ["sliced", "separate"])
def test_extract_equals_the_active_path_at_full_size(sharing, rng):
    supernet = Supernet(FAMILIES["lighttrack"], sharing)
    initialise(supernet, 0)
    randomise(supernet).eval()
    z, x = crops(supernet.family, 1)
    for _ in range(2):
        arch = supernet.family.space.sample(rng)
        supernet.activate(arch)
        assert same(supernet(z, x), supernet.extract(arch)(z, x)), arch.name


@torch.no_grad()
def test_nni_freezes_to_the_same_network(nano, rng):
    arch = nano.family.space.sample(rng)
    z, x = crops(nano.family)
    nano.activate(arch)
    expected = nano(z, x)
    assert same(nano.freeze(dict(arch.choices)).eval()(z, x), expected)


@torch.no_grad()
def test_an_extracted_network_shares_nothing(nano, rng):
    arch = nano.family.space.sample(rng)
    z, x = crops(nano.family)
    nano.activate(arch)
    before = nano(z, x)
    for tensor in nano.extract(arch).parameters():
        tensor.fill_(7)
    assert same(nano(z, x), before)


@torch.no_grad()
def test_a_copied_supernet_switches_on_its_own(nano, rng):
    a, b = (nano.family.space.sample(rng) for _ in range(2))
    z, x = crops(nano.family)
    nano.activate(a)
    expected = nano(z, x)
    twin = copy.deepcopy(nano)
    twin.activate(b)
    for tensor in twin.parameters():
        tensor.fill_(0)
    assert same(nano(z, x), expected)
    assert not twin(z, x)[1].any()


def test_only_the_active_path_learns(rng):
    supernet = Supernet(FAMILIES["nano"], "separate").train()
    arch = supernet.family.space.sample(rng)
    supernet.activate(arch)
    cls, reg = supernet(*crops(supernet.family))
    (cls.sum() + reg.sum()).backward()
    touched = {id(p) for p in supernet.parameters() if p.grad is not None}
    assert len(touched) == len(list(supernet.extract(arch).parameters()))


def test_slices_are_the_centre_and_the_first_channels():
    core, small = torch.nn.Conv2d(4, 4, 5, padding=2, groups=4), torch.nn.Conv2d(2, 2, 3, padding=1, groups=2)
    part = SlicedConv2d(small, core)
    assert torch.equal(part.weight, core.weight[:2, :, 1:4, 1:4]) and torch.equal(part.bias, core.bias[:2])
    x = torch.randn(1, 2, 6, 6)
    expected = torch.nn.functional.conv2d(x, core.weight[:2, :, 1:4, 1:4], core.bias[:2], padding=1, groups=2)
    assert torch.equal(part(x), expected)


def test_sliced_options_share_their_core():
    assert (
        sum(p.numel() for p in Supernet(FAMILIES["nano"], "sliced").parameters())
        < sum(p.numel() for p in Supernet(FAMILIES["nano"], "separate").parameters()) / 3
    )


def test_an_architecture_of_another_family_is_refused(nano):
    with pytest.raises(ValueError, match="nano"):
        nano.activate(FAMILIES["lighttrack"].space.sample(np.random.default_rng(0)))


def test_heads_start_as_the_identity():
    supernet = Supernet(FAMILIES["nano"], "sliced")
    initialise(supernet, 0)
    core = supernet.held["reg-3"].core
    x = torch.rand(1, 32, 5, 5)
    with torch.no_grad():
        y = core.pointwise(core.conv1(x))
    assert torch.nn.functional.cosine_similarity(x.flatten(), y.flatten(), dim=0) > 0.95
