"""Smooth paths: how places, sizes and angles change over time, without corners and without ever running away."""

import numpy as np


def wander(rng: np.random.Generator, times: np.ndarray, amplitudes: np.ndarray, periods: tuple[float, float] = (35, 90)) -> np.ndarray:
    """Draw smooth random curves, each the sum of a slow and a faster sine.

    Args:
        rng: Source of randomness.
        times: Where to look, frames, shape (T,); need not be evenly spaced.
        amplitudes: Largest distance from 0 of each of K curves.
        periods: Range of the slow sine's period, frames.

    Returns:
        Shape (T, K), within plus or minus the amplitudes.
    """
    amplitudes = np.asarray(amplitudes, np.float64)
    phases, period = rng.uniform(0, 2 * np.pi, (2, len(amplitudes))), rng.uniform(*periods, len(amplitudes))
    angle = 2 * np.pi * np.asarray(times, np.float64)[:, None] / period
    return amplitudes * (0.8 * np.sin(angle + phases[0]) + 0.2 * np.sin(2.3 * angle + phases[1]))


def poses(centres: np.ndarray, angles: np.ndarray, widths: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Maps from object units to the frame: stretch, turn, then shift.

    Args:
        centres: Where (0, 0) goes, px, shape (T, 2).
        angles: Turn, rad, shape (T,).
        widths: Width of the square from -1 to 1 before the turn, px, shape (T,).
        heights: Its height, likewise.

    Returns:
        Homogeneous matrices, shape (T, 3, 3).
    """
    cosine, sine = np.cos(angles), np.sin(angles)
    result = np.zeros((len(centres), 3, 3))
    result[:, 0, 0], result[:, 0, 1] = cosine * widths / 2, -sine * heights / 2
    result[:, 1, 0], result[:, 1, 1] = sine * widths / 2, cosine * heights / 2
    result[:, :2, 2] = centres
    result[:, 2, 2] = 1
    return result
