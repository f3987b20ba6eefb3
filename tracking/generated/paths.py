"""Smooth random curves for the change of positions, sizes and angles over time, which stay within given bounds."""

import numpy as np


def wander(rng: np.random.Generator, times: np.ndarray, amplitudes: np.ndarray, periods: tuple[float, float] = (35, 90)) -> np.ndarray:
    """Draw smooth random curves, each the sum of a slow and a faster sine.

    Args:
        rng: Source of randomness.
        times: Moments at which the curves are evaluated, in frames, shape (T,); they need not be evenly spaced.
        amplitudes: Largest distance from 0 of each curve, shape (K,).
        periods: Range of the slow sine's period, frames.

    Returns:
        Shape (T, K), within plus or minus the amplitudes.
    """
    amplitudes = np.asarray(amplitudes, np.float64)
    phases, period = rng.uniform(0, 2 * np.pi, (2, len(amplitudes))), rng.uniform(*periods, len(amplitudes))
    angle = 2 * np.pi * np.asarray(times, np.float64)[:, None] / period
    return amplitudes * (0.8 * np.sin(angle + phases[0]) + 0.2 * np.sin(2.3 * angle + phases[1]))


def poses(centres: np.ndarray, angles: np.ndarray, widths: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Matrices from object units to the frame, which stretch an object, then rotate it, then shift it.

    Args:
        centres: Position of the object's origin (0, 0) in the frame, px, shape (T, 2).
        angles: Rotation, rad, shape (T,).
        widths: Width of the object's square from -1 to 1 after stretching, px, shape (T,).
        heights: Height of that square after stretching, px, shape (T,).

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
