import dataclasses
import warnings
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from supernet.counts import Counts, count, read_counts, write_counts
from supernet.describe import describe
from supernet.families import FAMILIES, elastic, lighttrack

KEPT = {
    Path(lighttrack.__file__).with_name("counts.json"): ("lighttrack", "nano"),
    Path(elastic.__file__).with_name("counts.json"): ("elastic",),
}


def test_counted_on_fingers():
    layer = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3))
    # 3 outputs x 2 inputs x 9 taps x 16 places; fvcore adds 2 for each of 48 normalised values; these come in and go out of the norm
    assert count(layer, [(2, 4, 4)]) == Counts(864, 864 + 96, 54 + 6, 48 + 48)


def test_counting_leaves_no_trace(capsys):
    layer = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3))
    counts = count(layer, [(2, 4, 4)])
    assert [type(number) for number in dataclasses.astuple(counts)] == [int] * 4  # as files keep them
    assert not any(module._forward_hooks for module in layer.modules())
    assert capsys.readouterr().out == ""


def test_modules_that_run_one_after_the_other_add_up():
    assert Counts(1, 2, 3, 40) + Counts(10, 20, 30, 4) == Counts(11, 22, 33, 40)


@pytest.mark.parametrize(
    "kind, in_shape, out_shape, options, elements",
    [
        ("mbconv", (8, 10, 10), (8, 10, 10), {"kernel": 3, "expansion": 4, "stride": 1}, 2 * 32 * 100),
        ("mbconv", (8, 10, 10), (16, 5, 5), {"kernel": 5, "expansion": 6, "stride": 2}, 48 * 100 + 48 * 100),
        ("cls", (16, 12, 12), (1, 12, 12), {}, 16 * 144 + 1 * 144),
        ("head", (32, 12, 12), (16, 12, 12), {"kernel": 3}, 32 * 144 + 32 * 144),
    ],
)
def test_the_layer_with_most_in_and_out_is_live(kind, in_shape, out_shape, options, elements):
    known = next(op for op in FAMILIES["nano"].all_operators if op.kind == kind)
    op = dataclasses.replace(known, in_shape=in_shape, out_shape=out_shape, options=tuple(options.items()), kept={})
    assert op.counts.live == elements


@pytest.mark.parametrize("path, families", KEPT.items(), ids=lambda kept: getattr(getattr(kept, "parent", None), "name", ""))
def test_kept_counts_are_fresh_ones(path, families):
    """To make a file anew: `write_counts(path, {op.key: count(op.build(), op.input_shapes) for ...})`."""
    kept, operators = read_counts(path), {op.key: op for family in families for op in FAMILIES[family].all_operators}
    assert kept.keys() == operators.keys()
    some = [operators[key] for key in sorted(kept)[:: max(1, len(kept) // 200)]]
    assert {op.key: count(op.build(), op.input_shapes) for op in some} == {op.key: kept[op.key] for op in some}


def test_counts_survive_a_file(tmp_path):
    counts = {"search:b:1x2x2>1x2x2:": Counts(1, 2, 3, 4), "search:a:1x2x2>1x2x2:kernel=3": Counts(5, 6, 7, 8)}
    write_counts(tmp_path / "c.json", counts)
    assert read_counts(tmp_path / "c.json") == counts
    write_counts(tmp_path / "empty.json", {})
    assert read_counts(tmp_path / "empty.json") == read_counts(tmp_path / "absent.json") == {}


def test_kept_counts_spare_the_building():
    def refuse(_):
        raise AssertionError("it was built")

    op = FAMILIES["nano"].all_operators[0]
    assert dataclasses.replace(op, make=refuse).counts == op.counts
    with pytest.raises(AssertionError, match="it was built"):
        _ = dataclasses.replace(op, make=refuse, kept={}).counts


def sides(family, arch) -> tuple[int, int]:
    """Sides of the template and of the search crop of an architecture."""
    settings = family.settings_of(arch)
    return settings.template_size, settings.search_size


def test_sum_of_operators_is_the_whole_network(family, rng):
    for _ in range(5):
        arch = family.space.sample(rng)
        network = family.network(arch).eval()
        assert family.counts(arch, "search").params == sum(p.numel() for p in network.parameters())
        z, x = (torch.zeros(1, 3, size, size) for size in sides(family, arch))
        with torch.no_grad():
            features = network.template(z)
            with FlopCounterMode(display=False) as counter:
                network.search(x, features)
        assert family.counts(arch, "search").macs == counter.get_total_flops() // 2


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

    z, x = (torch.zeros(1, 3, size, size) for size in sides(family, arch))
    features = network.template(z).detach()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analysis = fvcore.FlopCountAnalysis(Search(), (x, features)).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        assert analysis.total() == family.counts(arch, "search").macs_fvcore


def test_operators_say_what_they_are(family, rng):
    arch = family.space.sample(rng)
    operators = family.operators(arch)
    assert [op.branch for op in operators] == sorted((op.branch for op in operators), reverse=True)  # template first
    for op in operators:
        outputs = op.build().eval()(*(torch.zeros(1, *shape) for shape in op.input_shapes))
        assert tuple(outputs.shape[1:]) == op.out_shape, op.key
    assert reduce(add, (op.counts for op in operators if op.branch == "search")) == family.counts(arch, "search")
    answer = describe(arch.name)
    assert answer["key"] == arch.key and len(answer["operators"]) == len(operators)
    score_map = next(op for op in operators if op.kind == "cls").out_shape
    assert answer["output_stride"] == family.settings_of(arch).search_size // score_map[1]


def test_stride_8_exits_have_finer_maps():
    name = "back_01234501234501234500+cls_001201201+reg_210210210_ops_13"
    answer = describe(name)
    assert answer["output_stride"] == 8 and answer["operators"][-1]["out_shape"] == [4, 32, 32]
    assert np.isclose(answer["params"], 848_101)
