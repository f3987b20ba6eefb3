"""A tiny material folder that tests draw: photographs and cut-outs of plain noise, reddish for training and bluish for validation."""

import json
from pathlib import Path

import numpy as np

from tracking.images import cv2, write_image


def draw_material(folder: Path) -> Path:
    """Fill a folder with six photographs and six cut-outs, two of each held out, and return it."""
    rng = np.random.default_rng(0)
    pictures = []
    for kind in ("photographs", "cutouts"):
        (folder / kind).mkdir()
        for number in range(6):
            held_out = number >= 4
            height, width = (200, 260) if kind == "photographs" else (60 + 8 * number, 80)
            noise = cv2.resize(rng.integers(0, 130, (12, 16, 3)).astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
            noise[..., 2 if held_out else 0] //= 2
            noise[..., 2 if held_out else 0] += 128
            name = f"{kind}/{number:04d}.{'jpg' if kind == 'photographs' else 'png'}"
            if kind == "photographs":
                write_image(folder / name, noise)
            else:
                alpha = np.zeros((height, width), np.uint8)
                cv2.ellipse(alpha, (width // 2, height // 2), (width // 2 - 2, height // 2 - 2), 0, 0, 360, 255, -1)
                cv2.imwrite(str(folder / name), np.dstack([noise[..., ::-1], alpha]))
            pictures.append({"file": name, "package": f"drawn {number % 2}", "licence": "CC0-1.0", "validation": held_out})
    (folder / "index.json").write_text(json.dumps({"format": "chiptrack-material-1", "pictures": pictures}))
    return folder
