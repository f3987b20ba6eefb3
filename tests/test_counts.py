import warnings
from functools import reduce
from operator import add

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from supernet.counts import Counts, count
from supernet.describe import describe


def test_counted_on_fingers():
    layer = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3))
    # 3 outputs x 2 inputs x 9 taps x 16 places; fvcore adds 2 for each of 48 normalised values
    assert count(layer, [(2, 4, 4)]) == Counts(864, 864 + 96, 54 + 6)


def test_sum_of_operators_is_the_whole_network(family, rng):
    for _ in range(5):
        arch = family.space.sample(rng)
        network = family.network(arch).eval()
        assert find_family(arch.family).counts(arch, "search").params == sum(p.numel() for p in network.parameters())
        z, x = (
            torch.zeros(1, 3, family.settings.template_size, family.settings.template_size),
            torch.zeros(1, 3, family.settings.search_size, family.settings.search_size),
        )
        with torch.no_grad():
            features = network.template(z)
            with FlopCounterMode(display=False) as counter:
                network.search(x, features)
        assert find_family(arch.family).counts(arch, "search").macs == counter.get_total_flops() // 2


def test_fvcore_agrees(rng, family):
    fvcore = pytest.importorskip("fvcore.nn", reason="fvcore is not installed")
    arch = family.space.sample(rng)
    network = family.network(arch).eval()

    class Search(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, x, z):
            return self.network.search(x, z)

    features = network.template(torch.zeros(1, 3, family.settings.template_size, family.settings.template_size)).detach()
    x = torch.zeros(1, 3, family.settings.search_size, family.settings.search_size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analysis = fvcore.FlopCountAnalysis(Search(), (x, features)).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        assert analysis.total() == find_family(arch.family).counts(arch, "search").macs_fvcore


def test_operators_say_what_they_are(family, rng):
    arch = family.space.sample(rng)
    operators = family.operators(arch)
    assert [op.branch for op in operators] == sorted((op.branch for op in operators), reverse=True)  # template first
    for op in operators:
        outputs = op.build().eval()(*(torch.zeros(1, *shape) for shape in op.input_shapes))
        assert tuple(outputs.shape[1:]) == op.out_shape, op.key
    assert reduce(add, (op.counts for op in operators if op.branch == "search")) == find_family(arch.family).counts(arch, "search")
    answer = describe(arch.name)
    assert answer["key"] == arch.key and len(answer["operators"]) == len(operators)
    assert answer["output_stride"] == family.settings.search_size // operators[-1].out_shape[1]


def test_stride_8_exits_have_finer_maps():
    name = "back_01234501234501234500+cls_001201201+reg_210210210_ops_13"
    answer = describe(name)
    assert answer["output_stride"] == 8 and answer["operators"][-1]["out_shape"] == [4, 32, 32]
    assert np.isclose(answer["params"], 848_101)
