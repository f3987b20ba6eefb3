"""Long work that must not grow: a search with two workers, tracking of 100,000 frames, and measurements in a loop.

    python -m benchmarks.soak
    python -m benchmarks.soak --share 0.05 --parts search

Each part is a process that is looked at every second, together with its children: resident memory, open file handles, threads, mapped
segments of shared memory, and temporary files. Printed is the largest of each from 10 to 20 % and in the last 10 % of the time that the
work takes, the growth of memory in between (goal: within 5 %), and the temporary and hidden files that are left when it has ended.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from latency_tables.measuring.carry_out import carry_out_anew
from latency_tables.measuring.networks import draw
from latency_tables.measuring.plan import Plan
from latency_tables.measuring.protocol import Protocol
from latency_tables.tables.shipped import find
from supernet.families import FAMILIES
from tracking.files.progress import progress
from tracking.generated.synthetic import synthetic_sequence
from tracking.sequence import save_sequence

ROOT = Path(__file__).resolve().parents[1]
EVALUATIONS, FRAMES, MEASUREMENTS = 400, 100_000, 60
"""Amounts of work, which `--share` multiplies."""
EVERY_S = 1.0
EARLY, LATE = (0.1, 0.2), (0.9, 1.0)
"""Parts of the time that are compared, as shares."""
GOAL = 0.05
"""Largest growth of memory."""


@dataclass(frozen=True)
class Sample:
    """What a process and its children hold at a moment."""

    memory_mb: float
    """Resident memory."""
    handles: int
    """Open file handles."""
    threads: int
    """Threads."""
    shared: int
    """Segments of shared memory that they have mapped."""
    temporary: int
    """Temporary files and folders."""


def sample(root: psutil.Process, scratch: Path) -> Sample:
    """Look at a process and its children, and at the folder for its temporary files."""
    memory, handles, threads, shared = 0, 0, 0, set()
    for process in [root, *root.children(recursive=True)]:
        try:
            with process.oneshot():
                memory, handles, threads = memory + process.memory_info().rss, handles + process.num_fds(), threads + process.num_threads()
            shared |= set(re.findall(r"/dev/shm/\S+", Path(f"/proc/{process.pid}/maps").read_text()))
        except (psutil.Error, OSError):  # it has ended meanwhile
            pass
    return Sample(memory / 1e6, handles, threads, len(shared), len(list((scratch / "temporary").rglob("*"))))


def chiptrack(*words: str) -> list[str]:
    return [sys.executable, "-m", "chiptrack", *words]


def commands(inputs: Path, share: float) -> dict[str, list[str]]:
    """The command line of each part, each of which tells its progress on stderr; what they need is made first."""
    supernet, predictor, bundle = (str(inputs / name) for name in ("supernet.safetensors", "predictor.json", "bundle"))
    arch = draw(FAMILIES["nano"], 1, 0)[0].name
    for words in (
        ["train", "--family", "nano", "--steps", "20", "--batch", "2", "--out", supernet],
        ["fit-predictor", str(find("nano-mnn-fp32")), "--out", predictor],
        ["export", arch, "--out", bundle],
    ):
        subprocess.run(chiptrack(*words), check=True, env=environment(inputs), capture_output=True)
    judged = [
        "--pairs",
        "64",
        "--sequences",
        "2",
        "--frames",
        "2",
        "--rescoring",
        "0",
        "--unmeasured",
        "--strategy",
        "random",
        "--workers",
        "local:2",
    ]
    evaluations, measurements = max(10, round(share * EVALUATIONS)), max(10, round(share * MEASUREMENTS))
    return {
        "search": chiptrack(
            *["search", "--supernet", supernet, "--predictor", predictor, *judged],
            *["--evaluations", str(evaluations), "--out", "run"],
        ),
        "track": chiptrack("track", bundle, str(film(inputs, round(share * FRAMES))), "--box", "60,60,40,40", "--out", "boxes.txt"),
        "measure": [sys.executable, "-c", f"from benchmarks.soak import measure_in_a_loop; measure_in_a_loop({measurements})"],
    }


def film(inputs: Path, frames: int) -> Path:
    """A folder of links to the frames of a short video, which runs to and fro."""
    save_sequence(synthetic_sequence(1, frames=50), inputs / "short")
    images = sorted((inputs / "short/img").iterdir())
    there_and_back = [*images, *images[-2:0:-1]]
    folder = inputs / "long"
    folder.mkdir()
    for number in range(frames):
        image = there_and_back[number % len(there_and_back)]
        (folder / f"{number:06}{image.suffix}").symlink_to(image)
    return folder


def measure_in_a_loop(times: int) -> None:
    """Measure a few operators and a network with ONNX Runtime again and again, all in one process."""
    family = FAMILIES["nano"]
    operators = tuple(operator for operator in family.all_operators if operator.kind in ("stem", "cls"))
    plan = Plan(family, operators, tuple(draw(family, 1, 0)), protocol=Protocol(rounds=1, min_ms=1.0, pauses=0))
    with progress("loop", times) as report:
        for i in range(1, times + 1):
            carry_out_anew(plan)
            report(i, "")


def environment(scratch: Path) -> dict[str, str]:
    """Environment of a command, which keeps temporary and cached files in the scratch folder."""
    (scratch / "temporary").mkdir(parents=True, exist_ok=True)
    places = {"TMPDIR": str(scratch / "temporary"), "XDG_CACHE_HOME": str(scratch / "cache")}
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **places}


def soak(part: str, words: list[str], scratch: Path) -> str:
    """Run a part to its end; returns its row of the table."""
    (scratch / "work").mkdir(parents=True)
    label = {"search": "search", "track": "tracking", "measure": "loop"}[part]
    looks: list[Sample] = []
    log, begun = scratch / "log", time.monotonic()
    with log.open("w") as errors:
        process = subprocess.Popen(words, cwd=scratch / "work", env=environment(scratch), stdout=subprocess.DEVNULL, stderr=errors)
    total = 0
    while process.poll() is None:
        time.sleep(EVERY_S)
        told = re.findall(rf"^{label}: (\d+)/(\d+)", log.read_text(), re.MULTILINE)
        total = int(told[-1][1]) if told else 0
        try:
            if told and told[-1][0] != told[-1][1]:  # neither while it starts nor while it writes its results
                looks.append(sample(psutil.Process(process.pid), scratch))
        except psutil.NoSuchProcess:
            break
    seconds = time.monotonic() - begun
    if process.wait():
        raise ChildProcessError(f"{part} must end well, it said: {log.read_text().splitlines()[-1:]}")
    early, late = (largest(looks[int(low * len(looks)) : int(high * len(looks)) + 1]) for low, high in (EARLY, LATE))
    growth = late.memory_mb / early.memory_mb - 1
    left = [*(scratch / "temporary").rglob("*"), *(scratch / "work").rglob(".*")]
    figures = " | ".join(f"{getattr(early, name)}, {getattr(late, name)}" for name in ("handles", "threads", "shared", "temporary"))
    return (
        f"| {part} | {total} | {seconds:.0f} | {early.memory_mb:.0f} | {late.memory_mb:.0f} | {growth:+.1%} "
        f"({'within' if growth <= GOAL else 'over'} {GOAL:.0%}) | {figures} | {len(left)} |"
    )


def largest(looks: list[Sample]) -> Sample:
    """The largest of each figure."""
    return Sample(*(max(getattr(look, each.name) for look in looks) for each in fields(Sample)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="share of the usual lengths")
    parser.add_argument("--parts", nargs="+", default=["search", "track", "measure"])
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        parts = commands(Path(folder) / "inputs", given.share)
        print("| part | done | s | MB at 20 % | MB at the end | growth | handles | threads | shared memory | temporary | files left |")
        print("|---" * 11 + "|", flush=True)
        for part in given.parts:
            print(soak(part, parts[part], Path(folder) / part), flush=True)


if __name__ == "__main__":
    main()
