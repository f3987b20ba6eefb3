"""The images that generated scenes are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracking.generated.material import Cutout

SCENERY_PX = 512
"""Side of the image of a scenery, px."""


@dataclass(frozen=True, eq=False)
class World:
    """Images that scenes choose from."""

    textures: tuple[np.ndarray, ...]
    """Textures of sprites: RGB, uint8, 256 x 256 px."""
    sceneries: tuple[np.ndarray, ...]
    """Backgrounds: RGB, uint8, SCENERY_PX x SCENERY_PX px."""
    cutouts: tuple[Cutout, ...] = ()
    """Objects cut out of photographs; none without a material folder."""

    @property
    def natural(self) -> bool:
        """Whether the sceneries are mostly photographs, of which regions are worth following."""
        return bool(self.cutouts)
