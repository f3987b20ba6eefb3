"""The verb `predict`: what some architectures will cost."""

from __future__ import annotations

from pathlib import Path

from predictors.predictor import load_predictor
from supernet.catalogue import find_architecture


def predict(arch: list[str], *, predictor: Path, search_size: int | None = None) -> list[dict]:
    """Predict the milliseconds per frame of some architectures.

    Args:
        arch: Official names, presets (lighttrack-mobile) or architecture .json files, all of the predictor's family.
        predictor: A fitted predictor, a .json file.
        search_size: Side of the search crop in pixels that the answer is wanted for; by default the predictor's.

    Returns:
        One record for each: `name`, `latency_ms`, and `low_ms` and `high_ms`, between which a measurement is expected.

    Raises:
        ValueError: The file is not a predictor, or it does not know an architecture's family or the search crop.
    """
    architectures = [find_architecture(text) for text in arch]
    fitted = load_predictor(predictor)
    if search_size not in (None, fitted.search_size):
        raise ValueError(
            f"this predictor knows search crops of {fitted.search_size} px, the size of the family {fitted.family}, got {search_size}; "
            "leave --search-size out"
        )
    prediction = fitted.predict(architectures)
    columns = zip(architectures, prediction.value, prediction.low, prediction.high, strict=True)
    return [{"name": a.name, "latency_ms": float(v), "low_ms": float(low), "high_ms": float(high)} for a, v, low, high in columns]
