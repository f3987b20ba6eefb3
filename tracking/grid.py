"""Where the cells of a score map lie in the search crop.

Source: LightTrack's public tracker: x = (i - size // 2) * stride + crop size // 2. If the number of cells is even, their
positions are therefore not symmetric in the crop. Trained weights rely on exactly this rule.
"""

import numpy as np


def centres(size: int, stride: int, search_size: int) -> np.ndarray:
    """Coordinates of the cells along one side of the score map.

    Args:
        size: Number of cells along the side.
        stride: Distance between neighbouring cells, px of the search crop.
        search_size: Side of the search crop, px.

    Returns:
        Float64, shape (size,), px of the search crop.

    >>> centres(4, 16, 64)
    array([ 0., 16., 32., 48.])
    """
    return (np.arange(size, dtype=np.float64) - size // 2) * stride + search_size // 2
