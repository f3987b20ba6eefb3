"""What the family `elastic` adds to the conformance suite of families."""

import numpy as np
import pytest
import torch

from supernet.catalogue import find_architecture
from supernet.families import FAMILIES
from supernet.families.elastic.layers import DepthwiseFusion, PixelwiseFusion
from supernet.sharing.sliced import SlicedBatchNorm2d
from supernet.training.initialise import initialise
from supernet.training.paths.sizes import largest, smallest

ELASTIC = FAMILIES["elastic"]
NAME = "elastic:128-64-8-pixelwise_16-hswish-d4.k3e4_relu-k3e2.k5e4_se-hswish-k5e4.k3e6_48-2x3-1x5"


def test_a_name_says_every_choice():
    arch = find_architecture(NAME)
    assert arch.name == ELASTIC.spell(dict(arch.choices)) == NAME
    expected = {
        "search": 128, "template": 64, "exit": 8, "correlation": "pixelwise", "stem": 16, "head": 48,
        "1.act": "hswish", "1.depth": 2, "1.0": "d4", "1.1": "k3e4", "2.act": "relu", "2.se": "plain", "2.depth": 2, "2.1": "k5e4",
        "3.act": "hswish", "3.se": "se", "3.depth": 2, "3.1": "k3e6", "cls.depth": 2, "cls.kernel": 3, "reg.depth": 1, "reg.kernel": 5,
    }  # fmt: skip
    assert {label: arch[label] for label in expected} == expected


@pytest.mark.parametrize(
    "wrong, said",
    [
        (NAME.replace("128-", "144-"), "search .* 96, 128, 160.*'144'"),
        (NAME.replace("k3e6", "k3e5"), "3.1"),
        (NAME.replace("k3e2.k5e4", "k3e2.k3e2.k3e2.k3e2.k3e2"), "2.depth"),
        (NAME.replace("_se-", "_es-"), "has the form"),
    ],
)
def test_a_wrong_name_says_what_is_wrong(wrong, said):
    with pytest.raises(ValueError, match=said):
        ELASTIC.parse(wrong)


def test_it_spans_a_boards_range():
    least, most = (ELASTIC.counts(arch, "search").macs for arch in (smallest(ELASTIC), largest(ELASTIC)))
    assert least < 2.5e6 and most > 120e6


def test_latency_and_multiply_adds_may_part():
    """The same multiply-adds of convolutions with and without what only some chips are slow at."""
    plain, costly = (find_architecture(NAME.replace("hswish", act)) for act in ("relu", "hswish"))
    assert ELASTIC.counts(plain, "search").macs == ELASTIC.counts(costly, "search").macs


def test_crops_have_one_scale():
    settings = ELASTIC.settings_of(find_architecture(NAME))
    assert (settings.search_size, settings.template_size, settings.context, settings.further_search_sizes) == (128, 64, 64, ())


def test_everything_is_a_slice_of_the_largest():
    """The supernet has the weights of the largest option of each kind, and little else."""
    supernet = ELASTIC.supernet()
    kinds = {
        (slot.name, op.kind) for i, slot in enumerate(ELASTIC.slots) if slot.branch == "search" for op in ELASTIC.slot_table.offered(i)
    }
    most = sum(
        max(op.counts.params for op in ELASTIC.slot_table.offered(i) if op.kind == kind)
        for i, slot in enumerate(ELASTIC.slots)
        if slot.branch == "search"
        for kind in {op.kind for op in ELASTIC.slot_table.offered(i)}
    )
    assert len(kinds) > 20
    assert sum(parameter.numel() for parameter in supernet.parameters()) == most  # pyright: ignore[reportAttributeAccessIssue]


def test_a_step_of_a_small_network_teaches_the_largest(rng):
    supernet = ELASTIC.supernet()
    initialise(supernet, 0)
    supernet.activate(find_architecture(NAME))
    settings = ELASTIC.settings_of(supernet.active)
    crops = (torch.rand(2, 3, side, side) for side in (settings.template_size, settings.search_size))
    sum(output.sum() for output in supernet.train()(*crops)).backward()
    learned = {id(parameter) for parameter in supernet.parameters() if parameter.grad is not None}
    supernet.activate(largest(ELASTIC))
    cores = [part.owner[0] for part in supernet._path[0].modules() if hasattr(part, "owner")]
    shared = [core for core in cores if id(core.weight) in learned]
    assert len(shared) > 30
    norm = next(part for part in supernet._path[0].modules() if isinstance(part, SlicedBatchNorm2d) and id(part.owner[0].weight) in learned)
    assert norm.owner[0].running_mean.any()


def test_depth_wise_correlation_by_hand():
    """A template with a single bright corner, on 3x3 cells, moves what it finds by one cell in both directions."""
    fusion = DepthwiseFusion(1, 1, 3).eval()
    with torch.no_grad():
        fusion.mix.weight.fill_(3)
    template, search = torch.zeros(1, 1, 3, 3), torch.zeros(1, 1, 5, 5)
    template[0, 0, 0, 0], search[0, 0, 1, 1] = 1, 1
    found = fusion.correlate(search, template).detach()
    assert found[0, 0, 2, 2] == pytest.approx(1) and found.count_nonzero() == 1


@pytest.mark.parametrize("cells", [3, 4, 6, 8])
def test_depth_wise_correlation_is_a_convolution_with_the_averaged_template(cells):
    fusion = DepthwiseFusion(4, 2, cells).eval()
    template, search = torch.randn(1, 4, cells, cells), torch.randn(1, 4, 10, 10)
    spacing = 1 if cells < 6 else 2
    kernel = torch.nn.functional.avg_pool2d(template, cells - 2 * spacing, spacing)
    expected = torch.nn.functional.conv2d(search, kernel.transpose(0, 1), padding=spacing, dilation=spacing, groups=4) / 3
    assert torch.allclose(fusion.correlate(search, template), fusion.mix(expected), atol=1e-5)


def test_pixel_wise_correlation_by_hand():
    """Two cells of the template, with features 1 and 2: maps s and 2 s over the root of one channel, mixed with 10 and 100."""
    fusion = PixelwiseFusion(1, 1, 2).eval()
    with torch.no_grad():
        fusion.mix.weight.copy_(torch.tensor([[[[10.0, 100.0], [0.0, 0.0]]]]))
    template, search = torch.tensor([[[[1.0, 2.0], [5.0, 7.0]]]]), torch.arange(9.0).reshape(1, 1, 3, 3)
    assert torch.allclose(fusion.correlate(search, template), search * 210)


def test_a_smaller_template_takes_the_weights_of_the_middle_cells(rng):
    supernet = ELASTIC.supernet()
    held = supernet.held["fusion"]
    large, small = (held.option(ELASTIC.architecture({**dict(find_architecture(NAME).choices), "template": side})) for side in (64, 48))
    assert torch.equal(small.mix.weight, large.mix.weight[:, :, 1:7, 1:7])
    assert np.prod(small.mix.weight.shape[2:]) == 36
