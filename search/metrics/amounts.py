"""Reads and writes amounts as people spell them: 600M, 8ms, 40MB."""

from __future__ import annotations

import math
import re


def parse_count(text: str | float) -> float:
    """Read a number of multiply-adds or parameters, such as 600M.

    Args:
        text: A number, or a number followed by k, M or G (upper or lower case).

    Raises:
        ValueError: It is not a positive number.

    >>> parse_count("600M"), parse_count("1.2G"), parse_count(13e6)
    (600000000.0, 1200000000.0, 13000000.0)
    """
    return _parse(text, {"": 1, "k": 1e3, "m": 1e6, "g": 1e9}, "a budget of multiply-adds must be a positive number such as 600M or 1.2G")


def parse_ms(text: str | float) -> float:
    """Read a time in milliseconds, such as 8ms.

    Args:
        text: A number of milliseconds, or a number followed by ms, us or s.

    Raises:
        ValueError: It is not a positive number.

    >>> parse_ms("8ms"), parse_ms("8"), parse_ms("0.5 s")
    (8.0, 8.0, 500.0)
    """
    return _parse(text, {"": 1, "ms": 1, "us": 1e-3, "s": 1e3}, "a limit of time must be a positive number such as 8ms")


def parse_rate(text: str | float) -> float:
    """Read the rate of a camera in frames a second, such as 30.

    Raises:
        ValueError: It is not a positive number.

    >>> parse_rate("30"), parse_rate("29.97fps")
    (30.0, 29.97)
    """
    return _parse(text, {"": 1, "fps": 1}, "the rate of a camera must be a positive number of frames a second such as 30")


def parse_amount(text: str | float) -> float:
    """Read a number of megabytes or millijoules, with or without the unit MB or mJ.

    Raises:
        ValueError: It is not a positive number.

    >>> parse_amount("12.5MB"), parse_amount(40)
    (12.5, 40.0)
    """
    return _parse(text, {"": 1, "mb": 1, "mj": 1}, "a limit of memory or energy must be a positive number of MB or mJ such as 40")


def count(value: float) -> str:
    """Write a number with three digits and, if it is large, k, M or G.

    >>> count(5_400_000), count(13e6), count(600e6), count(7)
    ('5.40M', '13.0M', '600M', '7')
    """
    for scale, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= scale:
            return f"{value / scale:.{2 if value < 10 * scale else 1 if value < 100 * scale else 0}f}{letter}"
    return f"{value:.3g}"


def _parse(text: str | float, scales: dict[str, float], rule: str) -> float:
    match = re.fullmatch(r"\s*([+-]?[\d.]+(?:[eE][+-]?\d+)?)\s*([a-zA-Z]*)\s*", str(text))
    try:
        value = float(match[1]) * scales[match[2].lower()] if match else math.nan
    except (ValueError, KeyError):
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{rule}, got {text!r}")
    return value
