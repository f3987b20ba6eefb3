"""Draws docs/figures/generated_pairs.jpg and generated_clips.jpg: what generated training pairs and clips look like.

    python -m benchmarks.material_figure --material runs/material

Only pictures whose licence asks for nothing but its notice appear in the figures; the table in docs/material.md names them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from tracking.generated.synthetic import SyntheticPairs, synthetic_sequence
from tracking.images import cv2, write_image

LICENCES = ("MIT", "CC0", "BSD")
"""How the licences of the pictures that may be shown begin."""
TEMPLATE, SEARCH = 80, 160
COLUMNS, ROWS = 6, 5
CLIPS, MOMENTS = 6, (0, 8, 16, 24, 32)


def shown(material: Path, folder: Path) -> Path:
    """A material folder of links to the pictures that may be shown, all of them for training and validation alike."""
    index = json.loads((material / "index.json").read_text())
    index["pictures"] = [
        {**picture, "file": str((material / picture["file"]).resolve()), "validation": validation}
        for picture in index["pictures"]
        if picture["licence"].startswith(LICENCES)
        for validation in (False, True)
    ]
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def pairs(material: Path) -> np.ndarray:
    """A sheet of pairs: the template, and the search crop with the box of the target, which negative pairs do not have."""
    batch = SyntheticPairs(TEMPLATE, SEARCH, 0, negatives=0.2, material=material).batch(0, COLUMNS * ROWS)
    tiles = []
    for template, search, box, present in zip(batch.templates, batch.searches, batch.boxes, batch.present, strict=True):
        picture = np.full((SEARCH + 4, TEMPLATE + SEARCH + 4, 3), 255, np.uint8)
        picture[:TEMPLATE, :TEMPLATE], picture[:SEARCH, TEMPLATE : TEMPLATE + SEARCH] = template, search
        if present:
            _frame(picture, box + [TEMPLATE, 0, TEMPLATE, 0])
        tiles.append(picture)
    return _sheet(tiles, COLUMNS)


def clips(material: Path) -> np.ndarray:
    """A sheet of clips, one in a row, with the target's box; the target of every other clip is away for some time."""
    tiles = []
    for seed in range(CLIPS):
        clip = synthetic_sequence(seed, max(MOMENTS) + 1, absences=seed % 2 == 1, material=material)
        for t in MOMENTS:
            picture = clip.image(t).copy()
            if clip.visible[t]:
                _frame(picture, np.concatenate([clip.boxes[t, :2], clip.boxes[t, :2] + clip.boxes[t, 2:]]))
            tiles.append(cv2.resize(picture, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA))
    return _sheet(tiles, len(MOMENTS))


def _frame(picture: np.ndarray, box: np.ndarray) -> None:
    left, top, right, bottom = np.round(box).astype(int).tolist()
    cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), (230, 30, 30), 1)


def _sheet(tiles: list[np.ndarray], columns: int) -> np.ndarray:
    return np.vstack([np.hstack(tiles[first : first + columns]) for first in range(0, len(tiles), columns)])


def main() -> None:
    """Draw the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--material", type=Path, required=True, help="a material folder")
    parser.add_argument("--out", type=Path, default=Path("docs/figures"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        material = shown(options.material, Path(temporary))
        write_image(options.out / "generated_pairs.jpg", pairs(material), quality=80)
        write_image(options.out / "generated_clips.jpg", clips(material), quality=75)


if __name__ == "__main__":
    main()
