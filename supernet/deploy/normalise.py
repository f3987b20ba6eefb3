"""Normalises crops for networks: minus ImageNet's mean, divided by ImageNet's standard deviation, channels first."""

from __future__ import annotations

import numpy as np

from tracking.images import cv2

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
"""ImageNet's mean of red, green and blue, for values from 0 to 1."""
STD = np.array([0.229, 0.224, 0.225], np.float32)
"""ImageNet's standard deviation of red, green and blue, for values from 0 to 1."""
# the order of operations is the public tracker's: in long videos of small targets the last bit changes the track
_TABLE = ((np.arange(256, dtype=np.float32)[:, None] / np.float32(255) - MEAN) / STD).T.copy()
"""(3, 256) normalised value of each byte, for each channel."""


def normalise(images: np.ndarray) -> np.ndarray:
    """Convert (B, h, w, 3) uint8 RGB to (B, 3, h, w) float32, normalised with ImageNet's mean and standard deviation."""
    batch, height, width, _ = images.shape
    planes = np.empty((batch, 3, height, width), np.float32)
    for image, into in zip(images, planes, strict=True):
        for channel, plane in enumerate(cv2.split(np.ascontiguousarray(image))):
            cv2.LUT(plane, _TABLE[channel][None], dst=into[channel])
    return planes
