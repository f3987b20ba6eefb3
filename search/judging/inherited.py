"""Overlap of an architecture while it really tracks, with weights inherited from a supernet.

Source: one-shot search judges children with shared weights (Guo et al., ECCV 2020; LightTrack, CVPR 2021). A child is cut
out, its BatchNorm statistics are set for each branch, and it tracks sequences in lockstep. AO is that of GOT-10k: mean overlap
after the first frame, averaged over sequences; AUC the area under the success curve of OTB. All candidates see the same
sequences, so their differences can be judged pair by pair.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from search.judging.validation import Validation
from search.workers.jobs import Job, Outcome
from supernet.training.calibrate import calibrate
from supernet.checkpoints import load_supernet
from supernet.deploy.torch_graphs import TorchNetwork, check_device, normalise
from supernet.space import Architecture
from tracking import sequence as tracking_sequence
from tracking.benchmarks import one_pass
from tracking.lockstep import track_lockstep
from tracking.trackers.siamese import SiameseNetwork, SiameseSettings

_SIDE_BY_SIDE = 16
"""Sequences tracked at once: more would cost memory and save no time."""


class InheritedAccuracy:
    """Judges architectures by tracking with a supernet's weights.

    Args:
        supernet_path: A supernet checkpoint.
        validation: What they track, and what calibrates them.
        device: Where networks run: cpu or a CUDA device.
    """

    def __init__(self, supernet_path: Path, validation: Validation, device: str = "cpu"):
        check_device(device)
        self._supernet = load_supernet(supernet_path)
        self.family = self._supernet.family
        self._validation = validation
        self._device = device
        self._crops: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._kept: tuple[range, list[tracking_sequence.Sequence]] = (range(0), [])

    def network(self, architecture: Architecture, calibration: int = 0) -> TorchNetwork:
        """An architecture with inherited weights, calibrated and ready to track.

        Args:
            architecture: Of the supernet's family.
            calibration: Which draw of pairs sets the statistics of its BatchNorm layers.
        """
        network = self._supernet.extract(architecture).to(self._device)
        calibrate(network, *self._calibration(calibration))
        return TorchNetwork(network, channels_last=True, device=self._device)

    def scores(self, architecture: Architecture, places: range, calibration: int = 0) -> list[one_pass.Scores]:
        """Scores on each sequence.

        Args:
            architecture: Of the supernet's family.
            places: Which sequences.
            calibration: As for `network`.
        """
        return score_each(self.network(architecture, calibration), self._sequences(places), self.family.tracker)

    def _calibration(self, draw: int) -> tuple[torch.Tensor, torch.Tensor]:
        if draw not in self._crops:
            pairs = self._validation.pairs(self.family, draw)
            templates, searches = (torch.from_numpy(normalise(crops)).to(self._device) for crops in (pairs.templates, pairs.searches))
            self._crops = {draw: (templates, searches)}  # one draw at a time
        return self._crops[draw]

    def _sequences(self, places: range) -> list[tracking_sequence.Sequence]:
        if self._kept[0] != places:  # one set at a time: forty frames of 320 x 240 are 9 MB
            self._kept = (places, [self._validation.sequence(place) for place in places])
        return self._kept[1]


@dataclass(frozen=True)
class InheritedJudge:
    """Answers the jobs of a search."""

    accuracy: InheritedAccuracy

    def __call__(self, job: Job) -> Outcome:
        """Judge one architecture on the sequences of the job."""
        started = time.perf_counter()
        found = self.accuracy.scores(job.architecture, job.sequences, job.calibration)
        scores = {"ao": tuple(one.ao for one in found), "auc": tuple(one.success for one in found)}
        return Outcome(scores, time.perf_counter() - started)


def inherited_judge(supernet_path: Path, validation: Validation, device: str = "cpu") -> InheritedJudge:
    """What a worker builds when it starts; arguments as for `InheritedAccuracy`."""
    return InheritedJudge(InheritedAccuracy(supernet_path, validation, device))


def score_each(
    network: SiameseNetwork, sequences: Sequence[tracking_sequence.Sequence], settings: SiameseSettings
) -> list[one_pass.Scores]:
    """Scores of any network on each of some sequences of equal length.

    Args:
        network: What the siamese loop runs, e.g. `TorchNetwork` of a retrained winner.
        sequences: N sequences.
        settings: Sizes and constants to track with.
    """
    scores = []
    for first in range(0, len(sequences), _SIDE_BY_SIDE):
        group = list(sequences[first : first + _SIDE_BY_SIDE])
        tracks = track_lockstep(network, group, settings)
        scores += [one_pass.score(boxes, sequence.boxes) for boxes, sequence in zip(tracks, group, strict=True)]
    return scores


def static_ao(sequences: Iterable[tracking_sequence.Sequence]) -> float:
    """AO of a box that never moves: what is reached without any tracking."""
    return float(np.mean([one_pass.score(np.repeat(sequence.boxes[:1], len(sequence), 0), sequence.boxes).ao for sequence in sequences]))
