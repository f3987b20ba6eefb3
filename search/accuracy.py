"""Average overlap (AO) of an architecture while it really tracks, with weights inherited from a supernet.

Source: one-shot search judges children with shared weights (Guo et al., ECCV 2020; LightTrack, CVPR 2021). A child is cut
out, its BatchNorm statistics are set for each branch, and it tracks generated sequences in lockstep. AO is that of GOT-10k: mean overlap
after the first frame, averaged over sequences. All candidates see the same sequences, so their differences can be
judged pair by pair.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from search.workers.jobs import Job, Outcome
from supernet.calibrate import calibrate
from supernet.checkpoints import load_supernet
from supernet.inference import TorchNetwork, normalise
from supernet.space import Architecture
from tracking import sequence as tracking_sequence
from tracking.benchmarks import one_pass
from tracking.datasets.synthetic import SyntheticPairs, synthetic_sequence
from tracking.lockstep import track_lockstep
from tracking.trackers.siamese import SiameseNetwork, SiameseSettings

_SIDE_BY_SIDE = 16
"""Sequences tracked at once: more would cost memory and save no time."""


class InheritedAccuracy:
    """Judges architectures by tracking with a supernet's weights.

    Args:
        supernet_path: A supernet checkpoint.
        sequences_seed: Seed of the first validation sequence; the others follow. Also draws the calibration pairs.
        count: Number of sequences.
        frames: Frames of each sequence.
        calibration_pairs: Pairs that set the BatchNorm statistics.
    """

    def __init__(self, supernet_path: Path, sequences_seed: int, count: int = 16, frames: int = 40, calibration_pairs: int = 32):
        self._supernet = load_supernet(supernet_path)
        self.family = self._supernet.family
        self._seeds = range(sequences_seed, sequences_seed + count)
        self._frames = frames
        pairs = SyntheticPairs(self.family.template_size, self.family.search_size, sequences_seed).batch(0, calibration_pairs)
        self._templates, self._searches = (torch.from_numpy(normalise(crops)) for crops in (pairs.templates, pairs.searches))
        self._kept: tuple[range, list[tracking_sequence.Sequence]] = (range(0), [])
        self._known: dict[tuple[str, range], np.ndarray] = {}

    def network(self, architecture: Architecture) -> TorchNetwork:
        """An architecture with inherited weights, calibrated and ready to track."""
        network = self._supernet.extract(architecture)
        calibrate(network, self._templates, self._searches)
        return TorchNetwork(network, channels_last=True)

    def sequence_ao(self, architecture: Architecture, seeds: range | None = None) -> np.ndarray:
        """AO on each sequence.

        Args:
            architecture: Of the supernet's family.
            seeds: Seeds of other sequences than the usual ones.

        Returns:
            (N,) from 0 to 1, in the order of the seeds.
        """
        seeds = self._seeds if seeds is None else seeds
        if (architecture.key, seeds) not in self._known:
            aos = sequence_ao(self.network(architecture), self._sequences(seeds), self.family.tracker)
            self._known[architecture.key, seeds] = aos
        return self._known[architecture.key, seeds]

    def _sequences(self, seeds: range) -> list[tracking_sequence.Sequence]:
        if self._kept[0] != seeds:  # one set at a time: forty frames of 320 x 240 are 9 MB
            self._kept = (seeds, [synthetic_sequence(seed, self._frames) for seed in seeds])
        return self._kept[1]


@dataclass(frozen=True)
class InheritedJudge:
    """Answers the jobs of a search."""

    accuracy: InheritedAccuracy

    def __call__(self, job: Job) -> Outcome:
        """Judge one architecture on the sequences of the job."""
        started = time.perf_counter()
        aos = self.accuracy.sequence_ao(job.architecture, job.seeds)
        return Outcome(tuple(aos.tolist()), time.perf_counter() - started)


def inherited_judge(supernet_path: Path, sequences_seed: int, count: int, frames: int) -> InheritedJudge:
    """What a worker builds when it starts; arguments as for `InheritedAccuracy`."""
    return InheritedJudge(InheritedAccuracy(supernet_path, sequences_seed, count, frames))


def sequence_ao(network: SiameseNetwork, sequences: Sequence[tracking_sequence.Sequence], settings: SiameseSettings) -> np.ndarray:
    """AO of any network on each of some sequences of equal length, (N,).

    Args:
        network: What the siamese loop runs, e.g. `TorchNetwork` of a retrained winner.
        sequences: N sequences.
        settings: Sizes and constants to track with.
    """
    aos = []
    for first in range(0, len(sequences), _SIDE_BY_SIDE):
        group = list(sequences[first : first + _SIDE_BY_SIDE])
        tracks = track_lockstep(network, group, settings)
        aos += [one_pass.score(boxes, sequence.boxes).ao for boxes, sequence in zip(tracks, group, strict=True)]
    return np.array(aos)


def static_ao(sequences: Iterable[tracking_sequence.Sequence]) -> float:
    """AO of a box that never moves: what is reached without any tracking."""
    return float(np.mean([one_pass.score(np.repeat(sequence.boxes[:1], len(sequence), 0), sequence.boxes).ao for sequence in sequences]))
