"""Readers of benchmarks: annotations and result files of others, which are scored."""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from benchmarks.fuzzing.reader import Files, Reader, files_of
from tracking.benchmarks.benchmark import State, TrackedRun
from tracking.benchmarks.got10k import GOT_10K
from tracking.benchmarks.lasot import LASOT
from tracking.benchmarks.vot.unsupervised import VOT_UNSUPERVISED
from tracking.benchmarks.vot.vot2019 import VOT2019

_FRAMES = 16


def _record() -> bytes:
    polygon = [[1.0, 1, 9, 1, 9, 5, 1, 5 + t] for t in range(_FRAMES)]
    entry = {"gt_rect": polygon, "width": 64, "height": 48, "occlusion": [0, 1] * (_FRAMES // 2), "attr": ["IV"], "absent": [1] * _FRAMES}
    return json.dumps({"s": entry, "t": {"gt_rect": [[1.5, 2, 10, 8]] * _FRAMES}}).encode()


def _runs(restarts: bool) -> list[TrackedRun]:
    states = np.array(
        [State.INITIALISED, *[State.TRACKED] * 5, State.FAILED, *[State.SKIPPED] * 4, State.INITIALISED, *[State.TRACKED] * 4], np.int8
    )
    if not restarts:
        states[1:] = State.TRACKED
    boxes = np.random.default_rng(0).uniform(1, 9, (_FRAMES, 4))
    return [TrackedRun(name, boxes, states) for name in ("s", "t")]


def _vot() -> Files:
    with tempfile.TemporaryDirectory() as scratch:
        VOT2019.write_results(Path(scratch), "tracker", _runs(restarts=True), {})
        return {**files_of(Path(scratch)), "truth.json": _record(), "truth_sizes.json": b'{"s": [64, 48], "t": [64, 48]}'}


def _score_vot(folder: Path) -> object:
    found = []
    for benchmark in (VOT2019, VOT_UNSUPERVISED):
        truths = benchmark.read_annotations(folder / "truth.json")
        place = folder / "tracker" if benchmark is VOT2019 else folder / "tracker/baseline"
        try:
            found.append(benchmark.score(truths, benchmark.read_results(place, truths)).figures)
        except ValueError as err:
            if benchmark is VOT2019 or "no failures" not in str(err):
                raise
    return found


def _lasot() -> Files:
    with tempfile.TemporaryDirectory() as scratch:
        LASOT.write_results(Path(scratch), "tracker", _runs(restarts=False), {})
        text = "1,2,10,8\n" * (_FRAMES - 1) + "nan,nan,nan,nan\n"
        truth = {f"truth/{name}.txt": text.encode() for name in ("s", "t")}
        labels = {f"truth/absent/{name}.txt": b"0\n" * (_FRAMES - 1) + b"1\n" for name in ("s", "t")}
        return {**files_of(Path(scratch)), **truth, **labels}


def _got10k() -> Files:
    with tempfile.TemporaryDirectory() as scratch:
        handed_in = GOT_10K.write_results(Path(scratch), "tracker", _runs(restarts=False), {})
        info = b"[METAINFO]\nresolution: (64, 48)\n"
        files = {"groundtruth.txt": b"1,2,10,8\n" * _FRAMES, "cover.label": b"8\n" * _FRAMES, "meta_info.ini": info}
        truth = {f"val/{name}/{file}": content for name in ("s", "t") for file, content in files.items()}
        assert zipfile.is_zipfile(handed_in)
        return {"tracker.zip": handed_in.read_bytes(), "val/list.txt": b"s\nt\n", **truth}


def _score_lasot(folder: Path) -> object:
    truths = LASOT.read_annotations(folder / "truth")
    return LASOT.score(truths, LASOT.read_results(folder / "tracker", truths)).figures


def _score_got10k(folder: Path) -> object:
    truths = GOT_10K.read_annotations(folder)
    return GOT_10K.score(truths, GOT_10K.read_results(folder / "tracker.zip", truths)).figures


READERS = (
    Reader("benchmark VOT", _vot, _score_vot, ("truth.json", "truth.json", "truth_sizes.json", "tracker/baseline/s/s_001.txt")),
    Reader("benchmark LaSOT", _lasot, _score_lasot, ("truth/s.txt", "truth/absent/s.txt", "tracker/s.txt")),
    Reader("benchmark GOT-10k", _got10k, _score_got10k, ("tracker.zip", "val/list.txt", "val/s/groundtruth.txt", "val/s/meta_info.ini")),
)
