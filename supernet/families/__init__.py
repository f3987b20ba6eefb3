"""Families of architectures, by name."""

from supernet.families.lighttrack import LIGHTTRACK, NANO, LightTrackFamily

FAMILIES: dict[str, LightTrackFamily] = {"lighttrack": LIGHTTRACK, "nano": NANO}
