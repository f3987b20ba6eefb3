"""A small part of the family `nano` in which the AO of every network is known, so that whole searches can be replayed in seconds.

    python -m benchmarks.sub_space --supernet supernet.safetensors    judge all 15,552 networks, some minutes on one core
    python -m benchmarks.sub_space --steps 4580                       train the supernet first, much longer

Ten choices are free, those that matter most for fast networks: the exit of the backbone, its first two blocks, and the depth and width of
the two heads. AO is found as in a search, with inherited weights and with BatchNorm statistics set for each network, but on many clips of
two frames: the first frame, which has the box, and a later one. The second frame is then cropped alike for all networks, and the two heads
do not depend on each other, so 4,032 passes tell what 15,552 networks do. Backbones are judged in random order, and an interrupted run
is continued where it stopped.

A row of the table holds the indices of the ten chosen values, and AO.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.tabulated import PartWritten, SubSpace
from supernet.checkpoints import load_supernet
from supernet.deploy.torch_graphs import TorchGraphs
from supernet.families.lighttrack import NANO
from supernet.space import Architecture, Value
from supernet.training.batches import pair_source, tensors
from supernet.training.calibrate import calibrate
from supernet.training.options import TrainingOptions
from supernet.training.train import train
from tracking.boxes import iou
from tracking.files.progress import progress
from tracking.generated.synthetic import synthetic_sequence
from tracking.images import cv2
from tracking.trackers.siamese import Siamese, advance, search_crops

FREE: dict[str, tuple[Value, ...]] = {
    "back.1.0": ("k3e4", "k5e4", "k7e6"),
    "back.1.1": ("k3e4", "k5e6"),
    "feature": (0, 1, 2, 4, 7, 11),
    "cls.width": ("16", "32"),
    "cls.1": ("k3", "skip"),
    "reg.width": ("16", "24", "32"),
    "reg.1": ("k3", "k5", "skip"),
    "reg.2": ("k3", "k5", "skip"),
    "reg.3": ("k3", "skip"),
    "reg.4": ("k3", "skip"),
}
"""Values of the free choices. The other choices have a single value: blocks the smallest, heads one layer."""
_FIRST = {label: values[0] for label, values in FREE.items()}
_BACKBONE: tuple[str, ...] = ("back.1.0", "back.1.1", "feature")
_HEADS = {head: tuple(label for label in FREE if label.startswith(head)) for head in ("cls", "reg")}
_SEED, _CLIPS, _LATER, _PAIRS = 50_000, 64, 4, 16


def _pinned(label: str, values: tuple[Value, ...]) -> Value:
    return "skip" if "skip" in values and not label.endswith(".0") else values[0]


SUB_SPACE = SubSpace(
    NANO,
    FREE,
    {label: _pinned(label, values) for label, values in NANO.space.choices.items()},
    Path(__file__).parent / "data" / "nano_sub_space.csv",
    "ao",
    6e6,
)


def write_table(supernet_path: Path, path: Path) -> None:
    """Judge every network of the part and write the table; `<path>.part` keeps the results of an interrupted run."""
    written = PartWritten(path, ["ao"])
    judge = BackboneJudge(supernet_path)
    backbones = list(product(*(FREE[label] for label in _BACKBONE)))
    with progress("backbones", len(backbones)) as report:
        for count, i in enumerate(np.random.default_rng(0).permutation(len(backbones)), 1):
            backbone = dict(zip(_BACKBONE, backbones[i], strict=True))
            if SUB_SPACE.digits(_make({**_FIRST, **backbone})) not in written.rows:
                written.add({SUB_SPACE.digits(architecture): [ao] for architecture, ao in judge(backbone).items()}, 4)
            report(count, "")
    written.finish([SUB_SPACE.digits(architecture) for architecture in SUB_SPACE.architectures])


class _Shown:
    """A network whose outputs are its inputs: a tracking procedure that starts with it returns the crops that it has cut."""

    def run(self, graph: str, inputs: Mapping[str, Any]) -> Sequence[Any]:
        return list(inputs.values())


class BackboneJudge:
    """Judges all networks that share a backbone. Every variant of each head runs once, and each pair of variants is decoded into boxes."""

    def __init__(self, supernet_path: Path):
        self._supernet = load_supernet(supernet_path)
        templates, searches, *_ = tensors(pair_source("synthetic", NANO.settings, _SEED).batch(0, _PAIRS))
        self._calibration = templates, searches
        clips = [synthetic_sequence(_SEED + i, _LATER + 1) for i in range(_CLIPS)]
        first = [clip.image(0) for clip in clips]
        self._targets = Siamese(_Shown(), NANO.settings).start(first, np.stack([clip.boxes[0] for clip in clips]))
        self._searches = search_crops([clip.image(_LATER) for clip in clips], self._targets, NANO.settings.search_size, NANO.settings)
        self._truth = np.stack([clip.boxes[_LATER] for clip in clips])
        self._image_sizes = np.array([image.shape[1::-1] for image in first], float)

    def __call__(self, backbone: Mapping[str, Value]) -> dict[Architecture, float]:
        """Return the AO of each network with these values of the backbone's choices."""
        towers = {head: list(product(*(FREE[label] for label in labels))) for head, labels in _HEADS.items()}
        cls, reg = (
            [self._maps({**backbone, **dict(zip(_HEADS[head], t, strict=True))})[i] for t in towers[head]] for i, head in enumerate(towers)
        )
        return {
            _make({**backbone, **dict(zip(_HEADS["cls"], c, strict=True)), **dict(zip(_HEADS["reg"], r, strict=True))}): self._ao(
                cls[i], reg[j]
            )
            for (i, c), (j, r) in product(enumerate(towers["cls"]), enumerate(towers["reg"]))
        }

    @torch.inference_mode()
    def _maps(self, chosen: Mapping[str, Value]) -> tuple[np.ndarray, np.ndarray]:
        architecture = _make({**_FIRST, **chosen})
        network = self._supernet.extract(architecture)
        calibrate(network, *self._calibration)
        graphs = TorchGraphs(network, NANO.graphs(architecture), channels_last=True)
        (features,) = graphs.run("template", {"template": self._targets.features})
        cls, reg = graphs.run("search", {"search": self._searches, "template_features": features})
        return cls[:, 0], reg

    def _ao(self, cls: np.ndarray, reg: np.ndarray) -> float:
        centre, size, _ = advance(self._targets, cls, reg, self._image_sizes, NANO.settings.search_size, NANO.settings)
        return float(iou(np.concatenate([centre - size / 2, size], axis=-1), self._truth).mean())


def _make(chosen: Mapping[str, Value]) -> Architecture:
    return NANO.space.make({label: chosen.get(label, values[0]) for label, values in SUB_SPACE.space.choices.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description="Judge every network of a part of nano.")
    parser.add_argument("--supernet", type=Path, help="checkpoint of a nano supernet (default: one is trained)")
    parser.add_argument("--steps", type=int, default=4580, help="steps of that training")
    parser.add_argument("--table", type=Path, default=SUB_SPACE.table)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as scratch:
        trained = Path(scratch) / "supernet.safetensors"
        if options.supernet is None:
            train(family="nano", out=trained, training=TrainingOptions(steps=options.steps))
        write_table(options.supernet or trained, options.table)


if __name__ == "__main__":
    main()
