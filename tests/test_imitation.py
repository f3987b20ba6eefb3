import math

import pytest
import torch

from tracking.grid import centres
from tracking.losses.imitation import MapImitation, resampled, score_divergence


def batch(side):
    return (torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, side, side))


def test_equal_answers_cost_nothing():
    outputs = (torch.randn(1, 1, 4, 4) + 3, torch.rand(1, 4, 4, 4) * 9, torch.zeros(1, 1))
    losses = MapImitation()(outputs, batch(32), outputs, batch(32))
    assert set(losses) == {"cls_imitation", "iou_imitation", "presence_imitation"}
    assert all(loss.item() == pytest.approx(0, abs=1e-5) for loss in losses.values())


def test_half_of_the_scores_weight_is_where_the_teacher_sees_the_target():
    score = torch.tensor([1.0, 0, 0, 0])
    # the answer is 1/2 everywhere: log 2 in each cell
    assert score_divergence(torch.zeros(4), score).item() == pytest.approx(math.log(2))
    # wrong by 10 in the one cell of the target, right elsewhere
    assert score_divergence(torch.tensor([-10.0, -99, -99, -99]), score).item() == pytest.approx(0.5 * 10, rel=1e-3)
    # wrong by 10 in one of the three other cells
    assert score_divergence(torch.tensor([99.0, 10, -99, -99]), score).item() == pytest.approx(0.5 * 10 / 3, rel=1e-3)


def test_boxes_count_where_the_teacher_sees_the_target_alone():
    cls = torch.tensor([[[[5.0, -5], [-5, -5]]]])
    taught = torch.full((1, 4, 2, 2), 2.0)
    own = taught.clone()
    own[..., 1, 1] = 9
    assert MapImitation()((cls, own), batch(16), (cls, taught), batch(16))["iou_imitation"].item() == pytest.approx(0, abs=1e-6)
    own[..., 0, 0] = 1  # 4 of 16, both plus 1
    found = MapImitation()((cls, own), batch(16), (cls, taught), batch(16))["iou_imitation"].item()
    assert found == pytest.approx(-math.log(5 / 17))


def test_a_teacher_that_sees_nothing_teaches_no_box():
    cls = torch.full((1, 1, 2, 2), -5.0)
    losses = MapImitation()((cls, torch.ones(1, 4, 2, 2)), batch(16), (cls, torch.full((1, 4, 2, 2), 7.0)), batch(16))
    assert losses["iou_imitation"].item() == 0


@pytest.mark.parametrize("cells, crop, others, other_crop", [(12, 96, 20, 160), (20, 160, 10, 160), (20, 160, 7, 112), (10, 160, 14, 112)])
def test_maps_are_read_where_the_other_grid_has_its_cells(cells, crop, others, other_crop):
    """A map whose value is the place itself, in px, must be read as the place of the other cells."""
    x = torch.as_tensor(centres(cells, crop // cells, crop), dtype=torch.float32)
    maps = torch.stack((x.expand(cells, cells), x[:, None].expand(cells, cells)))[None]
    there = torch.as_tensor(centres(others, other_crop // others, other_crop), dtype=torch.float32) * (crop / other_crop)
    expected = there.clamp(x[0], x[-1])
    found = resampled(maps, crop, others, other_crop)
    torch.testing.assert_close(found[0, 0], expected.expand(others, others))
    torch.testing.assert_close(found[0, 1], expected[:, None].expand(others, others))


def test_distances_are_scaled_to_the_other_crop():
    cls = torch.full((1, 1, 20, 20), 5.0)
    reg = torch.full((1, 4, 20, 20), 20.0)
    small = (torch.full((1, 1, 10, 10), 5.0), torch.full((1, 4, 10, 10), 10.0))  # half the side, half the px
    assert MapImitation()(small, batch(80), (cls, reg), batch(160))["iou_imitation"].item() == pytest.approx(0, abs=1e-6)


def test_gradients_stay_finite_at_certain_answers():
    cls = torch.full((1, 1, 2, 2), 200.0, requires_grad=True)
    reg = torch.ones(1, 4, 2, 2, requires_grad=True)
    losses = MapImitation()((cls, reg), batch(16), (torch.full((1, 1, 2, 2), -200.0), torch.zeros(1, 4, 2, 2)), batch(16))
    sum(losses.values()).backward()
    assert torch.isfinite(cls.grad).all() and torch.isfinite(reg.grad).all()
