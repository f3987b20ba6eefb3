"""Makes a material folder: photographs and cut-outs from packages that may be used freely, for training only.

    python -m benchmarks.material --out runs/material

The folder has photographs/NNN.jpg, cutouts/NNN.png and index.json, which says where each picture comes from, under which licence, and whether it
is for training or for validation. Which packages and files: benchmarks/data/material.toml, looked through by eye. Pictures are neither committed nor shipped.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from benchmarks.collecting.packages import Package, fetch
from benchmarks.collecting.pictures import cutout, from_plain_background, from_the_middle, likeness, photograph

PACKAGES = Path(__file__).parent / "data" / "material.toml"
VALIDATION_SHARE = 10
"""Every tenth picture, by its checksum."""
SAME_PICTURE = 6
"""Bits of likeness in which two sizes of one photograph differ at most."""
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def collect(out: Path, cache: Path) -> dict[str, int]:
    index: list[dict[str, object]] = []
    seen: dict[str, list[int]] = {"photographs": [], "cutouts": []}
    with open(PACKAGES, "rb") as file:
        packages = tomllib.load(file)["package"]
    for entry in packages:
        package = Package(entry["registry"], entry["name"], entry["version"])
        folder = fetch(package, cache)
        for kind, path, pixels in _pictures(folder, entry):
            bits = likeness(pixels)
            if any((bits ^ other).bit_count() <= (SAME_PICTURE if kind == "photographs" else 2) for other in seen[kind]):
                continue
            seen[kind].append(bits)
            index.append(
                {
                    "file": _write(out, kind, len(seen[kind]) - 1, pixels),
                    "package": f"{package.registry} {package.name} {package.version}",
                    "licence": entry["licence"],
                    "source": str(path.relative_to(folder)),
                }
            )
    for picture in index:
        checksum = hashlib.sha256((out / str(picture["file"])).read_bytes()).hexdigest()
        picture["checksum"] = checksum
        picture["validation"] = int(checksum[:8], 16) % VALIDATION_SHARE == 0
    (out / "index.json").write_text(json.dumps({"format": "chiptrack-material-1", "pictures": index}, indent=1) + "\n")
    return {kind: len(found) for kind, found in seen.items()}


def _pictures(folder: Path, entry: Mapping[str, Any]) -> Iterator[tuple[str, Path, np.ndarray]]:
    """(kind, file, pixels) of the pictures that an entry of the table names.

    They are photographs, cutouts (with alpha), plain (cut out where the background has one colour) or centred (cut out of the middle).
    """
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or path.is_symlink() or not path.is_file():
            continue
        name = str(path.relative_to(folder))
        if any(fnmatch.fnmatch(name, pattern) for pattern in entry.get("without", [])):
            continue
        wanted = [
            kind for kind in ("photographs", "cutouts", "plain", "centred") if any(fnmatch.fnmatch(name, p) for p in entry.get(kind, []))
        ]
        if not wanted:
            continue
        try:
            image = Image.open(path)
            image.draft("RGB", (1280, 1280))
            image.load()
        except (UnidentifiedImageError, OSError):
            continue
        if "cutouts" in wanted and (pixels := cutout(image)) is not None:
            yield "cutouts", path, pixels
        plain = from_plain_background(image) if "plain" in wanted else None
        if plain is not None:
            yield "cutouts", path, plain
        elif "centred" in wanted and (pixels := from_the_middle(image)) is not None:
            yield "cutouts", path, pixels
        if plain is None and "photographs" in wanted and max(image.size) >= 300 and _is_opaque(image):
            yield "photographs", path, photograph(image)


def _is_opaque(image: Image.Image) -> bool:
    return not image.has_transparency_data or np.asarray(image.convert("RGBA"))[..., 3].mean() > 254


def _write(out: Path, kind: str, number: int, pixels: np.ndarray) -> str:
    name = f"{kind}/{number:04d}.{'jpg' if kind == 'photographs' else 'png'}"
    (out / kind).mkdir(parents=True, exist_ok=True)
    order = cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    cv2.imwrite(str(out / name), cv2.cvtColor(pixels, order), [cv2.IMWRITE_JPEG_QUALITY, 92] if kind == "photographs" else [])
    return name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the material folder, made anew")
    parser.add_argument("--cache", type=Path, default=Path("runs/material-packages"), help="where packages are kept")
    options = parser.parse_args()
    if (options.out / "index.json").exists():
        parser.error(f"{options.out} has a material folder already: give another, or remove it")
    counts = collect(options.out, options.cache.resolve())
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()))


if __name__ == "__main__":
    main()
