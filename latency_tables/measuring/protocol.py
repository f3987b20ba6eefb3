"""The measuring protocol: models are timed in rounds of random order with a reference model in between; unsteady samples are repeated."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from latency_tables.measuring.timing import QUANTILES, UNSTEADY, Sample
from tracking.files.records import is_number

REFERENCE = "reference"
"""Name of the reference model in records of samples."""
_MOST = 1e12
"""Largest number of a record, such as milliseconds, that is believed."""


@dataclass(frozen=True)
class Protocol:
    """How often and for how long models are timed, and when the device is left to cool down."""

    rounds: int = 10
    """Number of rounds, in each of which every model is timed once.

    Many short rounds repeat better than few long ones, because a machine's speed changes within a second."""
    min_runs: int = 5
    """Smallest number of runs of a model in a round."""
    max_runs: int = 250
    """Largest number of runs of a model in a round."""
    min_ms: float = 5.0
    """Milliseconds that the runs of a model in a round should take together, so that short models run more often."""
    reference_min_ms: float = 20.0
    """The same for the reference model, whose times all others are divided by."""
    reference_every: int = 12
    """Number of models that are timed between two timings of the reference model."""
    reload_every: int = 3
    """Number of rounds after which whole networks are loaded anew.

    The place in memory changes a network's time by about a percent, which averages out over the rounds."""
    repeats: int = 2
    """How many times unsteady samples are taken again, at most."""
    repeated: float = 0.125
    """Largest share of all samples that is taken again each time, the unsteadiest first."""
    throttled: float = 1.3
    """A device counts as slow if the reference model takes more than this many times its shortest time so far."""
    looks: int = 3
    """Number of slow timings of the reference model in a row after which a device counts as throttled, and not as disturbed briefly."""
    pause_s: float = 5.0
    """Seconds that a throttled device is left alone before the reference model is timed again."""
    pauses: int = 6
    """Largest number of such pauses in one measurement; after them the measurement goes on, slow or not."""

    def runs(self, one_ms: float, reference: bool = False) -> int:
        """Number of runs in a round for a model that takes `one_ms`.

        Args:
            one_ms: Milliseconds of one run.
            reference: Whether the model is the reference model.

        >>> Protocol().runs(0.1), Protocol().runs(30.0), Protocol().runs(0.001)
        (50, 5, 250)
        """
        least_ms = self.reference_min_ms if reference else self.min_ms
        return min(self.max_runs, max(self.min_runs, math.ceil(least_ms / max(one_ms, 1e-6))))

    def order(self, graphs: Sequence[str], round: int, seed: int) -> list[str]:
        """Names of the models in the random order of one round, which seed and round fix."""
        return [str(name) for name in np.random.default_rng([seed, round]).permutation(list(graphs))]


def samples(records: Sequence[Mapping]) -> dict[str, dict[int, Sample]]:
    """Samples by name of the model and round, each with the time of the reference model around it.

    `Sample.reference_ms` is the median of up to two timings of the reference model before the sample and up to two after it;
    `Sample.drift` is the relative change of their mean from before to after. Example: 10.0 and 10.2 ms before, 10.4 and 10.6 ms after give
    10.3 ms, and a drift of (10.5 - 10.1) / 10.3 = 0.039. Of repeated samples, the one with the smallest drift counts.

    Args:
        records: Records of timings, in the order in which they were taken, with `graph` (name of the model, `reference` for the
            reference model), `round`, `cpu_ms`, `wall_ms`, `low_ms`, `quantiles`, `runs`. The first and the last must be of the
            reference model.
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
    """Model and round of the samples whose drift is larger than `UNSTEADY`, the largest drift first."""
    drifts = {(name, r): sample.drift for name, rounds in found.items() for r, sample in rounds.items() if sample.drift > UNSTEADY}
    return sorted(drifts, key=drifts.__getitem__, reverse=True)


def check_record(record: Mapping, protocol: Protocol) -> None:
    """Check that a record of a journal is one that a campaign of this protocol writes.

    Raises:
        ValueError: Its kind is unknown, or a field is missing or of another type.
    """
    fields = _FIELDS.get(str(record.get("kind")))
    if fields is None:
        raise ValueError(f"no record is of kind {record.get('kind')!r:.40}")
    if missing := fields.keys() - record.keys() - _OPTIONAL:
        raise ValueError(f"a record {record['kind']!r} must have {', '.join(sorted(missing))}")
    for name, right in fields.items():
        if not right(record.get(name)):
            raise ValueError(f"{name} of a record {record['kind']!r} must not be {record.get(name)!r:.60}")
    if record["kind"] == "time" and record["graph"] == REFERENCE and not record["low_ms"] > 0:
        raise ValueError("the reference model must take more than 0 ms")
    if record["kind"] == "time" and not (record["round"] < protocol.rounds and record["again"] <= protocol.repeats):
        raise ValueError(f"there is no round {record['round']} repeated {record['again']} times")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_amount(value: object) -> bool:
    return is_number(value) and 0 <= value <= _MOST


def _is_count(value: object) -> bool:
    return isinstance(value, int) and _is_amount(value)


def _is_reading(value: object) -> bool:
    return value is None or is_number(value)


def _are_quantiles(value: object) -> bool:
    return isinstance(value, list) and len(value) == len(QUANTILES) and all(map(_is_amount, value))


_FIELDS: dict[str, dict[str, Callable[[object], bool]]] = {
    "unsupported": {"graph": _is_text, "reason": _is_text},
    "memory": {"graph": _is_text, "mb": _is_amount},
    "energy": {"graph": _is_text, "meter": _is_text, "mj": _is_amount},
    "ready": {"graph": _is_text, "sha256": _is_text, "difference": _is_reading},
    "pause": {},
    "time": {
        "graph": _is_text,
        "round": _is_count,
        "again": _is_count,
        **dict.fromkeys(("cpu_ms", "wall_ms", "low_ms"), _is_amount),
        "quantiles": _are_quantiles,
        "runs": lambda value: _is_count(value) and value != 0,
        **dict.fromkeys(("mhz", "celsius"), _is_reading),
    },
}
"""What the fields of a record must be, by its kind; `Campaign` writes them."""
_OPTIONAL = {"mhz", "celsius"}
"""Fields that a record may lack, since not every device tells them."""
