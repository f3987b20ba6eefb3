"""The verb `predict`: what given architectures will cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from predictors.load import load_predictor
from supernet.catalogue import find_architecture
from tracking.files.guard import Reads


def predict(arch: Annotated[list[str], Reads()], *, predictor: Annotated[Path, Reads()]) -> list[dict]:
    """Predict the milliseconds per frame of architectures, or another metric that the predictor was fitted for.

    Args:
        arch: Architectures of the predictor's family: official names, presets (lighttrack-mobile), FAMILY:SPELLING or architecture .json
            files.
        predictor: A fitted predictor, a .json file.

    Returns:
        One record for each architecture: `name`, the prediction, and the two values between which a measurement is expected. For latency
        these are `latency_ms`, `low_ms` and `high_ms`; for memory `memory_mb`, `low_mb` and `high_mb`; for energy `energy_mj`, `low_mj`
        and `high_mj`; for accuracy `accuracy_ao`, `low_ao` and `high_ao`.

    Raises:
        FileNotFoundError: There is no such predictor.
        ValueError: The file is not a predictor, a text names no architecture, or an architecture is of another family.
        MissingOperators: The latency table behind the predictor lacks operators of these architectures.
    """
    architectures = [find_architecture(text) for text in arch]
    fitted = load_predictor(Path(predictor))
    prediction, unit = fitted.predict(architectures), fitted.unit.lower()
    value, low, high = f"{fitted.metric}_{unit}", f"low_{unit}", f"high_{unit}"
    columns = zip(architectures, prediction.value, prediction.low, prediction.high, strict=True)
    return [{"name": a.name, value: float(v), low: float(lo), high: float(hi)} for a, v, lo, hi in columns]
