"""The verb `predict`: what some architectures will cost."""

from __future__ import annotations

from pathlib import Path

from predictors import quantity
from predictors.predictor import LatencyPredictor, load_predictor
from supernet.catalogue import find_architecture
from tracking.files.records import read_record


def predict(arch: list[str], *, predictor: Path, search_size: int | None = None) -> list[dict]:
    """Predict the milliseconds per frame of some architectures, or what else a predictor was fitted for.

    Args:
        arch: Official names, presets (lighttrack-mobile) or architecture .json files, all of the predictor's family.
        predictor: A fitted predictor, a .json file.
        search_size: Side of the search crop in pixels that the answer is wanted for; by default the predictor's.

    Returns:
        One record for each: `name`, `latency_ms`, and `low_ms` and `high_ms`, between which a measurement is expected; of a predictor
        of memory `memory_mb`, `low_mb` and `high_mb`, of energy `energy_mj`, `low_mj` and `high_mj`.

    Raises:
        ValueError: The file is not a predictor, or it does not know an architecture's family or the search crop.
    """
    architectures = [find_architecture(text) for text in arch]
    fitted = _load(Path(predictor))
    if search_size not in (None, fitted.search_size):
        raise ValueError(
            f"this predictor knows search crops of {fitted.search_size} px, the size of the family {fitted.family}, got {search_size}; "
            "leave --search-size out"
        )
    prediction, unit = fitted.predict(architectures), fitted.unit.lower()
    value, low, high = f"{fitted.quantity}_{unit}", f"low_{unit}", f"high_{unit}"
    columns = zip(architectures, prediction.value, prediction.low, prediction.high, strict=True)
    return [{"name": a.name, value: float(v), low: float(lo), high: float(hi)} for a, v, lo, hi in columns]


def _load(path: Path) -> LatencyPredictor | quantity.QuantityPredictor:
    """The predictor that a file holds, of whatever kind."""
    try:
        found = read_record(path).get("format")
    except (OSError, ValueError):
        found = None  # load_predictor says what is wrong
    return quantity.load_quantity(path) if found == quantity.FORMAT else load_predictor(path)
