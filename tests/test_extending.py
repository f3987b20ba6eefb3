"""The runtime that docs/extending.md shows is complete: pasted as it stands, it measures."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from latency_tables.tables.table import LatencyTable
from supernet.families import FAMILIES

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
KINDS = ("stem", "join")  # a join has two inputs
MEASURE = f"""
import functools, sys
import numpy as np
import chiptrack
from latency_tables.measuring import measure, networks
from latency_tables.measuring.protocol import Protocol
every = measure.all_operators
measure.all_operators = lambda family: tuple(op for op in every(family) if op.kind in {KINDS})
networks.typical = lambda family: [family.space.sample(np.random.default_rng(0))]
measure.Plan = functools.partial(measure.Plan, protocol=Protocol(rounds=2, repeats=0, pauses=0))
sys.exit(chiptrack.main(["measure", *sys.argv[1:]]))
"""


def block(language):
    """The one block of the page in a language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)
    return found


def patched(text):
    """A source with the lines that the page adds."""
    for hunk in block("diff").split("@@\n"):
        lines = hunk.splitlines()
        before = "\n".join(line[1:] for line in lines if line.startswith(" "))
        assert text.count(before) == 1, f"the page shows a line that is not in the file once: {before}"
        text = text.replace(before, "\n".join(line[1:] for line in lines))
    return text


@pytest.fixture
def extended(tmp_path):
    """A copy of the sources with the runtime of the page."""
    root = tmp_path / "root"
    for folder in ("latency_tables", "supernet", "tracking"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", "data"))
    shutil.copy(ROOT / "chiptrack.py", root)
    (root / "latency_tables/runtimes/opencv.py").write_text(block("python"))
    registry = root / "latency_tables/runtimes/__init__.py"
    registry.write_text(patched(registry.read_text()))
    return root


def test_the_runtime_is_short():
    assert len(block("python").splitlines()) <= 40


def test_one_line_beside_the_import():
    assert sum(line.startswith("+") for line in block("diff").splitlines()) == 2


def test_the_runtime_measures(extended, tmp_path):
    out = tmp_path / "table.csv"
    command = [sys.executable, "-c", MEASURE, "--family", "nano", "--runtime", "opencv", "--networks", "0", "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(extended)}
    done = subprocess.run(command, cwd=extended, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    table = LatencyTable.load(out)
    assert table.profile.runtime == "opencv" and not table.unsupported
    assert set(table.operators) == {op.key for op in FAMILIES["nano"].all_operators if op.kind in KINDS}
    assert all(ms > 0 for ms in table.operator_ms().values())
    assert 0 < table.about["largest_difference_from_onnxruntime"] < 1e-4
