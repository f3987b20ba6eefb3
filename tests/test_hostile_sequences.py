"""Images, boxes and sequence folders that promise more than they have, or something else."""

import struct
import zlib

import numpy as np
import pytest

from tests.refusing import refused
from tracking.files.annotations import read_boxes
from tracking.images import cv2, read_image
from tracking.sequence import load_sequence


def header_of_png(side: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def header_of_jpeg(side: int) -> bytes:
    content = bytearray(cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    start = content.index(b"\xff\xc0") + 5
    content[start : start + 4] = struct.pack(">HH", side, side)
    return bytes(content)


def header_of_tiff(side: int) -> bytes:
    content = bytearray(cv2.imencode(".tif", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    (start,) = struct.unpack("<I", content[4:8])
    for entry in range(start + 2, start + 2 + 12 * struct.unpack("<H", content[start : start + 2])[0], 12):
        if struct.unpack("<H", content[entry : entry + 2])[0] in (256, 257):  # width and height
            content[entry + 2 : entry + 12] = struct.pack("<HII", 4, 1, side)
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        header_of_png(100_000),
        header_of_png(20_000),
        header_of_jpeg(65_000),
        header_of_tiff(100_000),
        b"P6\n100000 100000\n255\n" + b"\0" * 100,
    ],
    ids=["png", "png-of-20000", "jpeg", "tiff", "ppm"],
)
def test_an_image_of_a_hundred_thousand_pixels_a_side_is_refused(tmp_path, content):
    (tmp_path / "image.png").write_bytes(content)
    assert "at most 100 million pixels" in refused(read_image, tmp_path / "image.png")


def test_boxes_are_finite_and_their_lines_short(tmp_path):
    for content in ("1,2,3,inf\n", "1e999,2,3,4\n", "1," * 10_000_000 + "\n"):
        (tmp_path / "boxes.txt").write_text(content)
        refused(read_boxes, tmp_path / "boxes.txt")


@pytest.mark.parametrize("origin", ["true", "2", '"' + "9" * 5000 + '"', "[]"])
def test_the_origin_of_a_sequence_is_a_number(tmp_path, origin):
    (tmp_path / "img").mkdir()
    (tmp_path / "img" / "1.jpg").write_bytes(b"")
    (tmp_path / "groundtruth.txt").write_text("1,2,3,4\n")
    (tmp_path / "meta.json").write_text(f'{{"origin": {origin}}}')
    assert "origin must be 0 or 1" in refused(lambda path: load_sequence(path.parent), tmp_path / "meta.json")
