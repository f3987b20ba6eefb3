"""Tracking procedures, one a file, and here the names that checkpoints and bundles know them by."""

from collections.abc import Callable

from tracking.trackers.procedure import Network, Procedure, Settings
from tracking.trackers.siamese import Siamese, SiameseSettings

TRACKERS: dict[str, tuple[type[Settings], Callable[..., Procedure]]] = {"siamese": (SiameseSettings, Siamese)}
"""Name -> (its settings, what makes the procedure of a network and such settings)."""

__all__ = ["TRACKERS", "Network", "Procedure", "Settings"]
