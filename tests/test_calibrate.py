import pytest
import torch

from supernet.families import FAMILIES
from supernet.training.calibrate import calibrate


def test_each_branch_gets_the_statistics_of_its_own_crops(rng):
    family = FAMILIES["nano"]
    network = family.network(family.space.sample(rng))
    templates, searches = torch.rand(8, 3, 48, 48), 5 + 2 * torch.rand(8, 3, 96, 96)
    calibrate(network, templates, searches)
    assert not network.training and network.template_backbone is not None
    with torch.no_grad():
        for backbone, crops in ((network.template_backbone, templates), (network.backbone, searches)):
            first = backbone[0].conv_stem(crops)
            assert torch.allclose(backbone[0].bn1.running_mean, first.mean((0, 2, 3)), atol=1e-5)
            assert torch.allclose(backbone[0].bn1.running_var, first.var((0, 2, 3)), rtol=1e-4)
        normalised = network.fusion.neck.BN_x(network.backbone(searches))
    assert normalised.mean((0, 2, 3)).abs().max() < 0.2  # one pass in which every layer sees the layers before it normalised
    assert all(norm.momentum == 0.1 for norm in network.modules() if isinstance(norm, torch.nn.BatchNorm2d))


def test_calibrating_twice_is_calibrating_once(rng):
    family = FAMILIES["nano"]
    network = family.network(family.space.sample(rng))
    templates, searches = torch.rand(4, 3, 48, 48), torch.rand(4, 3, 96, 96)
    calibrate(network, templates, searches)
    first = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    calibrate(network, templates, searches)
    assert all(torch.equal(tensor, first[name]) for name, tensor in network.state_dict().items())


def test_a_failed_pass_leaves_momenta_and_mode(rng):
    family = FAMILIES["nano"]
    network = family.network(family.space.sample(rng))
    with pytest.raises(RuntimeError):
        calibrate(network, torch.rand(4, 3, 48, 48), torch.rand(4, 5, 96, 96))  # five channels fit no network
    assert not network.training
    assert all(norm.momentum == 0.1 for norm in network.modules() if isinstance(norm, torch.nn.BatchNorm2d))
