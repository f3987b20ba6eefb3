"""The caller's end of an agent: one request, one answer."""

from __future__ import annotations

import base64
import json
import subprocess
from typing import Any


class Connection:
    """Speaks with an agent over its standard streams; use it as a context.

    Every request raises `ConnectionError` where the agent ends or fails.
    """

    def __init__(self, process: subprocess.Popen[str]):
        self._process = process

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def info(self) -> dict[str, str]:
        """Runtime version, chip, operating system and frequency policy of the device."""
        return self._ask({"do": "info"})

    def load(self, name: str, onnx: bytes) -> float:
        """Load a graph and warm it up; returns the milliseconds of the last warm-up."""
        return self._ask({"do": "load", "name": name, "onnx": base64.b64encode(onnx).decode()})["warm_ms"]

    def time(self, name: str, runs: int) -> dict[str, list[float]]:
        """Run a loaded graph; returns `cpu_ms` and `wall_ms` of every run."""
        return self._ask({"do": "time", "name": name, "runs": runs})

    def _ask(self, request: dict[str, Any]) -> dict:
        assert self._process.stdin and self._process.stdout
        what = " ".join(str(request[field]) for field in ("do", "name") if field in request)
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise ConnectionError(f"the agent on the device ended with status {self._process.wait()} at request {what!r}")
        answer = json.loads(line)
        if "error" in answer:
            raise ConnectionError(f"the agent on the device failed at request {what!r}: {answer['error']}")
        return answer
