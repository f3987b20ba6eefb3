"""Losses that training minimises, one per file."""

from tracking.losses.loss import Loss

__all__ = ["Loss"]
