import numpy as np
import pytest
import torch
from torch import nn

from supernet.families import FAMILIES
from supernet.training.calibrate import calibrate
from supernet.training.folded import fold


def norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize("name", ["nano", "elastic"])
def test_a_folded_network_answers_the_same(name):
    family = FAMILIES[name]
    torch.manual_seed(0)
    arch = family.space.sample(np.random.default_rng(3))
    sizes = family.settings_of(arch)
    crops = [2 * torch.rand(4, 3, size, size) + 1 for size in (sizes.template_size, sizes.search_size)]
    network = family.network(arch)
    calibrate(network, *crops)
    with torch.no_grad():
        before = network(*crops)
        had = norms(network)
        fold(network, *(each[:1] for each in crops))
        after = network(*crops)
    for a, b in zip(before, after, strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-3 * float(a.abs().max()))
    assert norms(network) <= had / 5  # those of the features that are correlated stand behind no convolution


def test_a_convolution_that_two_norms_follow_is_left_alone():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.a, self.b = nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1), nn.BatchNorm2d(1)

        def forward(self, x):
            y = self.conv(x)
            return self.a(y) + self.b(y)

    network = Two().eval()
    fold(network, torch.ones(1, 1, 2, 2))
    assert norms(network) == 2


def test_a_norm_after_two_convolutions_is_left_alone():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.norm = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1)

        def forward(self, x):
            return self.norm(self.a(x)) + self.norm(self.b(x))

    network = Shared().eval()
    fold(network, torch.ones(1, 1, 2, 2))
    assert norms(network) == 1
