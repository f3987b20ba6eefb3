"""The verb `predict`: what some architectures will cost."""

from __future__ import annotations

from pathlib import Path

from predictors.predictor import load_predictor
from supernet.space import Architecture


def predict(architectures: list[Architecture], predictor: Path) -> list[dict]:
    """Predict the milliseconds per frame of some architectures.

    Args:
        architectures: All of the family that the predictor was fitted on.
        predictor: A fitted predictor, a .json file.

    Returns:
        One record for each: `name`, `latency_ms`, and `low_ms` and `high_ms`, between which a measurement is expected.

    Raises:
        ValueError: The file is not a predictor, or an architecture is of another family.
    """
    prediction = load_predictor(predictor).predict(architectures)
    columns = zip(architectures, prediction.value, prediction.low, prediction.high, strict=True)
    return [{"name": a.name, "latency_ms": float(v), "low_ms": float(low), "high_ms": float(high)} for a, v, low, high in columns]
