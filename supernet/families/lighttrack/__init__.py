"""LightTrack's search space at two sizes, each a family. Source: Yan et al., LightTrack, CVPR 2021 (arXiv 2104.14545)."""

from supernet.families.lighttrack.space import LIGHTTRACK, NANO

__all__ = ["LIGHTTRACK", "NANO"]
