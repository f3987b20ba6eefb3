"""What training minimises, one loss a file."""

from tracking.losses.loss import Loss

__all__ = ["Loss"]
