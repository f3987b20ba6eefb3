"""What predictors say of a device: latency of a frame and of a new target, memory and energy."""

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
    """Predicted milliseconds per frame on the predictor's device, infinite where it cannot run; its noise is half the predicted interval.

    Args:
        predictor: A fitted predictor.
        device: What to call the device, where there are several.
    """
    value, noise = (_where_it_runs(predictor, evaluate) for evaluate in _value_and_noise(predictor))
    return Objective(_of(LATENCY, device), value, noise)


def template_latency(predictor: LatencyPredictor, device: str = "") -> Objective:
    """Predicted milliseconds of the template branch, which runs once for each target; infinite where it cannot run."""
    return Objective(_of(TEMPLATE, device), _where_it_runs(predictor, predictor.template_ms_choices))


def predicted_metric(predictor: Predictor, device: str = "") -> Objective:
    """What a predictor of memory or energy says; its noise is half the predicted interval."""
    return Objective(_of(Metric(predictor.metric, predictor.unit, source="predicted"), device), *_value_and_noise(predictor))


def unsupported(predictor: LatencyPredictor, device: str = "") -> Objective:
    """Operators of the search and template branches that a predictor's device cannot run, or that were not measured on it."""
    return Objective(Metric("unsupported", "operators", device=device), predictor.missing_choices)


def _of(metric: Metric, device: str) -> Metric:
    return Metric(metric.kind, metric.unit, metric.direction, metric.source, device)


def _value_and_noise(predictor: Predictor) -> tuple[Evaluate, Evaluate]:
    """The values of a predictor, and half the widths of their intervals."""

    def half(choices: np.ndarray) -> np.ndarray:
        answer = predictor.predict_choices(choices)
        return (answer.high - answer.low) / 2

    return lambda choices: predictor.predict_choices(choices).value, half


def _where_it_runs(predictor: LatencyPredictor, evaluate: Evaluate) -> Evaluate:
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
        "the time per frame, such as 8ms; for one of several devices phone=8ms, where its predictor is phone.json",
        "time",
        faster=True,
        predictor="latency",
    ),
    MetricKind(
        "template",
        "ms per new target",
        partial(_latencies, template_latency),
        parse_ms,
        "the time per new target, written as for the time per frame",
        "time",
        faster=True,
        predictor="latency",
    ),
    MetricKind(
        "memory",
        "memory in MB",
        partial(_of_kind, "memory"),
        parse_amount,
        "the peak memory in MB; needs a predictor of it",
        "memory",
        predictor="memory",
    ),
    MetricKind(
        "energy",
        "energy in mJ",
        partial(_of_kind, "energy"),
        parse_amount,
        "the energy per frame in mJ; needs a predictor of it",
        "energy",
        predictor="energy",
    ),
)
