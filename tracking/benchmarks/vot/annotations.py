"""Annotations of the VOT challenges: polygons, sizes of images and attributes of frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tracking.benchmarks.benchmark import Truth
from tracking.benchmarks.reading.records import TAGS, read_sizes, tags_of
from tracking.benchmarks.reading.texts import read_numbers, read_regions, read_truths, sequence_folders
from tracking.files.progress import say
from tracking.images import list_images


def read_vot_annotations(path: Path) -> dict[str, Truth]:
    """Read polygons, from a JSON file as pysot-toolkit has it, from a folder of SEQUENCE.txt, or from VOT's own folder of sequences.

    Sizes of images are those of the JSON file, of the images, or of a file `SOMETHING_sizes.json` beside the annotations or in a folder
    `annotations` of a neighbouring folder. Without them regions are not cut at the edge of the image, which one line says.

    Raises:
        OSError: Something cannot be read.
        ValueError: It is no annotation.
    """
    path = Path(path)
    truths = read_truths(path, _own_folder)
    for file in _size_files(path if path.is_dir() else path.parent):
        if all(truth.size for truth in truths.values()):
            break
        sizes = read_sizes(file)
        if truths.keys() <= sizes.keys():
            say(f"{path}: sizes of images are those of {file}")
            truths = {name: truth if truth.size else replace(truth, size=sizes[name]) for name, truth in truths.items()}
    unknown = [name for name, truth in truths.items() if truth.size is None]
    if unknown:
        say(
            f"{path}: the sizes of the images of {len(unknown)} sequences are not known, so regions are not cut at the edge of the image, "
            "which lowers EAO by up to .0005; put SOMETHING_sizes.json ({sequence: [width, height]}) beside the annotations"
        )
    return truths


def _size_files(folder: Path) -> list[Path]:
    """Files that may say how large the images are, the nearest first."""
    beside = sorted(folder.glob("*_sizes.json"))
    return [*beside, *(file for file in sorted(folder.resolve().parent.glob("*/annotations/*_sizes.json")) if file not in beside)]


def _own_folder(root: Path) -> dict[str, Truth]:
    """VOT's own folder: `SEQUENCE/groundtruth.txt`, attributes in `SEQUENCE/NAME.tag`, images in `SEQUENCE/color/` or beside."""
    root = root / "sequences" if (root / "sequences").is_dir() else root
    truths = {}
    for name, folder in sequence_folders(root).items():
        regions = read_regions(folder / "groundtruth.txt")
        marks = {tag: found for tag in TAGS if (found := read_numbers(folder / f"{tag}.tag")) is not None}
        tags = tags_of({tag: found == 1 for tag, found in marks.items()}, len(regions))
        truths[name] = Truth(name, regions, None, _size(folder), frozenset(), tags)
    return truths


def _size(folder: Path) -> tuple[int, int] | None:
    """Width and height of a sequence's first image; None if there is none."""
    from PIL import Image

    for place in (folder / "color", folder / "img", folder):
        images = list_images(place) if place.is_dir() else ()
        if images:
            with Image.open(images[0]) as image:
                return image.size
    return None
