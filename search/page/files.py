"""Reads the files that a page is drawn from, and checks in them whatever the page uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from search.metrics.metric import Metric
from supernet.catalogue import find_family
from tracking.files.records import is_number, numbers, read_record, texts

_MOST_DEEP = 20
"""Levels of a record; the page lists the contents of all."""


def read_settings(path: Path) -> dict:
    """Read `settings.json` of a search; returns an empty record if the file does not exist.

    Raises:
        ValueError: It is not as a search writes it.
    """
    return _read(path, _check_settings)


def read_summary(path: Path, settings: Mapping) -> dict:
    """Read `summary.json` of a search with these settings; returns an empty record if the file does not exist.

    Raises:
        ValueError: It is not as a search writes it.
    """
    return _read(path, lambda summary: _check_summary(summary, settings))


def read_job(path: Path) -> dict:
    """Read a record of any figures by name; returns an empty one if the file does not exist.

    Raises:
        ValueError: It is no JSON object, or has too many levels.
    """
    return _read(path, lambda record: None)


def _read(path: Path, check: Callable[[dict], None]) -> dict:
    if not path.is_file():
        return {}
    try:
        record = read_record(path)
    except ValueError as err:
        raise ValueError(f"{path.name} must be a JSON object, {path} is none ({err!s:.120}); remove it") from err
    try:
        _check_depth(record, _MOST_DEEP)
        check(record)
    except (KeyError, TypeError, AttributeError, ValueError) as err:
        said = f"lacks {err}" if isinstance(err, KeyError) else str(err)
        raise ValueError(f"{path.name} must be as `chiptrack search` writes it, {path} is not ({said:.160}); search anew") from err
    return record


def _check_depth(value: object, left: int) -> None:
    if not left:
        raise ValueError(f"it has more than {_MOST_DEEP} levels")
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_depth(each, left - 1)


def _check_settings(settings: dict) -> None:
    find_family(settings["family"])
    names = [[Metric.from_json(record).name for record in settings[field]] for field in ("objectives", "figures")]
    if not set(names[0]) <= set(names[1]) or any(len(set(each)) < len(each) for each in names):
        raise ValueError("the objectives must be among the figures, and each once")
    numbers(settings.get("limits", {}))
    path = _object(settings, "supernet").get("path")
    if not isinstance(path, str | None):
        raise ValueError(f"the supernet's path must be a text, got {path!r:.40}")
    for predictor in _list(settings, "predictors"):
        texts({name: predictor[name] for name in ("path", "sha256", "metric") if name in predictor})
        if any(isinstance(value, dict | list) for value in _object(predictor, "profile").values()):
            raise ValueError("the profile of a predictor must hold texts and numbers")
        interval = predictor.get("interval")
        if interval is not None and not {"low", "high"} <= numbers(interval).keys():
            raise ValueError("the interval of a predictor must have low and high")


def _check_summary(summary: dict, settings: Mapping) -> None:
    noise = _object(summary, "noise")
    for record, fields in ((summary, ("optimism", "harder_data", "rejected_share", "static_ao")), (noise, ("calibration", "tie_within"))):
        for name in fields:
            if (record.get(name) is not None or name == "static_ao" and name in record) and not is_number(record[name]):
                raise ValueError(f"{name} must be a number, got {record[name]!r:.40}")
    reliable = _object(summary, "reliability")
    if strange := [name for name, value in reliable.items() if not is_number(value)]:
        raise ValueError(f"the reliability must consist of numbers, {strange[0]:.40} is none")
    known = {Metric.from_json(record).name for record in settings.get("figures", [])}
    verified = _object(summary, "verified")
    for part, check in (("measured", numbers), ("outside", numbers), ("corrected", numbers), ("missing", texts)):
        if strange := check(_object(verified, part)).keys() - known:
            raise ValueError(f"no figure is called {min(strange):.40}")
    for name in _object(summary, "learned"):
        learned = _object(summary["learned"], name)
        if name not in known or not {"measured", "compared"} <= numbers({n: v for n, v in learned.items() if v is not None}).keys():
            raise ValueError(f"what was learned of {name:.40} must be numbers")
        if not {"before", "after"} <= learned.keys():
            raise ValueError(f"what was learned of {name:.40} must have before and after")
    if any(not factor for factor in _object(verified, "corrected").values()):
        raise ValueError("a factor must be above 0")


def _object(record: Mapping, name: str) -> dict[str, Any]:
    value = record.get(name)
    if not isinstance(value, dict | None):
        raise ValueError(f"{name} must be an object, got {value!r:.40}")
    return value or {}


def _list(record: Mapping, name: str) -> list[dict]:
    value = record.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ValueError(f"{name} must be a list of objects, got {value!r:.40}")
    return value
