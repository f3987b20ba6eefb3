"""Families of architectures, by name."""

from supernet.families.elastic import ELASTIC
from supernet.families.family import Family
from supernet.families.lighttrack import LIGHTTRACK, NANO

FAMILIES: dict[str, Family] = {"elastic": ELASTIC, "lighttrack": LIGHTTRACK, "nano": NANO}
