"""Images: reading, writing and listing them. OpenCV is imported here only; other files use `from tracking.images import cv2`.

Inside the program every image is (H, W, 3) uint8 RGB. OpenCV's own order (BGR) occurs only where images and videos are read, written
or shown: here, in `tracking.sources` and in `tracking.canvas`.
"""

import os
import re
from pathlib import Path

import numpy as np

# FFmpeg would report a broken video on stderr, beside our own error; OpenCV reads this variable once, when it starts
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
try:
    import cv2
except ImportError as err:
    raise ImportError(
        f"OpenCV must be importable, got {str(err).splitlines()[0]!r}; install its system libraries "
        "(apt-get install libgl1 libglib2.0-0) or the build that needs none (pip install opencv-python-headless)"
    ) from err

__all__ = ["cv2", "list_images", "natural_key", "read_image", "write_image"]

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".tif", ".tiff")
"""Suffixes of the files that count as images, in lower case."""


def read_image(path: Path | str) -> np.ndarray:
    """Read an image file.

    Returns:
        RGB, uint8, shape (H, W, 3); grey images are repeated over the channels.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file cannot be decoded.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"an image must be a file, {path} is none; check the path")
    data = np.fromfile(path, np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise ValueError(f"an image must be decodable, {path} is not; replace it by a JPEG or PNG")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def write_image(path: Path | str, image: np.ndarray, quality: int = 95) -> None:
    """Write an image file in the format of its suffix.

    Args:
        path: The file to write.
        image: RGB, uint8, shape (H, W, 3).
        quality: JPEG quality, 0 to 100; other formats ignore it.

    Raises:
        ValueError: The suffix is unknown.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"an image's suffix must be one of {', '.join(SUFFIXES)}, got {path}")
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    path.write_bytes(cv2.imencode(path.suffix.lower(), bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())


def list_images(folder: Path | str) -> tuple[Path, ...]:
    """The image files directly in a folder, in natural order (2.jpg before 10.jpg); empty where there are none."""
    files = (path for path in Path(folder).iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    return tuple(sorted(files, key=lambda path: natural_key(path.name)))


def natural_key(name: str) -> tuple[tuple[bool, int, str], ...]:
    """Sort key that orders the numbers in a name by value.

    >>> sorted(["a10", "a9", "b1"], key=natural_key)
    ['a9', 'a10', 'b1']
    """
    parts = (part for part in re.split(r"(\d+)", name) if part)
    return tuple((not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts)
