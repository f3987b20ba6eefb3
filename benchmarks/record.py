"""The figures of a benchmark in a file under docs/results: rows that are written one by one, so that the same command goes on.

    {"script": "benchmarks/learning_curves.py", "machine": "2 x86 cores at 2.1 GHz", "terms": {"clips": 32, "seed": 0}, "minutes": 3.1,
     "rows": {"4000:9f31c0a2b4d5e6f7": {"loss": 1.02, "seconds": 11.5}}}

`terms` is what determines the figures, such as sizes and seeds. Rows of other terms are never mixed in: the file is refused.
"""

from __future__ import annotations

import json
import os
import platform
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tracking.files.atomic import write_text
from tracking.files.records import read_record

RESULTS = Path(__file__).parents[1] / "docs/results"
"""Folder of the records that docs/results.md quotes."""
_CPU = Path("/proc/cpuinfo")
_FAMILIES = {"x86_64": "x86", "amd64": "x86", "aarch64": "ARM", "arm64": "ARM"}


class Record:
    """A file of rows by key, each with the seconds that it took.

    Args:
        path: The file; it is made with the first row.
        script: Name of the benchmark's file, such as `learning_curves.py`.
        terms: What determines the figures; texts, numbers and lists of them.

    Raises:
        ValueError: The file holds figures of other terms.
    """

    def __init__(self, path: Path, script: str, terms: Mapping[str, object]):
        self._path = path
        self._head = {"script": f"benchmarks/{script}", "machine": machine(), "terms": json.loads(json.dumps(dict(terms)))}
        self.rows: dict[str, dict] = {}
        if path.is_file():
            before = read_record(path)
            old, new = before.get("terms", {}), self._head["terms"]
            differ = [f"{name} was {old.get(name)!r:.60}, is {new.get(name)!r:.60}" for name in old | new if old.get(name) != new.get(name)]
            if differ:
                raise ValueError(f"a record must keep its terms, in {path} {'; '.join(differ):.300}; repeat them or choose another --out")
            self.rows = before["rows"]
            self._head["machine"] = before["machine"]

    def row(self, key: str, make: Callable[[], Mapping[str, object]]) -> dict:
        """The row with this key, which is made and written unless it is there."""
        if key not in self.rows:
            started = time.perf_counter()
            made = json.loads(json.dumps(dict(make())))
            self.rows[key] = {**made, "seconds": round(time.perf_counter() - started, 1)}
            minutes = round(sum(row["seconds"] for row in self.rows.values()) / 60, 1)
            write_text(self._path, json.dumps({**self._head, "minutes": minutes, "rows": self.rows}, indent=1) + "\n")
        return self.rows[key]


def machine() -> str:
    """This machine in plain words, such as `2 x86 cores at 2.1 GHz`."""
    family = _FAMILIES.get(platform.machine().lower(), platform.machine())
    told = _CPU.read_text(encoding="utf-8", errors="replace") if _CPU.is_file() else ""
    clocks = [float(value) for value in re.findall(r"^cpu MHz\s*:\s*([\d.]+)", told, re.M)]
    speed = f" at {max(clocks) / 1000:.1f} GHz" if clocks else ""
    return f"{os.cpu_count()} {family} cores{speed}"


def table(head: Mapping[str, str], rows: Sequence[Mapping[str, object]]) -> str:
    """Rows as a Markdown table.

    Args:
        head: Title of each column, by the name of its value in the rows.
        rows: The rows. Real numbers get three decimals, whole numbers commas; a value that is missing or None is a dash.
    """
    numeric = [all(isinstance(row.get(name), int | float | None) for row in rows) for name in head]
    lines = ["| " + " | ".join(head.values()) + " |", "|" + "|".join("--:" if right else "---" for right in numeric) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(_cell(row.get(name)) for name in head) + " |" for row in rows)])


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
