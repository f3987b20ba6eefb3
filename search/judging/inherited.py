"""Judges an architecture with weights inherited from a supernet: on fixed pairs, on clips, or on both.

A subnet is cut out of the supernet, the statistics of its BatchNorms are set for each branch, and then they are folded into its
convolutions. Which pairs and clips it is judged on is in the job, and equal for all candidates; see `pairs` and `clips`.

Source: one-shot search judges subnets with shared weights (Guo et al., ECCV 2020; LightTrack, CVPR 2021).
"""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch import nn

from search.judging.clips import ao_behind_cameras, score_each
from search.judging.fixed_pairs import FixedPairs
from search.judging.judge import Job, Outcome
from search.judging.pairs import PairJudge
from search.judging.validation import Validation
from supernet.checkpoints import load_supernet
from supernet.deploy.torch_graphs import TorchGraphs, check_device
from supernet.space import Architecture
from supernet.training.batches import resized, tensors
from supernet.training.calibrate import calibrate
from supernet.training.folded import fold
from tracking import sequence as tracking_sequence
from tracking.trackers import TRACKERS, Procedure


class InheritedJudge:
    """Judges architectures with a supernet's weights.

    Args:
        supernet_path: Checkpoint of a supernet.
        validation: The source of clips, of fixed pairs, and of the pairs that set BatchNorm statistics.
        device: Where torch runs networks: cpu or a CUDA device.
        folder: Folder that keeps the fixed pairs for all workers; without one, each renders them.
    """

    def __init__(self, supernet_path: Path, validation: Validation, device: str = "cpu", folder: Path | None = None):
        check_device(device)
        self._supernet = load_supernet(supernet_path)
        self.family = self._supernet.family
        self._validation = validation
        self._device = device
        self._pairs = PairJudge(self.family, FixedPairs(validation, self.family, folder), device)
        self._crops: dict[int, tuple[torch.Tensor, ...]] = {}
        self._kept: tuple[range, list[tracking_sequence.Sequence]] = (range(0), [])

    def __call__(self, job: Job) -> Outcome:
        started = time.perf_counter()
        network = self._network(job.architecture, job.calibration)
        scores = self._pairs(network, job.architecture, job.pairs) if job.pairs else {}
        if job.sequences:
            procedure, clips = self._procedure(network, job.architecture), self._sequences(job.sequences)
            found = score_each(procedure, clips)
            scores |= {"ao": tuple(one.ao for one in found), "auc": tuple(one.success for one in found)}
            scores |= ao_behind_cameras(procedure, clips, job.cameras, scores["ao"])
        return Outcome(scores, time.perf_counter() - started)

    def procedure(self, architecture: Architecture, calibration: int = 0) -> Procedure:
        """The tracking procedure of an architecture with inherited weights.

        Args:
            architecture: An architecture of the supernet's family.
            calibration: Number of the draw of pairs that sets the statistics of its BatchNorm layers.
        """
        return self._procedure(self._network(architecture, calibration), architecture)

    def _procedure(self, network: nn.Module, architecture: Architecture) -> Procedure:
        graphs = TorchGraphs(network, self.family.graphs(architecture), self._device, channels_last=True)
        return TRACKERS[self.family.tracker][1](graphs, self.family.settings_of(architecture))

    def _network(self, architecture: Architecture, calibration: int) -> nn.Module:
        """The network of an architecture, ready to be run."""
        network = self._supernet.extract(architecture).to(self._device)
        batch = resized(self._calibration(calibration), self.family.settings, self.family.settings_of(architecture))
        templates, searches = batch[:2]
        calibrate(network, templates, searches)
        fold(network, templates[:1], searches[:1])
        return network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def _calibration(self, draw: int) -> tuple[torch.Tensor, ...]:
        """A draw of calibration pairs as tensors; see `tensors`."""
        if draw not in self._crops:
            batch = tensors(self._validation.pairs(self.family.settings, draw))
            self._crops = {draw: tuple(part.to(self._device) for part in batch)}  # one draw at a time
        return self._crops[draw]

    def _sequences(self, sequences: range) -> list[tracking_sequence.Sequence]:
        if self._kept[0] != sequences:  # one set at a time: forty frames of 320 x 240 are 9 MB
            self._kept = (sequences, [self._validation.sequence(number) for number in sequences])
        return self._kept[1]
