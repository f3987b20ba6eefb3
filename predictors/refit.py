"""Fits a latency predictor again, with networks that were measured after it was made.

A predictor that was fitted on a table is corrected: a Gaussian process learns by what factor the further networks differ from their
predictions. They were measured last and near the networks that matter, so they are not drowned among those of the table: if all of them
take a tenth longer, every prediction grows by a tenth, and where they disagree, networks that resemble each decide. Worked example: four
networks take 1.10, 1.10, 1.02 and 1.02 times what was predicted. A network that is like the first two is multiplied by about 1.10, one that
is like none of the four by 1.06.

A predictor that `adapt` made is conditioned on the networks that it knows, which are in its file (`held_out`), and the further ones: the
posterior over operators that follows replaces its estimated table. What other chips take is read from the files that it was adapted from;
if they are gone, its own estimated table stands for them.

Milliseconds of the template branch stay as they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from latency_tables.tables.table import LatencyTable
from predictors.encoding import Encoded, Encoder
from predictors.features import FeatureEncoder
from predictors.interval import Interval
from predictors.latency import LatencyPredictor
from predictors.load import load_latency
from predictors.measured import MIN_NETWORKS
from predictors.models.gaussian import Gaussian, Kernel
from predictors.models.model import Model
from predictors.transfer.new_chip import Measured, NewChip
from supernet.catalogue import find_family
from supernet.space import Architecture

Known = Mapping[Architecture, float]
"""Measured milliseconds per frame of networks."""
_KERNEL = Kernel(linear=0.0, smooth=1.0, length=1.0, noise=0.1)
"""Kernel of the correction. It is fixed, since a handful of networks could not tell it; without a linear part, corrections of networks that
are unlike all measured ones fall back to the mean."""


@dataclass(frozen=True)
class Corrected:
    """A model of latency with a correction on top; predictors that hold it are not saved."""

    model: Model
    process: Gaussian
    """Predicts the logarithm of the factor by which the model is off."""

    @classmethod
    def fit(cls, encoded: Encoded, ms: np.ndarray) -> Corrected:
        raise NotImplementedError("a correction is fitted on top of a given model; use refit")

    def predict(self, encoded: Encoded) -> np.ndarray:
        return self.model.predict(encoded) * np.exp(self.process.predict(encoded.features)[0])

    def to_json(self) -> dict:
        raise NotImplementedError("a corrected predictor serves a single search; keep the measurements, and use refit")

    @classmethod
    def from_json(cls, record: dict) -> Corrected:
        raise NotImplementedError("a corrected predictor serves a single search; keep the measurements, and use refit")


def refit(predictor: LatencyPredictor, further: Known, seed: int = 0) -> LatencyPredictor:
    """Fit a predictor to further networks.

    Args:
        predictor: The predictor as it was made; what it is fitted to does not depend on how often that was done before.
        further: All networks measured since, at the speed that the device had when its table was measured.
        seed: Fixes the imagined chips, if the predictor is one that `adapt` made.

    Returns:
        The new predictor, which cannot be saved if it was corrected; the old one if there are no further networks.
    """
    if not further:
        return predictor
    if predictor.about.get("fit", {}).get("chosen") == "transfer":
        return _conditioned(predictor, further, seed)
    encoder = Encoder(predictor.family, predictor.operator_ms, predictor.unsupported)
    encoded, ms = encoder.encode(list(further)), np.array(list(further.values()))
    off = np.log(ms / predictor.model.predict(encoded))
    process = Gaussian(_KERNEL, encoded.features.astype(float), off)
    left_out = [abs(off[i] - _without(process, i)) for i in range(len(off))] if len(off) > 1 else np.abs(off)
    before = [abs(np.log(row["measured_ms"] / row["predicted_ms"])) for row in _held_out(predictor)]
    interval = Interval.conformal(np.array([*before, *left_out]))
    return replace(predictor, model=Corrected(predictor.model, process), interval=interval)


def _without(process: Gaussian, i: int) -> float:
    """What the process predicts for its network `i` if it is fitted to the others."""
    others = process.refit(np.delete(process.features, i, 0), np.delete(process.targets, i))
    return float(others.predict(process.features[i : i + 1])[0][0])


def least_certain(predictor: LatencyPredictor, candidates: Sequence[Architecture], count: int, measured: Known) -> list[int]:
    """Choose the candidates whose predictions are least certain, each in turn given that those before it will be measured.

    A Gaussian process of the predictor's errors over features of the networks says how certain predictions are: less so for networks
    that are unlike all measured ones. Where the errors of too few networks are known, candidates come in the order in which they are given.

    Args:
        predictor: The predictor in use.
        candidates: N different architectures of the predictor's family, which it can predict.
        count: Number of candidates to choose.
        measured: Networks that were measured since the predictor was made.

    Returns:
        Indices of at most `count` candidates.
    """
    errors = {row["name"]: float(np.log(row["measured_ms"] / max(row["predicted_ms"], 1e-9))) for row in _held_out(predictor)}
    parse = find_family(predictor.family).parse
    known: dict[Architecture, float] = {parse(name): error for name, error in errors.items()}
    new = [architecture for architecture in measured if architecture not in known]
    if new:
        left = np.log([measured[each] for each in new]) - np.log(predictor.predict(new).value)
        known |= dict(zip(new, map(float, left), strict=True))
    if len(known) < MIN_NETWORKS:
        return list(range(len(candidates)))[:count]
    encoder = FeatureEncoder(predictor.family, predictor.operator_ms)
    there, asked = (encoder.encode(encoder.choices(list(each))).columns for each in (known, candidates))
    process = Gaussian.fit(there, np.array(list(known.values())), 0)
    chosen: list[int] = []
    while len(chosen) < min(count, len(candidates)):
        doubt = process.predict(asked)[1]
        doubt[chosen] = -1.0
        chosen.append(int(doubt.argmax()))
        # how certain predictions are depends on what is measured, not on what it turns out to be: the expected error stands for it
        expected = process.predict(asked[chosen[-1:]])[0]
        process = process.refit(np.concatenate([process.features, asked[chosen[-1:]]]), np.append(process.targets, expected))
    return chosen


def _held_out(predictor: LatencyPredictor) -> Sequence[Mapping]:
    return predictor.about.get("fit", {}).get("held_out", ())


def _conditioned(predictor: LatencyPredictor, further: Known, seed: int) -> LatencyPredictor:
    """The predictor that follows from all measured networks and from what other chips take."""
    parse = find_family(predictor.family).parse
    known = {**{parse(row["name"]): float(row["measured_ms"]) for row in _held_out(predictor)}, **further}
    chip = NewChip(find_family(predictor.family), _other_chips(predictor), seed)
    measured = Measured(tuple(known), np.array(list(known.values())), predictor.template_ms(list(known)))
    about = {"from": predictor.about["fit"].get("from", [])}
    return replace(chip.fit(measured, predictor.profile, predictor.reference_ms, about), unsupported=predictor.unsupported)


def _other_chips(predictor: LatencyPredictor) -> list[Mapping[str, float]]:
    """Milliseconds of operators on the chips that a predictor was adapted from; its own if a file is gone or of another family."""
    known = []
    try:
        for path in map(Path, predictor.about["fit"].get("from", [])):
            one = LatencyTable.load(path) if path.suffix == ".csv" else load_latency(path)
            if one.profile.family != predictor.family:
                raise ValueError(f"{path} is of the family {one.profile.family}")
            known.append(one.operator_ms() if isinstance(one, LatencyTable) else one.operator_ms)
    except (OSError, ValueError):
        known.clear()
    return known or [predictor.operator_ms]
