"""Images: reading, writing and listing them. OpenCV is imported here only; other files use `from tracking.images import cv2`.

Inside the program every image is (H, W, 3) uint8 RGB. OpenCV's own order (BGR) occurs only where images and videos are read, written
or shown: here, in `tracking.sources` and in `tracking.canvas`.

Images that are not 8-bit colour are converted: grey ones are repeated over the channels; transparency is dropped; an EXIF orientation is
applied; 16-bit colour keeps its upper 8 bits; and what does not fill its range, such as 14-bit thermal images in 16 bits, is stretched.
"""

import os
import re
from pathlib import Path

import numpy as np

# OpenCV would report a broken image or video on stderr, beside our own error; it reads these variables once, when it starts
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "100000000")  # a file of a few bytes may promise an image that fills the memory
try:
    import cv2
except ImportError as err:
    raise ImportError(
        f"OpenCV must be importable, got {str(err).splitlines()[0]!r}; install its system libraries "
        "(apt-get install libgl1 libglib2.0-0) or the build that needs none (pip install opencv-python-headless)"
    ) from err

__all__ = ["cv2", "list_images", "natural_key", "read_image", "turned", "write_image"]

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".pgm", ".pnm", ".tif", ".tiff", ".jp2", ".gif")
"""Suffixes of the files that count as images, in lower case."""
_ORIENTATION = 0x0112
"""Number of the EXIF field that says how an image is to be turned."""
_MOST_BYTES = 400_000_000
_STRETCHED = (0.1, 99.9)
"""Percentiles of the values of an image that become black and white, when it is stretched to 8 bits."""


def read_image(path: Path | str) -> np.ndarray:
    """Read an image file.

    Returns:
        RGB, uint8, shape (H, W, 3), converted as described above.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file cannot be decoded, or has more than 100 million pixels or 400 MB.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"an image must be a file, {path} is none; check the path")
    image = _decoded(np.fromfile(path, np.uint8)) if 0 < path.stat().st_size <= _MOST_BYTES else None
    if image is None:
        raise ValueError(f"an image must be decodable, with at most 100 million pixels, {path} is not; replace it by a JPEG or PNG")
    return cv2.cvtColor(image if image.dtype == np.uint8 else _eight_bit(image), cv2.COLOR_BGR2RGB)


def turned(path: Path | str) -> list[str]:
    """A sentence about an image file whose EXIF data says that it is to be shown rotated or mirrored, as `read_image` does; else none."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            if image.getexif().get(_ORIENTATION, 1) in (0, 1):
                return []
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
        return []
    return [f"{path} is shown as its EXIF data says, rotated or mirrored; boxes are those of the image as shown"]


def _decoded(data: np.ndarray) -> np.ndarray | None:
    """Decode the bytes of an image file to (H, W, 3) BGR of any type of numbers; None where that fails."""
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
        if image is not None:
            return image
        grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)  # grey floating-point numbers have no colour version
        return None if grey is None else cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    except cv2.error:  # more pixels than are allowed above
        return None


def _eight_bit(image: np.ndarray) -> np.ndarray:
    """Convert an image (H, W, 3) of 16-bit or floating-point numbers to uint8.

    Colour that uses its 16 bits keeps the upper 8. Grey images, and those that leave bits unused, are stretched: few pixels become black,
    few white.
    """
    grey = (image[..., 0] == image[..., 1]).all() and (image[..., 0] == image[..., 2]).all()
    if image.dtype == np.uint16 and not grey and image.max() >= 2**14:
        return (image >> 8).astype(np.uint8)
    if image.dtype == np.uint16:
        low, high = np.percentile(image[..., :1] if grey else image, _STRETCHED)
        return _scaled(np.arange(2**16, dtype=np.float32), low, high)[image]
    values = np.nan_to_num(image, posinf=0, neginf=0)
    return _scaled(values, *np.percentile(values, _STRETCHED))


def _scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Numbers as uint8: `low` and less become 0, `high` and more 255."""
    return np.clip((values - low) * (255 / max(high - low, 1e-9)) + 0.5, 0, 255).astype(np.uint8)


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
