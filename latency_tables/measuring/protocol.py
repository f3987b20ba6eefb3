"""How a table is measured: rounds in random order, a reference model in between, unsteady samples again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from latency_tables.measuring.timing import UNSTEADY, Sample

REFERENCE = "reference"


@dataclass(frozen=True)
class Protocol:
    """How often and for how long everything is timed."""

    rounds: int = 10
    """Many short rounds repeat better than few long ones, because a machine's speed changes within a second."""
    min_runs: int = 5
    """In each round."""
    max_runs: int = 250
    min_ms: float = 5.0
    """Short graphs run more often, until a round of them takes this long."""
    reference_min_ms: float = 20.0
    """The same for the reference, on which everything leans."""
    reference_every: int = 12
    """Graphs between two timings of the reference model."""
    reload_every: int = 3
    """Rounds after which whole networks are loaded anew: where in memory one lies makes a percent, which rounds should average."""
    repeats: int = 2
    """How often samples that turn out to be unsteady are taken again."""
    repeated: float = 0.125
    """The largest share of all samples that is taken again each time, the unsteadiest first."""
    throttled: float = 1.3
    """A device whose reference model takes this many times the best so far is left to cool down."""
    looks: int = 3
    """How often a slow reference is timed again before the device counts as throttled, and not as disturbed for a moment."""
    pause_s: float = 5.0
    """How long a throttled device is left alone before the next look."""
    pauses: int = 6
    """The most of such pauses in one measurement; after them it goes on all the same."""

    def runs(self, one_ms: float, reference: bool = False) -> int:
        """Runs in a round of a graph that takes `one_ms`."""
        least_ms = self.reference_min_ms if reference else self.min_ms
        return min(self.max_runs, max(self.min_runs, math.ceil(least_ms / max(one_ms, 1e-6))))

    def order(self, graphs: Sequence[str], round: int, seed: int) -> list[str]:
        """The graphs of a round, shuffled."""
        return [str(name) for name in np.random.default_rng([seed, round]).permutation(list(graphs))]


def samples(records: Sequence[Mapping]) -> dict[str, dict[int, Sample]]:
    """Samples by graph and round, each with the reference timed around it: median of two before and two after.

    Where a sample was taken again, the one with the steadiest reference counts.

    Args:
        records: What was timed, in order: `graph`, `round`, `cpu_ms`, `wall_ms`, `low_ms`, `quantiles`, `runs`; the reference first
            and last.
    """
    marks = [i for i, record in enumerate(records) if record["graph"] == REFERENCE]
    found: dict[str, dict[int, Sample]] = {}
    for k, (start, end) in enumerate(pairwise(marks), 1):
        before, after = ([records[i]["low_ms"] for i in near] for near in (marks[max(0, k - 2) : k], marks[k : k + 2]))
        reference_ms = float(np.median(before + after))
        drift = abs(float(np.mean(after) - np.mean(before))) / reference_ms
        for record in records[start + 1 : end]:
            figures = (record["cpu_ms"], record["wall_ms"], record["low_ms"], tuple(record["quantiles"]), record["runs"])
            sample = Sample(*figures, reference_ms, drift)
            rounds = found.setdefault(record["graph"], {})
            if record["round"] not in rounds or drift < rounds[record["round"]].drift:
                rounds[record["round"]] = sample
    return found


def unsteady(found: Mapping[str, Mapping[int, Sample]]) -> list[tuple[str, int]]:
    """Graph and round of the samples around which the reference drifted, the unsteadiest first."""
    drifts = {(name, r): sample.drift for name, rounds in found.items() for r, sample in rounds.items() if sample.drift > UNSTEADY}
    return sorted(drifts, key=drifts.__getitem__, reverse=True)
