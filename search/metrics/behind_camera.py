"""The metric `ao@FPS`: AO on a chip behind a camera that does not wait, the one number that joins accuracy and latency.

A candidate tracks the validation sequences as for `ao`, but sees only those frames for which the chip is fast enough at its predicted
latency; the others count with what it said last. See `tracking.camera.schedule` for the rule. At latencies up to the time between two frames it
is equal to `ao`, so a network that is faster still gains nothing; a slower one loses by what its targets do meanwhile.

Worked example: at 30 frames a second there are 33.3 ms between two. A network of 20 ms on a phone and 50 ms on a board sees every frame on the
phone, where its `ao@30:phone` is its `ao`; on the board it sees frames 1, 2, 4, 5, 7 and so on, and what
it says of each counts from the next of these on.

The latency is the mean prediction of the predictor that the search was given, so that all candidates are judged alike; where the best are
judged again, it is the measured one if they were measured.
"""

from __future__ import annotations

import numpy as np

from predictors.latency import LatencyPredictor
from search.metrics.metric import Evaluate, Known, Metric, MetricKind, Objective
from search.metrics.predicted import predicted_latency, template_latency

AO_AT = "ao@FPS"
"""The kind; a metric of it has a rate and a device."""


def ao_behind_camera(predictor: LatencyPredictor, fps: float, device: str = "") -> Objective:
    """The objective `ao@FPS`: AO while tracking validation sequences with restarts behind a camera, at the latency of a device.

    Args:
        predictor: A fitted predictor of latency.
        fps: Frames that arrive in a second.
        device: Name of the device, if there are several.
    """
    metric = Metric(AO_AT, direction="maximize", source="inherited weights", device=device, fps=fps)
    return Objective(metric, times=_times(predictor))


def _times(predictor: LatencyPredictor) -> Evaluate:
    frame, target = predicted_latency(predictor), template_latency(predictor)
    return lambda choices: np.stack([frame.of(choices), target.of(choices)], axis=1)


def _objectives(known: Known) -> list[Objective]:
    chips = [(device, chip) for device, chip in known.predictors.get("latency", ()) if isinstance(chip, LatencyPredictor)]
    return [ao_behind_camera(chip, fps, device) for fps in known.rates for device, chip in chips]


KINDS = (MetricKind(AO_AT, "AO behind a camera of FPS fps", _objectives, predictor="latency"),)
