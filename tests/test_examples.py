"""Every file of examples/ does what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import chiptrack
from supernet.families import FAMILIES
from tracking.generated.synthetic import synthetic_sequence
from tracking.sequence import save_sequence

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))


def run(folder: Path, example: str, *words: object) -> str:
    command = [sys.executable, str(ROOT / "examples" / example), *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_hundred_are_predicted(tmp_path):
    lines = run(tmp_path, "predict_a_hundred.py").splitlines()
    found = [re.fullmatch(r"(\S+) ms \((\S+) to (\S+)\)  \S+M multiply-adds  (nano:\S+)", line).groups() for line in lines]
    assert len(found) == 5
    assert all(float(low) < float(ms) < float(high) for ms, low, high, _ in found)
    assert [ms for ms, *_ in found] == sorted(ms for ms, *_ in found)


@pytest.mark.slow
def test_a_search_has_an_objective_of_its_own_and_goes_on(tmp_path):
    first = run(tmp_path, "own_objective.py", 4).splitlines()
    second = run(tmp_path, "own_objective.py", 8).splitlines()
    scores = [(float(line.split()[0]), float(line.split()[1])) for line in second]
    assert first and scores == sorted(scores, reverse=True)


@pytest.mark.slow
def test_a_family_of_ones_own_is_known_to_every_verb(tmp_path):
    name = "tiny:back_00000000000+cls_000000000+reg_000000000_ops_11"
    assert "output_stride  8" in run(tmp_path, "own_family.py", "describe", name)
    run(tmp_path, "own_family.py", "train", "--family", "tiny", "--steps", 3, "--batch", 2, "--out", "s.safetensors")
    assert (tmp_path / "s.safetensors").is_file()


def test_a_video_is_tracked(tmp_path, capsys):
    arch = FAMILIES["nano"].space.sample(np.random.default_rng(0))
    sequence = synthetic_sequence(1, frames=4)
    save_sequence(sequence, tmp_path / "s")
    assert chiptrack.main(["export", arch.name, "--out", str(tmp_path / "bundle")]) == 0
    box = ",".join(f"{value:g}" for value in sequence.boxes[0])
    lines = run(tmp_path, "track_video.py", "bundle", "s/img", box).splitlines()
    assert len(lines) == 4 and all(" score " in line for line in lines)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_tried_and_told_of(example):
    assert f'"{example}"' in Path(__file__).read_text(encoding="utf-8")
    assert f"examples/{example}" in (ROOT / "docs/python.md").read_text(encoding="utf-8")
