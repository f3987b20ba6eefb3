"""What runs on the device: reads requests as JSON lines, loads graphs, times them, answers as JSON lines.

Needs the standard library, one runtime's package and the `latency_tables` folder, nothing else of this project.
Requests: `{"do": "info"}`, `{"do": "load", "name": ..., "onnx": base64}`, `{"do": "time", "name": ..., "runs": n}`.
"""

from __future__ import annotations

import base64
import gc
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Protocol, TextIO

from latency_tables.runtimes import RUNTIMES

WARM_UPS = 3


class Graph(Protocol):
    """A loaded graph."""

    def run_once(self) -> None: ...


class Runtime(Protocol):
    """What the agent wants from a runtime."""

    package: str
    precisions: tuple[str, ...]

    def version(self) -> str: ...

    def load(self, onnx: bytes, threads: int) -> Graph: ...


class Agent:
    """Graphs by name, on one runtime."""

    def __init__(self, runtime: Runtime, threads: int):
        self._runtime = runtime
        self._threads = threads
        self._graphs: dict[str, Graph] = {}

    def answer(self, request: dict) -> dict:
        """Do what a request asks."""
        match request["do"]:
            case "info":
                return {"version": self._runtime.version(), "chip": chip(), "os": platform.platform(terse=True), "governor": governor()}
            case "load":
                graph = self._graphs[request["name"]] = self._runtime.load(base64.b64decode(request["onnx"]), self._threads)
                return {"warm_ms": time_runs(graph, WARM_UPS)["wall_ms"][-1]}
            case "time":
                return time_runs(self._graphs[request["name"]], request["runs"])
        raise ValueError(f"an agent does info, load or time, got {request['do']!r}")


def time_runs(graph: Graph, runs: int) -> dict[str, list[float]]:
    """Milliseconds of each run by the process's CPU clock and by the wall clock."""
    cpu_ms, wall_ms = [0.0] * runs, [0.0] * runs
    gc.disable()
    for i in range(runs):
        cpu, wall = time.process_time_ns(), time.perf_counter_ns()
        graph.run_once()
        cpu_ms[i], wall_ms[i] = (time.process_time_ns() - cpu) / 1e6, (time.perf_counter_ns() - wall) / 1e6
    gc.enable()
    return {"cpu_ms": cpu_ms, "wall_ms": wall_ms}


def chip() -> str:
    """The processor's name, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.lower().startswith(("model name", "hardware", "cpu model"))]
    return names[0] if names else platform.processor() or platform.machine()


def governor() -> str:
    """Frequency policy of the first core, or `unknown`."""
    try:
        return Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").read_text().strip()
    except OSError:
        return "unknown"


def serve(agent: Agent, requests: TextIO, answers: TextIO) -> None:
    """Answer line by line until the requests end; an error is an answer too."""
    for line in requests:
        try:
            answer = agent.answer(json.loads(line))
        except Exception as error:  # whatever a runtime raises belongs to the caller, on the other side
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def main(runtime: str, threads: str) -> None:
    """Serve stdin; what libraries print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(Agent(RUNTIMES[runtime](), int(threads)), sys.stdin, answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
