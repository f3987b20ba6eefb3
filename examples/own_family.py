"""A family of your own: LightTrack's choices at a size for microcontrollers. A script registers the family, and every verb knows it then.

    python examples/own_family.py describe tiny:back_00000000000+cls_000000000+reg_000000000_ops_11
    python examples/own_family.py measure --family tiny --runtime simulated --out tiny.csv
    python examples/own_family.py train --family tiny --out supernet.safetensors

docs/extending.md shows how to write a family with other layers.
"""

import chiptrack
from supernet.families import FAMILIES
from supernet.families.lighttrack.space import Space, Stage
from supernet.training.recipe import Recipe
from tracking.trackers.siamese import SiameseSettings

FAMILIES["tiny"] = Space(
    name="tiny",
    prefix="tiny:",
    stem_channels=8,
    stages=(Stage(8, 1, 2), Stage(8, 2, 2), Stage(16, 2, 1)),
    fused_channels=16,
    head_widths=(8, 12, 16),
    max_macs=4_000_000,
    recipe=Recipe(steps=1000, batch=16, lr=3e-3),
    radius=1 / 8,
    sharing="sliced",
    settings=SiameseSettings(32, 64, 64, penalty_k=0.04, lr=0.05, window_influence=0.3, aligned=True),
)

if __name__ == "__main__":
    raise SystemExit(chiptrack.main())
