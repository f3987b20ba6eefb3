"""Readers of the task: boxes, images, videos, sequences, data sets, results."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.fuzzing.reader import Files, Reader, files_of
from supernet.deploy.evaluating.claim import claim
from tracking.datasets import DATASETS
from tracking.files.annotations import read_boxes, write_boxes
from tracking.files.records import numbers, parse_record, texts, typed
from tracking.files.runs import Run, load_run, save_run
from tracking.images import cv2, read_image
from tracking.sequence import Sequence, load_sequence, save_sequence
from tracking.sources import open_source

_SUFFIXES = ("jpg", "png", "bmp", "webp", "ppm", "tif")
_SHOWN = 40
"""Most frames of a video that are read."""


@dataclass(frozen=True)
class _Sample:
    """A record of every type."""

    whole: int
    real: float
    text: str
    on: bool = False


def _images() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (24, 32, 3), np.uint8) for _ in range(3)]


def _boxes() -> Files:
    with tempfile.TemporaryDirectory() as scratch:
        write_boxes(Path(scratch) / "plain.txt", np.random.default_rng(0).uniform(0, 100, (12, 4)))
        files = files_of(Path(scratch))
    polygon = b"1.0,1.0,9.0,1.0,9.0,5.0,1.0,5.0\n" * 3 + b"nan,nan,nan,nan,nan,nan,nan,nan\n"
    named = b"frame;x;y;x2;y2;score\n1;1,5;2;3;4;1\n2;5;6;7;8,25;0\n"
    return {**files, "polygon.txt": polygon, "spaced.txt": b"1 2 3 4\n1\t2\t3\t4\n", "named.txt": named}


def _sequence() -> Files:
    with tempfile.TemporaryDirectory() as scratch:
        boxes = np.array([[1, 2, 10, 8], [2, 2, 10, 8], [np.nan] * 4])
        images = tuple(_images())
        save_sequence(Sequence("s", images, boxes, np.array([True, True, False])), Path(scratch) / "s")
        return files_of(Path(scratch))


def _read_sequence(folder: Path) -> object:
    sequence = load_sequence(folder / "s")
    return [sequence.image(t) for t in range(len(sequence))]


def _otb() -> Files:
    files = _sequence()
    images = {name.replace("s/img", "Car/img"): content for name, content in files.items() if "img" in name}
    return {**images, "Car/groundtruth_rect.txt": b"1,2,10,8\n" * 3}


def _pictures() -> Files:
    image = _images()[0]
    return {f"image.{suffix}": cv2.imencode(f".{suffix}", image)[1].tobytes() for suffix in _SUFFIXES}


def _video() -> Files:
    with tempfile.TemporaryDirectory() as scratch:
        for name, code in (("video.mp4", "mp4v"), ("video.avi", "MJPG")):
            writer = cv2.VideoWriter(str(Path(scratch) / name), cv2.VideoWriter.fourcc(*code), 10.0, (32, 24))
            for image in _images() * 2:
                writer.write(image)
            writer.release()
        return files_of(Path(scratch))


def _run() -> Files:
    with tempfile.TemporaryDirectory() as scratch:
        save_run(Run("s", np.full((5, 4), 2.0), np.full(5, 0.5), np.full(5, 0.01)), Path(scratch))
        return files_of(Path(scratch))


def _records() -> Files:
    record = {"whole": 3, "real": 0.5, "text": "a", "on": True}
    return {"typed.json": json.dumps(record).encode(), "numbers.json": b'{"a": 1, "b": 0.5}', "texts.json": b'{"a": "b", "c": "d"}'}


def _read_records(folder: Path) -> object:
    sample = typed(_Sample, parse_record((folder / "typed.json").read_bytes()))
    found = numbers(parse_record((folder / "numbers.json").read_bytes()))
    named = texts(parse_record((folder / "texts.json").read_bytes()))
    assert type(sample.whole) is int and type(sample.on) is bool and isinstance(sample.real, float | int)
    return float(sample.real) + sum(map(float, found.values())), "".join(named.values())


_SETTINGS = {"model": "m", "sha256": "0" * 64, "dataset": "folder", "root": "/data"}


def _each(read):
    """A reader of every file of an input; a file that is refused stops it."""
    return lambda folder: [read(path) for path in sorted(folder.iterdir())]


READERS = (
    Reader("boxes", _boxes, _each(read_boxes), ("plain.txt", "polygon.txt", "spaced.txt", "named.txt")),
    Reader("sequence folder", _sequence, _read_sequence, ("s/groundtruth.txt", "s/meta.json", "s/meta.json", "s/img/00001.jpg")),
    Reader("OTB folder", _otb, lambda folder: DATASETS["otb"](folder), ("Car/groundtruth_rect.txt",)),
    Reader("images", _pictures, _each(read_image), tuple(f"image.{suffix}" for suffix in _SUFFIXES)),
    Reader(
        "videos",
        _video,
        lambda folder: [list(islice(open_source(str(path)).frames(), _SHOWN)) for path in sorted(folder.iterdir())],
        ("video.mp4", "video.avi"),
    ),
    Reader("results folder", _run, lambda folder: load_run(folder, "s"), ("s.txt", "s_time.txt", "s_score.txt")),
    Reader("records", _records, _read_records, ("typed.json", "numbers.json", "texts.json")),
    Reader(
        "settings of evaluate",
        lambda: {"settings.json": json.dumps(_SETTINGS).encode()},
        lambda folder: claim(folder, _SETTINGS, resume=True),
        ("settings.json",),
    ),
)
