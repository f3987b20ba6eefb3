"""Reads the file of a predictor, whatever it predicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from predictors import latency, metric
from predictors.predictor import Predictor
from tracking.files.records import read_record

_READERS: dict[str, Any] = {latency.FORMAT: latency.from_json, metric.FORMAT: metric.from_json}
"""Functions that build a predictor from a record, by the name of the file format."""


def load_predictor(path: Path) -> Predictor:
    """Read a predictor from the file that its `save` wrote.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not a predictor in a known format, is incomplete, or its family has changed since.
    """
    if not path.is_file():
        raise FileNotFoundError(f"a predictor must be a file, {path} is none; write one with chiptrack fit-predictor")
    try:
        record = read_record(path)
    except (OSError, ValueError) as err:
        raise ValueError(
            f"a predictor must be a readable JSON file, {path} is not ({err!s:.120}); write one with chiptrack fit-predictor"
        ) from err
    read = _READERS.get(str(record.get("format")))
    if read is None:
        found = f"has {record['format']!r:.80}" if "format" in record else "has none"
        raise ValueError(
            f"a predictor must have the format {' or '.join(_READERS)}, {path} {found}; fit it again with chiptrack fit-predictor"
        )
    try:
        found = read(record)
        said = {"quantity": found.metric, "unit": found.unit}
        if other := [name for name, value in said.items() if record.get(name, value) != value]:
            raise ValueError(f"its {' and '.join(other)}, which a predictor of {found.metric} in {found.unit} does not have")
        return found
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as err:
        reason = str(err).partition("\n")[0]
        raise ValueError(f"a predictor must be whole, {path} fails at {reason:.160}; write it again with chiptrack fit-predictor") from err


def load_latency(path: Path) -> latency.LatencyPredictor:
    """Read a predictor of latency from its file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not a predictor, or predicts another metric.
    """
    found = load_predictor(path)
    if not isinstance(found, latency.LatencyPredictor):
        raise ValueError(f"a predictor of latency is needed here, {path} predicts {found.metric}; fit one with chiptrack fit-predictor")
    return found
