"""The parts of the page that are lists of names and texts: how certain the figures are, how they were found, figures of the whole job."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping

import numpy as np

from search.page.data import ReportData
from search.page.wording import title


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """Return rows of a name and a text as an HTML list; both texts are escaped."""
    cells = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in rows)
    return f"<dl>{cells}</dl>"


def certainty(data: ReportData) -> list[tuple[str, str]]:
    """Return rows on how noisy accuracies are and how well predictions agreed with measurements."""
    accuracy = title(data.accuracy)
    rows = []
    noise, verified = data.summary.get("noise", {}), data.summary.get("verified", {})
    found = [candidate.figures[data.accuracy].noise for candidate in data.candidates]
    errors = [error for error in found if error is not None]
    if errors:
        rows.append(
            (
                f"noise of {accuracy} from the choice of sequences or pairs",
                f"± {np.median(errors):.3f}, one standard error of a typical candidate",
            )
        )
    if noise.get("calibration"):
        rows.append(
            (f"noise of {accuracy} from calibration", f"± {noise['calibration']:.4f}, one standard deviation over other calibration pairs")
        )
    if noise.get("tie_within"):
        rows.append(("a tie", f"differences below about {noise['tie_within']:.3f}: two standard errors, with both kinds of noise"))
    if known := data.reliability:
        rows.append((f"reliability of {accuracy}", known.told(accuracy)))
    named = {metric.name: metric for metric in data.metrics}
    for name in {**verified.get("measured", {}), **verified.get("missing", {})}:
        rows.append((title(named[name]), _verified(name, verified)))
    for name, learned in data.summary.get("learned", {}).items():
        rows.append((f"{title(named[name])}, during the search", _learned(learned)))
    measured = sum(any(figure.source == "measured" for figure in candidate.figures.values()) for candidate in data.candidates)
    rows.append(("measured on a device", f"{measured} of {len(data.candidates):,} candidates; all other times are predicted"))
    return rows


def _verified(name: str, verified: Mapping) -> str:
    if name not in verified.get("measured", {}):
        return f"the front stays predicted: {verified['missing'][name]}"
    text = f"{verified['measured'][name]} measured, {verified.get('outside', {}).get(name, 0)} outside the intervals of their predictions"
    factor = verified.get("corrected", {}).get(name)
    return text + ("" if factor is None else f"; predictions of the others are multiplied by {factor:.3f}")


def _learned(learned: Mapping) -> str:
    text = f"{learned['measured']} measured, and the predictor was fitted again"
    if learned["before"] is None or learned["after"] is None:
        return text
    return f"{text}; its mean error on {learned['compared']} that were measured later: {learned['before']:.1f} % before, {learned['after']:.1f} % after"


def job(data: ReportData) -> list[tuple[str, str]]:
    """Return the figures of the larger job that the search is part of, as rows."""
    return _flatten(data.job)


def settings(data: ReportData) -> list[tuple[str, str]]:
    """Return the settings of the search and how it ended, as rows."""
    kept = {name: value for name, value in data.settings.items() if name not in ("predictors", "figures")}
    kept["objectives"] = [title(metric) for metric in data.objectives]
    predictors = [{name: p.get(name) for name in ("path", "sha256", "profile")} for p in data.settings.get("predictors", [])]
    found = {name: data.summary[name] for name in ("failures", "rejected", "stopped", "seconds") if name in data.summary}
    return _flatten({**kept, "predictor": predictors[0] if len(predictors) == 1 else predictors, **found})


def _flatten(records: Mapping, prefix: str = "") -> list[tuple[str, str]]:
    """Flatten nested records into rows of a name and a text; nested names are joined by slashes."""
    rows = []
    for name, value in records.items():
        label = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
            value = {str(i): item for i, item in enumerate(value, 1)}
        if isinstance(value, Mapping):
            rows += _flatten(value, f"{label} / ")
        elif isinstance(value, list):
            rows.append((label, ", ".join(map(_text, value)) or "none"))
        else:
            rows.append((label, _text(value)))
    return rows


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "none" if value is None else str(value)
