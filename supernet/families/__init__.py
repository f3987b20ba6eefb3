"""Families of architectures, by name."""

from supernet.families.family import Family
from supernet.families.lighttrack import LIGHTTRACK, NANO

FAMILIES: dict[str, Family] = {"lighttrack": LIGHTTRACK, "nano": NANO}
