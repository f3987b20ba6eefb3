"""How a table is measured: rounds in random order, a reference model in between, unsteady samples again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from latency_tables.timing import UNSTEADY, Sample

REFERENCE = "reference"


@dataclass(frozen=True)
class Protocol:
    """How often and for how long everything is timed."""

    rounds: int = 5
    min_runs: int = 10
    """In each round."""
    max_runs: int = 500
    min_ms: float = 10.0
    """Short graphs run more often, until a round of them takes this long."""
    reference_every: int = 16
    """Graphs between two timings of the reference model."""
    repeats: int = 2
    """How often samples that turn out to be unsteady are taken again."""
    throttled: float = 1.3
    """A device whose reference model takes this many times the best so far is left to cool down."""
    pause_s: float = 5.0
    """Between two looks at a device that cools down."""
    pauses: int = 12
    """Looks at a device that cools down before measuring goes on all the same; also the most of them in a row of rounds."""

    def runs(self, one_ms: float) -> int:
        """Runs in a round of a graph that takes `one_ms`."""
        return min(self.max_runs, max(self.min_runs, math.ceil(self.min_ms / max(one_ms, 1e-6))))

    def order(self, graphs: Sequence[str], round: int, seed: int) -> list[str]:
        """The graphs of a round, shuffled."""
        return [str(name) for name in np.random.default_rng([seed, round]).permutation(list(graphs))]


def samples(records: Sequence[Mapping], clock: str) -> dict[str, dict[int, Sample]]:
    """Samples by graph and round, each with the reference timed around it: median of two before and two after.

    Where a sample was taken again, the one with the steadiest reference counts.

    Args:
        records: What was timed, in order: `graph`, `round`, `cpu_ms`, `wall_ms`, `quantiles`, `runs`; the reference first and last.
        clock: `cpu` or `wall`, the one that ranks.
    """
    ranked = f"{clock}_ms"
    places = [i for i, record in enumerate(records) if record["graph"] == REFERENCE]
    found: dict[str, dict[int, Sample]] = {}
    for k, (start, end) in enumerate(pairwise(places), 1):
        before, after = ([records[i][ranked] for i in near] for near in (places[max(0, k - 2) : k], places[k : k + 2]))
        reference_ms = float(np.median(before + after))
        drift = abs(float(np.mean(after) - np.mean(before))) / reference_ms
        for record in records[start + 1 : end]:
            sample = Sample(record["cpu_ms"], record["wall_ms"], tuple(record["quantiles"]), record["runs"], reference_ms, drift)
            rounds = found.setdefault(record["graph"], {})
            if record["round"] not in rounds or drift < rounds[record["round"]].drift:
                rounds[record["round"]] = sample
    return found


def unsteady(found: Mapping[str, Mapping[int, Sample]]) -> list[tuple[str, int]]:
    """Graph and round of the samples around which the reference drifted."""
    return [(name, r) for name, rounds in found.items() for r, sample in rounds.items() if sample.drift > UNSTEADY]
