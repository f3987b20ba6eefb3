"""Tracking procedures, one per file, and here the names by which checkpoints and bundles refer to them."""

from collections.abc import Callable

from tracking.trackers.procedure import Network, Procedure, Settings
from tracking.trackers.siamese import Siamese, SiameseSettings

TRACKERS: dict[str, tuple[type[Settings], Callable[..., Procedure]]] = {"siamese": (SiameseSettings, Siamese)}
"""For each procedure, by name: the class of its settings, and the class that is called with a network and settings to make one."""

__all__ = ["TRACKERS", "Network", "Procedure", "Settings"]
