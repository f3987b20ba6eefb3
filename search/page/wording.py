"""Metrics and figures in words and digits, as the page shows them."""

from __future__ import annotations

import numpy as np

from search.metrics import METRICS, Figure, Metric
from search.metrics.amounts import count


def title(metric: Metric) -> str:
    """Return a metric in words.

    >>> title(Metric("latency", "ms", device="phone")), title(Metric("ao", again=True)), title(Metric("ao@FPS", device="phone", fps=30))
    ('ms per frame, phone', 'AO, judged again', 'AO behind a camera of 30 fps, phone')
    """
    words = METRICS[metric.kind].titled(metric) if metric.kind in METRICS else metric.kind
    return ", ".join(filter(None, (words, "judged again" if metric.again else "", metric.device)))


def figure_text(figure: Figure) -> str:
    """Return a figure with three significant digits, and its noise with as many decimals.

    Figures from 10,000 on are written with k, M or G, and without their noise.
    """
    value = figure.value
    if value >= 1e4:
        return count(value)
    decimals = max(0, 2 - int(np.floor(np.log10(value)))) if 0 < value < np.inf else 2
    return f"{value:.{decimals}f}" + (f" ± {figure.noise:.{decimals}f}" if figure.noise is not None else "")
