import math

import numpy as np
import pytest
import torch

from search.judging.fixed_pairs import GROUP
from search.judging.pairs import PairJudge, roc_auc
from supernet.families import FAMILIES
from supernet.training.batches import tensors
from tracking.pairs import PairBatch

NANO, ELASTIC = FAMILIES["nano"], FAMILIES["elastic"]
ARCH = NANO.space.sample(np.random.default_rng(0))
BOX = (24.0, 24, 72, 72)


class Made:
    """Pairs that differ only in whether they show the target."""

    def __init__(self, size: int, present: np.ndarray):
        count = len(present)
        template, search = (np.zeros((count, side, side, 3), np.uint8) for side in (NANO.settings.template_size, size))
        boxes = np.where(present[:, None], BOX, 0).astype(np.float32)
        self.all = PairBatch(template, search, boxes, present)

    def batches(self, numbers, groups):
        size = groups * GROUP
        for first in range(0, len(numbers) * GROUP, size):
            yield PairBatch(*(part[first : first + size] for part in vars(self.all).values()))


class Answers(torch.nn.Module):
    """A map of 2x2 cells with centres at 0 and 48 px: the true box at the cell in its middle, half of it at the cell to the left."""

    def __init__(self, scores, presence=None):
        super().__init__()
        self.scores, self.presence, self.asked = torch.tensor(scores), presence, 0

    def forward(self, template, search):
        count = len(search)
        cls = self.scores.repeat(count, 1, 1, 1)
        reg = torch.zeros(count, 4, 2, 2)
        reg[:, :, 1, 1] = 24
        reg[:, :, 1, 0] = torch.tensor([-24.0, 24, 48, 24])
        if self.presence is None:
            return cls, reg
        found = self.presence[self.asked : self.asked + count]
        self.asked += count
        return cls, reg, torch.tensor(found, dtype=torch.float32)[:, None]


def judged(answers: Answers, present: np.ndarray | None = None) -> dict:
    present = np.ones(3 * GROUP, bool) if present is None else present
    pairs = Made(NANO.settings.search_size, present)
    return PairJudge(NANO, pairs)(answers, ARCH, range(len(present) // GROUP))  # pyright: ignore[reportArgumentType]


def test_iou_is_that_of_the_best_cell():
    assert judged(Answers([[-99.0, -99.0], [1.0, 2.0]]))["iou"] == (1, 1, 1)
    assert judged(Answers([[-99.0, -99.0], [2.0, 1.0]]))["iou"] == (0.5, 0.5, 0.5)


def test_loss_is_the_training_loss_of_each_group():
    answers, present = Answers([[0.0, 0.5], [1.0, 2.0]]), np.ones(2 * GROUP, bool)
    batch = tensors(next(Made(NANO.settings.search_size, present[:GROUP]).batches(range(1), 1)))
    expected = float(sum(NANO.loss()(answers, batch).values()))
    scores = judged(answers, present)
    assert scores["loss"] == pytest.approx([expected] * 2, abs=1e-5)
    assert scores["fit"] == pytest.approx([math.exp(-expected)] * 2, abs=1e-5)


def test_pairs_without_the_target_count_for_presence_only():
    rng = np.random.default_rng(0)
    present = rng.random(3 * GROUP) < 0.7
    scores = judged(Answers([[-99.0, -99.0], [1.0, 2.0]], presence=np.where(present, 1.0, 0.0)), present)
    assert scores["iou"] == (1, 1, 1) and scores["presence"] == (1, 1, 1)
    blind = judged(Answers([[-99.0, -99.0], [1.0, 2.0]], presence=np.zeros(3 * GROUP)), present)
    assert blind["presence"] == (0.5, 0.5, 0.5)


def test_a_group_that_says_nothing_has_the_mean_of_the_others():
    present = np.ones(3 * GROUP, bool)
    present[0], present[GROUP + 1] = False, False  # the third group has no absence to tell from presence
    presence = present.astype(float)
    presence[0] = 1  # the first group: its absence looks like presence
    scores = judged(Answers([[0.0, 0.0], [0.0, 0.0]], presence), present)
    assert scores["presence"] == (0.5, 1, 0.75)


@pytest.mark.parametrize(
    "scores, truth, area",
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], 1),
        ([4, 3, 2, 1], [0, 0, 1, 1], 0),
        ([1, 3, 2, 4], [0, 0, 1, 1], 3 / 4),  # three of the four pairs are in order
        ([1, 1, 1], [0, 1, 1], 1 / 2),
        ([1, 2], [1, 1], math.nan),
    ],
)
def test_roc_auc(scores, truth, area):
    assert roc_auc(np.array(scores, float), np.array(truth, bool)) == pytest.approx(area, nan_ok=True)


def test_crops_have_the_sizes_that_the_architecture_takes():
    small = next(arch for arch in map(ELASTIC.space.sample, map(np.random.default_rng, range(99))) if arch["search"] == 96)
    sizes, seen = ELASTIC.settings, []

    class Sizes(torch.nn.Module):
        def forward(self, template, search):
            seen.append((template.shape[-1], search.shape[-1]))
            return torch.zeros(len(search), 1, 6, 6), torch.ones(len(search), 4, 6, 6), torch.zeros(len(search), 1)

    class Rendered:
        def batches(self, numbers, groups):
            template, search = (np.zeros((GROUP, side, side, 3), np.uint8) for side in (sizes.template_size, sizes.search_size))
            yield PairBatch(template, search, np.tile(np.array(BOX, np.float32), (GROUP, 1)), np.arange(GROUP) % 2 == 0)

    PairJudge(ELASTIC, Rendered())(Sizes(), small, range(1))  # pyright: ignore[reportArgumentType]
    assert seen == [(int(small["template"]), 96)]
