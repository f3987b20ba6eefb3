"""The weights that come with chiptrack: a supernet, and one tracker cut from it. How they were trained is in docs/weights.md."""

from __future__ import annotations

from pathlib import Path

FAMILY = "elastic"
"""Family of the supernet and of the tracker."""
SUPERNET = Path(__file__).with_name("data") / "elastic.safetensors"
"""Checkpoint of the supernet."""
TRACKER = Path(__file__).with_name("data") / "tracker.safetensors"
"""Checkpoint of the tracker that tracks when no model is named."""


def tracker() -> Path:
    """The checkpoint of the tracker that comes with chiptrack.

    Raises:
        FileNotFoundError: This installation has none.
    """
    if not TRACKER.is_file():
        raise FileNotFoundError(f"without a model the tracker that comes with chiptrack is used, {TRACKER} does not exist; name a model")
    return TRACKER
