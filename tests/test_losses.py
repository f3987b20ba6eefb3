import math

import pytest
import torch

from tracking.losses.siamese import classification_loss, iou_losses, tracking_loss


def test_classification_weighs_both_sides_the_same():
    logits = torch.tensor([0.0, 100, 100, 100])
    positive = torch.tensor([True, False, False, False])
    assert classification_loss(logits, positive).item() == pytest.approx(0.5 * math.log(2) + 0.5 * 100)


def test_classification_with_one_side_only():
    assert classification_loss(torch.zeros(3), torch.ones(3, dtype=torch.bool)).item() == pytest.approx(0.5 * math.log(2))


@pytest.mark.parametrize(
    "predicted, target, overlap",
    [
        ([1, 1, 1, 1], [1, 1, 1, 1], 1),
        ([1, 1, 1, 1], [2, 2, 2, 2], 5 / 17),  # 4 of 16, both plus 1
        ([0, 0, 0, 0], [1, 1, 1, 1], 1 / 5),
    ],
)
def test_iou_losses(predicted, target, overlap):
    losses = iou_losses(torch.tensor([predicted], dtype=torch.float32), torch.tensor([target], dtype=torch.float32))
    assert losses.item() == pytest.approx(-math.log(overlap))


def perfect_answer(box):
    """Logits and distances on the 5 x 5 grid of stride 8 in 40 px: cells at 4, 12, 20, 28, 36."""
    at = torch.arange(5.0) * 8 + 4
    left, top, right, bottom = box
    x, y = torch.meshgrid(at, at, indexing="xy")
    reg = torch.stack([x - left, y - top, right - x, bottom - y])[None].clamp(min=0)
    near = (x - (left + right) / 2).abs() + (y - (top + bottom) / 2).abs() <= 8
    return (near * 200.0 - 100)[None, None], reg


def test_perfect_answer_costs_nothing():
    box = (10.0, 10.0, 30.0, 30.0)
    total, cls, overlap = tracking_loss(*perfect_answer(box), torch.tensor([box]), stride=8, search_size=40, radius_px=8)
    assert [total.item(), cls.item(), overlap.item()] == pytest.approx([0, 0, 0], abs=1e-6)


def test_wrong_place_and_size_cost():
    logits, reg = perfect_answer((10.0, 10.0, 30.0, 30.0))
    box = torch.tensor([(2.0, 2.0, 14.0, 14.0)])
    _, cls, overlap = tracking_loss(logits, reg, box, stride=8, search_size=40, radius_px=8)
    assert cls > 10 and overlap > 0.5


def test_nearest_cell_counts_where_no_other_does():
    cls, reg = torch.zeros(1, 1, 5, 5, requires_grad=True), torch.ones(1, 4, 5, 5, requires_grad=True)
    tiny = torch.tensor([(15.5, 15.5, 16.0, 16.0)])  # between the cells at 12 and 20, nearer to 12
    total, _, _ = tracking_loss(cls, reg, tiny, stride=8, search_size=40, radius_px=1)
    total.backward()
    assert (cls.grad[0, 0] < 0).nonzero().tolist() == [[1, 1]]
    assert reg.grad[0].abs().sum(0).nonzero().tolist() == [[1, 1]]


def test_batch_on_uneven_maps():
    boxes = torch.tensor([(10.0, 10.0, 40.0, 30.0), (5.0, 20.0, 25.0, 60.0)])
    total, cls, overlap = tracking_loss(torch.zeros(2, 1, 6, 8), torch.ones(2, 4, 6, 8), boxes, stride=8, search_size=64)
    assert total == cls + overlap and cls.item() == pytest.approx(math.log(2))


def test_it_never_waits_for_the_device():
    """Tensors without values cannot be read, so whatever would wait for a value fails."""
    cls, reg, boxes = (torch.empty(shape, device="meta") for shape in ((2, 1, 5, 5), (2, 4, 5, 5), (2, 4)))
    assert tracking_loss(cls, reg, boxes, stride=8, search_size=40)[0].shape == ()
