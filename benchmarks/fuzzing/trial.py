"""One input given to one reader: what comes out, how long it takes and how much memory."""

from __future__ import annotations

import random
import re
import shutil
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fuzzing.mutations import spoiled
from benchmarks.fuzzing.reader import Files, Reader, write_files

MOST_MB = 1000.0
"""Memory that a reader may take beyond what the process had, MB."""
MOST_S = 10.0
"""Seconds that a reader may take."""
MOST_TEXT = 500
"""Characters that an error may have: about 300, and the path of a file or the last lines of a program."""
_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
"""Linux's files about a process; elsewhere memory is not measured."""
_REPAIRED = 0.8
"""Share of the inputs whose checksums are made to fit again."""


@dataclass(frozen=True)
class Outcome:
    """What a reader did with an input."""

    kind: str
    """`read`, `refused`, or what is wrong: the type of another exception, `long` (an error that is not one short line), `slow`, `memory`."""
    said: str
    seconds: float
    mb: float
    """Growth of the process's peak memory, MB."""

    @property
    def good(self) -> bool:
        """Whether the reader kept its promises."""
        return self.kind in ("read", "refused")


def made(reader: Reader, files: Files, seed: int) -> Files:
    """The input with this number: the valid one, spoiled."""
    rng = random.Random(f"{reader.name} {seed}")
    changed = files
    for _ in range(rng.choice((1, 1, 1, 2))):
        changed = spoiled(changed, reader.targets, reader.kinds, rng)
    if rng.random() < _REPAIRED:
        try:
            changed = reader.repair(changed)
        except Exception:  # what is no longer a file of its kind has no checksum to repair
            pass
    return changed


def attempt(reader: Reader, files: Files, folder: Path) -> Outcome:
    """Write an input into a folder, which is emptied first, and read it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_files(files, folder)
    _forget_peak()
    before, begun = _status_mb("VmRSS"), time.monotonic()
    kind, said = "read", ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.read(folder)
    except (ValueError, OSError, *reader.also) as err:
        kind, said = "refused", str(err)
        if "\n" in said or len(said) > MOST_TEXT:
            kind = "long"
    except BaseException as err:
        kind, said = type(err).__name__, str(err)
    seconds, mb = time.monotonic() - begun, _status_mb("VmHWM") - before
    if kind in ("read", "refused") and seconds > MOST_S:
        kind = "slow"
    if kind in ("read", "refused") and mb > MOST_MB:
        kind = "memory"
    return Outcome(kind, said, seconds, mb)


def _forget_peak() -> None:
    """Make the kernel forget the peak of this process's memory."""
    if _CLEAR.exists():
        _CLEAR.write_text("5")


def _status_mb(field: str) -> float:
    found = re.search(rf"{field}:\s+(\d+) kB", _STATUS.read_text()) if _STATUS.exists() else None
    return int(found[1]) / 1024 if found else 0.0
