"""Track many sequences side by side, one network call per frame for all of them."""

from __future__ import annotations

import numpy as np

from tracking.sequence import Sequence
from tracking.trackers.siamese import SiameseNetwork, SiameseSettings, advance, search_crops, start


def track_lockstep(network: SiameseNetwork, sequences: list[Sequence], settings: SiameseSettings) -> list[np.ndarray]:
    """Run the siamese tracker over sequences of equal length, always with the plain search size.

    Args:
        network: Takes as many crops at once as there are sequences.
        sequences: Sequences of T frames each.
        settings: Sizes and constants.

    Returns:
        Boxes (T, 4) xywh for each sequence; the first row is the ground truth.

    Raises:
        ValueError: The sequences differ in length.
    """
    lengths = {len(sequence) for sequence in sequences}
    if len(lengths) != 1:
        raise ValueError(f"sequences tracked in lockstep must have the same length, got lengths {sorted(lengths)}")
    images = [sequence.image(0) for sequence in sequences]
    targets, crops = start(images, np.stack([sequence.boxes[0] for sequence in sequences]), settings)
    sizes = np.array([[image.shape[1], image.shape[0]] for image in images], float)
    features = network.template(crops)
    boxes = [targets.boxes]
    for t in range(1, lengths.pop()):
        images = [sequence.image(t) for sequence in sequences]
        crops = search_crops(images, targets, settings.search_size, settings)
        cls, reg = network.search(crops, features)
        targets, _ = advance(targets, cls, reg, sizes, settings.search_size, settings)
        boxes.append(targets.boxes)
    return list(np.stack(boxes, axis=1))
