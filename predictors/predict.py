"""The verb `predict`: what some architectures will cost."""

from __future__ import annotations

from pathlib import Path

from predictors.load import load_predictor
from supernet.catalogue import find_architecture


def predict(arch: list[str], *, predictor: Path) -> list[dict]:
    """Predict the milliseconds per frame of some architectures, or what else a predictor was fitted for.

    Args:
        arch: Official names, presets (lighttrack-mobile), FAMILY:SPELLING or architecture .json files, all of the predictor's family.
        predictor: A fitted predictor, a .json file.

    Returns:
        One record for each: `name`, `latency_ms`, and `low_ms` and `high_ms`, between which a measurement is expected; of a predictor
        of memory `memory_mb`, `low_mb` and `high_mb`, of energy `energy_mj`, `low_mj` and `high_mj`.

    Raises:
        ValueError: The file is not a predictor, or it does not know an architecture's family.
    """
    architectures = [find_architecture(text) for text in arch]
    fitted = load_predictor(Path(predictor))
    prediction, unit = fitted.predict(architectures), fitted.unit.lower()
    value, low, high = f"{fitted.metric}_{unit}", f"low_{unit}", f"high_{unit}"
    columns = zip(architectures, prediction.value, prediction.low, prediction.high, strict=True)
    return [{"name": a.name, value: float(v), low: float(lo), high: float(hi)} for a, v, lo, hi in columns]
