import math

import pytest
import torch

from tracking.losses.siamese import SiameseLoss, classification_loss, iou_losses, tracking_loss


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


def losses_by_hand(cls, reg, boxes, stride, side, radius):
    """(classification, overlap), cell by cell in plain numbers."""
    high, wide = cls.shape[-2:]

    def at(row, column):
        return (column - wide // 2) * stride + side // 2, (row - high // 2) * stride + side // 2

    positive, negative, overlaps = [], [], []
    for logits, distances, (left, top, right, bottom) in zip(cls[:, 0].tolist(), reg.tolist(), boxes.tolist(), strict=True):
        places = [(row, column) for row in range(high) for column in range(wide)]

        away = {p: abs(at(*p)[0] - (left + right) / 2) + abs(at(*p)[1] - (top + bottom) / 2) for p in places}
        sides = {p: (at(*p)[0] - left, at(*p)[1] - top, right - at(*p)[0], bottom - at(*p)[1]) for p in places}
        taught = [p for p in places if min(sides[p]) > 0] or [p for p in places if away[p] == min(away.values())]
        for row, column in places:
            probability = 1 / (1 + math.exp(-logits[row][column]))
            if away[row, column] <= radius or away[row, column] == min(away.values()):
                positive.append(-math.log(probability))
            else:
                negative.append(-math.log(1 - probability))
        for row, column in taught:
            true, said = [max(0, distance) for distance in sides[row, column]], [map_[row][column] for map_ in distances]
            both = [min(pair) for pair in zip(true, said, strict=True)]
            shared, own, theirs = ((s[0] + s[2]) * (s[1] + s[3]) for s in (both, true, said))
            overlaps.append(-math.log((shared + 1) / (own + theirs - shared + 1)))
    return (sum(positive) / len(positive) + sum(negative) / len(negative)) / 2, sum(overlaps) / len(overlaps)


@pytest.mark.parametrize("high, wide, stride, side, radius", [(5, 5, 8, 40, 8), (6, 8, 8, 65, 16), (4, 4, 16, 64, 40)])
def test_every_cell_counts_as_by_hand(rng, high, wide, stride, side, radius):
    for _ in range(10):
        cls, reg = torch.tensor(rng.normal(0, 2, (4, 1, high, wide))), torch.tensor(rng.uniform(0, 30, (4, 4, high, wide)))
        corner, size = rng.uniform(0, side / 2, (4, 2)), rng.uniform(1, side / 2, (4, 2))
        boxes = torch.tensor([[*at, *at + extent] for at, extent in zip(corner, size, strict=True)])
        total, *parts = tracking_loss(cls, reg, boxes, stride, side, radius)
        by_hand = losses_by_hand(cls, reg, boxes, stride, side, radius)
        assert [part.item() for part in parts] == pytest.approx(by_hand) and total.item() == pytest.approx(sum(by_hand))


def test_cells_on_the_edge_of_box_and_radius():
    """A cell on the box's edge is not inside; one at exactly the radius, 16 px by default, is positive."""
    cls, reg = torch.zeros(1, 1, 5, 5, requires_grad=True), torch.ones(1, 4, 5, 5, requires_grad=True)
    box = torch.tensor([(12.0, 12.0, 28.0, 28.0)])  # cells at 4, 12, 20, 28, 36
    total, _, _ = tracking_loss(cls, reg, box, stride=8, search_size=40)
    total.backward()
    assert reg.grad[0].abs().sum(0).nonzero().tolist() == [[2, 2]]
    assert (cls.grad[0, 0] < 0).sum() == 13  # the middle, 4 cells at 8 px and 8 at 16 px


def test_the_module_is_asked_for_its_own_stride(rng):
    """5 cells on 43 px: a stride of 8 px, and the middle cell at 21 px."""
    cls, reg = torch.tensor(rng.normal(0, 2, (1, 1, 5, 5))), torch.tensor(rng.uniform(0, 30, (1, 4, 5, 5)))
    box, search = torch.tensor([(10.0, 10.0, 30.0, 35.0)]).double(), torch.zeros(1, 3, 43, 43)
    answer = SiameseLoss(9 / 43)(lambda *inputs: (cls, reg), (torch.zeros(1, 3, 16, 16), search, box, torch.tensor([True])))
    classification, overlap = losses_by_hand(cls, reg, box, 8, 43, 9)
    assert {name: value.item() for name, value in answer.items()} == pytest.approx({"cls_loss": classification, "iou_loss": overlap})


def test_a_crop_without_the_target_has_no_positive_cell_and_teaches_no_box():
    cls, reg = torch.zeros(2, 1, 5, 5), torch.ones(2, 4, 5, 5, requires_grad=True)
    boxes = torch.tensor([(12.0, 12.0, 28.0, 28.0), (0.0, 0, 0, 0)])
    both = tracking_loss(cls, reg, boxes, 8, 40, 16.0, torch.tensor([True, False]))
    _, classification, overlap = both
    _, _, alone = tracking_loss(cls[:1], reg[:1], boxes[:1], 8, 40, 16.0)
    assert overlap.item() == pytest.approx(alone.item())
    overlap.backward()
    assert reg.grad[0].any() and not reg.grad[1].any()
    assert classification.item() == pytest.approx(math.log(2))  # 13 positive and 37 negative cells, each half
    none = tracking_loss(cls[1:], reg[1:], boxes[1:], 8, 40, 16.0, torch.tensor([False]))
    assert [part.item() for part in none] == pytest.approx([0.5 * math.log(2), 0.5 * math.log(2), 0])


def test_presence_is_taught_by_both_kinds_of_pairs():
    """Logits 2 where the target is and 1 where it is not: half of the mean of log(1 + e^-2) and log(1 + e^1)."""
    answers = torch.zeros(2, 1, 5, 5), torch.ones(2, 4, 5, 5), torch.tensor([[2.0], [1.0]])
    batch = (
        torch.zeros(2, 3, 16, 16),
        torch.zeros(2, 3, 40, 40),
        torch.tensor([(12.0, 12, 28, 28), (0, 0, 0, 0)]),
        torch.tensor([True, False]),
    )
    losses = SiameseLoss(0.4)(lambda *inputs: answers, batch)
    assert losses["presence_loss"].item() == pytest.approx(0.25 * (math.log(1 + math.exp(-2)) + math.log(1 + math.e)))


def test_classification_without_a_positive_cell():
    assert classification_loss(torch.zeros(4), torch.zeros(4, dtype=torch.bool)).item() == pytest.approx(0.5 * math.log(2))


def test_one_cell_of_each_side():
    assert classification_loss(torch.zeros(2), torch.tensor([True, False])).item() == pytest.approx(math.log(2))


def test_the_usual_radius_is_16_px():
    """With a cell for each pixel, 2 x 16 x 17 + 1 lie within it."""
    cls = torch.zeros(1, 1, 41, 41, requires_grad=True)
    total, _, _ = tracking_loss(cls, torch.ones(1, 4, 41, 41), torch.tensor([(10.0, 10.0, 30.0, 30.0)]), stride=1, search_size=40)
    total.backward()
    assert (cls.grad < 0).sum() == 545
