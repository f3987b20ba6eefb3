"""Figures of candidates in words and digits, as the page shows them."""

from __future__ import annotations

import numpy as np

from search.study.candidate import Candidate
from search.problem.objectives import count

_NAMES = {
    "ao": "AO",
    "auc": "AUC",
    "latency_ms": "ms per frame",
    "template_ms": "ms per new target",
    "macs": "multiply-adds",
    "params": "parameters",
    "memory_mb": "memory in MB",
    "energy_mj": "energy in mJ",
}


def title(name: str) -> str:
    """A figure in words.

    >>> title("latency_ms:phone"), title("ao_rescored")
    ('ms per frame, phone', 'AO, judged again')
    """
    stem, _, device = name.partition(":")
    words = _NAMES.get(stem.removesuffix("_rescored"), stem) + (", judged again" if stem.endswith("_rescored") else "")
    return f"{words}, {device}" if device else words


def figure_text(candidate: Candidate, name: str) -> str:
    """A figure with three significant digits, and its noise with as many decimals."""
    value = candidate.values[name]
    if value >= 1e4:
        return count(value)
    decimals = max(0, 2 - int(np.floor(np.log10(value)))) if 0 < value < np.inf else 2
    return f"{value:.{decimals}f}" + (f" ± {candidate.noise[name]:.{decimals}f}" if name in candidate.noise else "")
