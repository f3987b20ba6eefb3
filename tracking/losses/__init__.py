"""Losses that training minimises, one per file."""

from tracking.losses.loss import Imitation, Loss

__all__ = ["Imitation", "Loss"]
