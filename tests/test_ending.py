"""How the command line ends: after signals, mistakes, full disks, and on consoles that lack letters."""

import io
import os
import signal
import sys

import numpy as np
import pytest
import torch

import chiptrack
from supernet.checkpoints import TrackerCheckpoint, save_tracker
from supernet.families import FAMILIES
from tests.commands import run
from tracking.errors import MOST, is_expected, one_line
from tracking.files.annotations import read_boxes
from tracking.generated.synthetic import synthetic_sequence
from tracking.images import cv2
from tracking.sequence import save_sequence


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    family = FAMILIES["nano"]
    arch = family.space.sample(np.random.default_rng(0))
    save_tracker(folder / "t.safetensors", TrackerCheckpoint(family.network(arch), arch, family.tracker, family.settings_of(arch)))
    save_sequence(synthetic_sequence(1, frames=6), folder / "sequence")
    return folder


@pytest.mark.parametrize(
    "number, status, said", [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated"), (signal.SIGHUP, 129, "terminal")]
)
def test_a_track_that_is_interrupted_keeps_what_it_has(capsys, monkeypatch, files, tmp_path, number, status, said):
    from supernet.deploy import track

    plain = track.follow

    def follow(*given):
        for t, step in enumerate(plain(*given)):
            if t == 3:
                os.kill(os.getpid(), number)
            yield step

    monkeypatch.setattr(track, "follow", follow)
    before = signal.getsignal(number)
    words = ("track", files / "t.safetensors", files / "sequence", "--out", tmp_path / "b.txt", "--video", tmp_path / "v.mp4")
    ended, out, err = run(capsys, *words)
    line = err.splitlines()[-1]
    assert (ended, out) == (status, "") and line.startswith("chiptrack: ") and said in line
    assert "after 3 of 6 frames" in line and "b.txt and " in line and "v.mp4" in line
    assert len(read_boxes(tmp_path / "b.txt")) == 3
    assert cv2.VideoCapture(str(tmp_path / "v.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.txt", "v.mp4"]
    assert signal.getsignal(number) == before


def test_under_nohup_a_closed_terminal_ends_nothing():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with chiptrack._signals():
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN and signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_mistake_of_ours_is_said_as_such(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("supernet.describe.find_architecture", lambda name: {}["no\nsuch key"])
    status, out, err = run(capsys, "describe", "lighttrack-mobile")
    (kept,) = tmp_path.iterdir()
    assert (status, out) == (70, "") and len(err.splitlines()) == 1 and "mistake in chiptrack" in err and str(kept) in err
    assert "Traceback" in kept.read_text() and "no\\nsuch key" in kept.read_text()


@pytest.mark.parametrize(
    "err, said",
    [
        (MemoryError(), "memory must suffice"),
        (np._core._exceptions._ArrayMemoryError((10**9, 10**9), np.dtype(float)), "memory must suffice"),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to"),
            "memory must suffice",
        ),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), "memory of the GPU"),
        (RuntimeError("CUDA error: out of memory\nCompile with TORCH_USE_CUDA_DSA"), "memory of the GPU"),
        (RuntimeError("CUDA error: no kernel image is available. CUDA kernel errors might"), "no kernel image"),
        (RuntimeError("unable to write to file </torch_123_4>: No space left on device (28)"), "--loaders 0"),
        (OSError(28, "No space left on device", "/x/y"), "no space left on device: /x/y"),
        (ValueError("lines\nof   text"), "lines of text"),
        (ValueError(), "ValueError"),
    ],
)
def test_what_a_machine_lacks_is_named(err, said):
    assert is_expected(err) and said in one_line(err) and "\n" not in one_line(err)


def test_other_errors_are_mistakes_of_ours():
    for err in (KeyError("a"), TypeError("b"), AssertionError(), RuntimeError("c"), cv2.error("d")):
        assert not is_expected(err)


def test_a_long_error_keeps_the_rule_and_the_way_out():
    said = one_line(ValueError("names must be known, got " + "x, " * 9000 + "; check --architecture"))
    assert len(said) == MOST and said.startswith("names must be known") and said.endswith("; check --architecture")


def test_letters_that_a_console_lacks_are_escaped(monkeypatch, tmp_path, files):
    (tmp_path / "видео").symlink_to(files / "sequence")
    console = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", console)
    assert chiptrack.main(["track", str(files / "t.safetensors"), str(tmp_path / "видео")]) == 0
    assert b"\\u0432\\u0438" in console.buffer.getvalue()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is Linux's")
def test_an_answer_that_cannot_be_written_is_an_error(capfd):
    import subprocess

    words = [sys.executable, "-m", "chiptrack", "describe", "lighttrack-mobile"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "no space left" in done.stderr
        assert subprocess.run(words, stdout=subprocess.DEVNULL, stderr=full).returncode == 0
