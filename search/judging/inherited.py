"""Judges an architecture by letting it track, with weights inherited from a supernet.

A subnet is cut out of the supernet, its BatchNorm statistics are set for each branch, and it tracks sequences in lockstep. AO is that of
GOT-10k: mean overlap after the first frame, averaged over sequences. AUC is the area under the success curve of OTB. All candidates track
the same sequences, so that two candidates can be compared sequence by sequence.

Source: one-shot search judges subnets with shared weights (Guo et al., ECCV 2020; LightTrack, CVPR 2021).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from search.judging.judge import Job, Outcome
from search.judging.validation import Validation
from supernet.checkpoints import load_supernet
from supernet.deploy.torch_graphs import TorchGraphs, check_device
from supernet.space import Architecture
from supernet.training.batches import tensors
from supernet.training.calibrate import calibrate
from tracking import sequence as tracking_sequence
from tracking.benchmarks import one_pass
from tracking.lockstep import track_lockstep
from tracking.trackers import TRACKERS, Procedure

_SIDE_BY_SIDE = 16
"""Number of sequences tracked at once; more would cost memory and save no time."""


class InheritedJudge:
    """Judges architectures by tracking with a supernet's weights.

    Args:
        supernet_path: Checkpoint of a supernet.
        validation: The sequences that are tracked, and the pairs that set BatchNorm statistics.
        device: Where torch runs networks: cpu or a CUDA device.
    """

    def __init__(self, supernet_path: Path, validation: Validation, device: str = "cpu"):
        check_device(device)
        self._supernet = load_supernet(supernet_path)
        self.family = self._supernet.family
        self._validation = validation
        self._device = device
        self._crops: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._kept: tuple[range, list[tracking_sequence.Sequence]] = (range(0), [])

    def __call__(self, job: Job) -> Outcome:
        started = time.perf_counter()
        found = score_each(self.procedure(job.architecture, job.calibration), self._sequences(job.sequences))
        scores = {"ao": tuple(one.ao for one in found), "auc": tuple(one.success for one in found)}
        return Outcome(scores, time.perf_counter() - started)

    def procedure(self, architecture: Architecture, calibration: int = 0) -> Procedure:
        """The tracking procedure of an architecture with inherited weights.

        Args:
            architecture: An architecture of the supernet's family.
            calibration: Number of the draw of pairs that sets the statistics of its BatchNorm layers.
        """
        network = self._supernet.extract(architecture).to(self._device)
        calibrate(network, *self._calibration(calibration))
        graphs = TorchGraphs(network, self.family.graphs(architecture), self._device, channels_last=True)
        return TRACKERS[self.family.tracker][1](graphs, self.family.settings)

    def _calibration(self, draw: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Template and search crops of a draw of calibration pairs."""
        if draw not in self._crops:
            templates, searches, _ = tensors(self._validation.pairs(self.family.settings, draw))
            self._crops = {draw: (templates.to(self._device), searches.to(self._device))}  # one draw at a time
        return self._crops[draw]

    def _sequences(self, sequences: range) -> list[tracking_sequence.Sequence]:
        if self._kept[0] != sequences:  # one set at a time: forty frames of 320 x 240 are 9 MB
            self._kept = (sequences, [self._validation.sequence(number) for number in sequences])
        return self._kept[1]


def score_each(procedure: Procedure, sequences: Sequence[tracking_sequence.Sequence]) -> list[one_pass.Scores]:
    """Track sequences with a tracking procedure, and score each.

    Args:
        procedure: The procedure, e.g. of a candidate with inherited weights, or of a retrained winner.
        sequences: N sequences of equal length.

    Returns:
        The scores of each of the N sequences.
    """
    scores = []
    for first in range(0, len(sequences), _SIDE_BY_SIDE):
        group = list(sequences[first : first + _SIDE_BY_SIDE])
        tracks = track_lockstep(procedure, group)
        scores += [one_pass.score(boxes, sequence.boxes) for boxes, sequence in zip(tracks, group, strict=True)]
    return scores


def static_ao(sequences: Iterable[tracking_sequence.Sequence]) -> float:
    """AO of a box that never moves from its first position: the baseline that needs no tracking."""
    return float(np.mean([one_pass.score(np.repeat(sequence.boxes[:1], len(sequence), 0), sequence.boxes).ao for sequence in sequences]))
