"""Metrics that are predicted for a device: latency per frame and per new target, memory and energy."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from predictors.latency import LatencyPredictor
from predictors.predictor import Predictor
from search.metrics.amounts import parse_amount, parse_ms
from search.metrics.metric import Evaluate, Known, Metric, MetricKind, Objective

LATENCY = Metric("latency", "ms", source="predicted")
TEMPLATE = Metric("template", "ms", source="predicted")


def predicted_latency(predictor: LatencyPredictor, device: str = "") -> Objective:
    """The objective `latency`: predicted milliseconds per frame on the predictor's device.

    It is infinite for an architecture with operators that have no time there. Its noise is half the width of the predicted interval.

    Args:
        predictor: A fitted predictor of latency.
        device: Name of the device, if there are several.
    """
    value, noise = (_where_it_runs(predictor, evaluate) for evaluate in _value_and_noise(predictor))
    return Objective(_of(LATENCY, device), value, noise)


def template_latency(predictor: LatencyPredictor, device: str = "") -> Objective:
    """The objective `template`: predicted milliseconds of the template branch, which runs once per target; infinite as for `latency`."""
    return Objective(_of(TEMPLATE, device), _where_it_runs(predictor, predictor.template_ms_choices))


def predicted_metric(predictor: Predictor, device: str = "") -> Objective:
    """The objective `memory` or `energy`: what a predictor of it says; its noise is half the width of the predicted interval."""
    return Objective(_of(Metric(predictor.metric, predictor.unit, source="predicted"), device), *_value_and_noise(predictor))


def unsupported(predictor: LatencyPredictor, device: str = "") -> Objective:
    """The objective `unsupported`: number of operators, in both branches, that the device cannot run or that were not measured on it."""
    return Objective(Metric("unsupported", "operators", device=device), predictor.missing_choices)


def _of(metric: Metric, device: str) -> Metric:
    """The metric on a device of this name."""
    return Metric(metric.kind, metric.unit, metric.direction, metric.source, device)


def _value_and_noise(predictor: Predictor) -> tuple[Evaluate, Evaluate]:
    """Two functions: one computes the predicted values, one half the widths of their intervals."""

    def half(choices: np.ndarray) -> np.ndarray:
        answer = predictor.predict_choices(choices)
        return (answer.high - answer.low) / 2

    return lambda choices: predictor.predict_choices(choices).value, half


def _where_it_runs(predictor: LatencyPredictor, evaluate: Evaluate) -> Evaluate:
    """A function with the values of `evaluate`, but infinite for architectures with operators that have no time."""

    def known(choices: np.ndarray) -> np.ndarray:
        values = np.full(len(choices), math.inf)
        runs = predictor.missing_choices(choices) == 0
        values[runs] = evaluate(choices[runs])
        return values

    return evaluate if predictor.complete else known


def _latencies(make, known: Known) -> list[Objective]:
    named = known.predictors.get("latency", ())
    return [make(predictor, device) for device, predictor in named if isinstance(predictor, LatencyPredictor)]


def _of_kind(metric: str, known: Known) -> list[Objective]:
    return [predicted_metric(predictor, device) for device, predictor in known.predictors.get(metric, ())]


KINDS = (
    MetricKind(
        "latency",
        "ms per frame",
        partial(_latencies, predicted_latency),
        parse_ms,
        "the time per frame, such as 8ms; phone=8ms limits only the device whose predictor is phone.json",
        "time",
        faster=True,
        predictor="latency",
    ),
    MetricKind(
        "template",
        "ms per new target",
        partial(_latencies, template_latency),
        parse_ms,
        "the time per new target, such as 5ms or phone=5ms",
        "time",
        faster=True,
        predictor="latency",
    ),
    MetricKind(
        "memory",
        "memory in MB",
        partial(_of_kind, "memory"),
        parse_amount,
        "the growth of the peak memory in MB, such as 40; needs a predictor of memory",
        "memory",
        predictor="memory",
    ),
    MetricKind(
        "energy",
        "energy in mJ",
        partial(_of_kind, "energy"),
        parse_amount,
        "the energy per frame in mJ, such as 12; needs a predictor of energy",
        "energy",
        predictor="energy",
    ),
)
