"""The agent, the program that runs on a device: it stores, loads and times models, as requests (JSON lines) ask it, and answers in JSON.

It needs the standard library, one runtime's package, and two folders of this project: this one and that of the runtimes. Models are
files named by their checksum, so that an agent that starts anew still has them. When the device runs short of memory, the models
used longest ago are unloaded.

It is started as `agent RUNTIME PRECISION THREADS CORES RUN`, where RUN is the name of one measurement. While an agent with a RUN is at
work, a new one for another measurement is refused; a new one for the same measurement kills it, since it is left over from a lost
connection. An agent whose RUN is empty claims no device and may work beside others; it is meant for questions, not for timing.
"""

from __future__ import annotations

import base64
import ctypes
import errno
import gc
import hashlib
import json
import math
import os
import re
import resource
import select
import shutil
import signal
import sys
import time
from collections import OrderedDict
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from latency_tables.agent import device_info
from latency_tables.agent.claim import Refusal, cache_folder, take_device
from latency_tables.agent.energy import find_meter, per_run_mj
from supernet.runtimes import RUNTIMES
from supernet.runtimes.runtime import EnergyReporting, Graph, Runtime, sample

if TYPE_CHECKING:
    import numpy as np

WARM_UPS = 3
"""Number of runs of a model before it is timed."""
OUTPUT_VALUES = 2048
"""Largest number of values of each output that are sent back for a comparison."""
_MOST_RUNS, _MOST_VALUES = 1_000_000, 100_000_000
"""Largest number of runs in a request, and of values in all inputs of a model together."""
_IDLE_S = 1800
"""Seconds without a request after which the agent ends."""
_MEMORY_S = 60
"""Seconds after which the process that measures memory is killed."""
_RESERVE = 0.12
"""Share of the device's memory that should stay free; if less is free, the models used longest ago are unloaded."""


class Agent:
    """Does what requests ask: stores, loads and times models, which are known by name, with one runtime.

    Args:
        runtime: The device's half of the runtime.
        threads: Number of threads that the runtime may use.
        folder: Folder on the device, in which `models` holds the stored models.
    """

    def __init__(self, runtime: Runtime, threads: int, folder: Path):
        self._runtime = runtime
        self._threads = threads
        self._folder = folder
        self._known: dict[str, tuple[str, dict[str, tuple[int, ...]]]] = {}
        """Checksum and input shapes of each introduced model, by name."""
        self._graphs: OrderedDict[str, Graph] = OrderedDict()
        """The loaded models by name, the one used longest ago first."""
        self._unstored: dict[str, bytes] = {}
        """Models that the disk has no room for, by checksum."""

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what a request asks, and return the answer; the methods of `connection.Connection` describe requests and answers.

        Raises:
            Refusal: The device has no room.
            Exception: Whatever the runtime raises.
        """
        match request["do"]:
            case "info":
                facts = {"chip": device_info.chip(), "os": device_info.system(), "governor": device_info.governor()}
                return {"version": self._runtime.version(), **facts, "cores": os.cpu_count()}
            case "runtimes":
                return {"runtimes": {name: _version(runtime) for name, runtime in RUNTIMES.items()}}
            case "readings":
                return device_info.readings()
            case "store":
                return self._store(request["sha256"], base64.b64decode(request["model"]))
            case "introduce":
                shapes = {name: tuple(shape) for name, shape in request["shapes"].items()}
                if not re.fullmatch("[0-9a-f]{64}", request["sha256"]) or sum(map(math.prod, shapes.values())) > _MOST_VALUES:
                    raise ValueError(f"a model must have a SHA-256 checksum and inputs of at most {_MOST_VALUES} values together")
                self._known[request["name"]] = (request["sha256"], shapes)
                return {"stored": request["sha256"] in self._unstored or self._is_whole(request["sha256"])}
            case "memory":
                return {"mb": self._memory_mb(request["name"])}
            case "energy":
                return self._energy(request["name"])
            case "load":
                return {"warm_ms": time_runs(self._graph(request["name"]), 1)["wall_ms"][0]}
            case "unload":
                self._graphs.pop(request["name"], None)
                return {}
            case "outputs":
                return {"outputs": [_abridged(values) for values in executed(self._graph(request["name"]))]}
            case "time":
                if not 1 <= request["runs"] <= _MOST_RUNS:
                    raise ValueError(f"runs must be from 1 to {_MOST_RUNS}, got {request['runs']}")
                return time_runs(self._graph(request["name"]), request["runs"])
            case "clear":
                shutil.rmtree(self._folder / "models", ignore_errors=True)
                return {}
        raise ValueError(f"an agent does not know how to {request['do']!r}")

    def _path(self, sha256: str) -> Path:
        """Where a model with this checksum is stored."""
        return self._folder / "models" / sha256

    def _is_whole(self, sha256: str) -> bool:
        """Whether the disk holds a model as it was sent; after a power failure a file may be there with wrong content."""
        path = self._path(sha256)
        return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256

    def _store(self, sha256: str, model: bytes) -> dict:
        """Write a model to the disk; if the disk is full, keep it in memory while there is enough, else raise `Refusal`."""
        if hashlib.sha256(model).hexdigest() != sha256:
            raise ValueError("a model must arrive as it was sent, its checksum differs")
        path = self._path(sha256)
        new = path.with_suffix(".new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            new.write_bytes(model)
            new.replace(path)
        except OSError as err:
            new.unlink(missing_ok=True)
            if err.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            if device_info.available_memory() < 2 * _RESERVE:
                raise Refusal("disk", f"{self._folder} and memory have no room for {len(model) / 1e6:.1f} MB more") from err
            self._unstored[sha256] = model
        return {}

    def _graph(self, name: str) -> Graph:
        """The loaded graph of a model; it is loaded and warmed up if it is not in memory."""
        if name not in self._graphs:
            while self._graphs and device_info.available_memory() < _RESERVE:
                self._graphs.popitem(last=False)
            graph = self._load(name)
            time_runs(graph, WARM_UPS)
            self._graphs[name] = graph
        self._graphs.move_to_end(name)
        return self._graphs[name]

    def _load(self, name: str) -> Graph:
        """A model, loaded by the runtime, with inputs bound."""
        sha256, shapes = self._known[name]
        model = self._unstored.get(sha256) or self._path(sha256).read_bytes()
        graph = self._runtime.load(model, self._threads)
        graph.bind(sample(shapes))
        return graph

    def _memory_mb(self, name: str) -> float:
        """Megabytes by which the peak resident memory of a forked process grows when it loads and runs a model."""
        self._runtime.version()  # imports the runtime, whose own memory does not count
        _give_memory_back()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                signal.alarm(_MEMORY_S)  # a runtime that hangs after a fork must not hang the agent, nor keep the device for ever
                before = _peak_mb()
                time_runs(self._load(name), WARM_UPS)
                os.write(writer, str(_peak_mb() - before).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as answer:
            grown = answer.read()
        os.waitpid(child, 0)
        if not grown:
            raise RuntimeError("the process that was to measure memory died or hung")
        return float(grown)

    def _energy(self, name: str) -> dict[str, Any]:
        """`meter` (its name) and `mj` (millijoules of one run); None if there is no meter or it cannot be read."""
        graph = self._graph(name)
        if isinstance(graph, EnergyReporting):
            return {"meter": "the runtime's own", "mj": graph.energy_mj()}
        meter = find_meter(processor=self._runtime.clock == "cpu")
        return {"meter": meter and meter.name, "mj": meter and per_run_mj(meter, graph.execute)}


def _version(runtime: type[Runtime]) -> dict[str, str | None]:
    """`version` of a runtime on this machine, or how to `install` it; the other of the two is None."""
    try:
        return {"version": runtime(runtime.precisions[0]).version(), "install": None}
    except ImportError as err:
        return {"version": None, "install": str(err)}


def executed(graph: Graph) -> list[np.ndarray]:
    """Outputs of one run on the inputs that are bound to a graph."""
    graph.execute()
    return graph.outputs()


def abridge(values: np.ndarray) -> np.ndarray:
    """At most `OUTPUT_VALUES` of an array's values, spread evenly over the flattened array, as float32.

    Example: of 4095 values, every second one is kept, from the first to the last, which makes 2048.
    """
    import numpy as np

    flat = np.asarray(values, np.float32).ravel()
    return flat[np.linspace(0, flat.size - 1, min(flat.size, OUTPUT_VALUES)).astype(int)]


def _abridged(values: np.ndarray) -> dict:
    """Shape and abridged values of an output, as they are sent."""
    return {"shape": list(values.shape), "values": base64.b64encode(abridge(values).astype("<f4").tobytes()).decode()}


def _give_memory_back() -> None:
    """Return free heap memory to the system; a forked process that reuses it would seem to grow by that much less."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):  # the C library has no such function
        pass


def _peak_mb() -> float:
    """Peak resident memory of this process so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def time_runs(graph: Graph, runs: int) -> dict[str, list[float]]:
    """Time a graph on the inputs that are bound to it.

    Returns:
        `cpu_ms` and `wall_ms`, the milliseconds of each run by the process's CPU clock and by the wall clock. If the graph has a clock
        of its own, both hold the times of that clock.
    """
    cpu_ms, wall_ms = [0.0] * runs, [0.0] * runs
    gc.disable()
    try:
        for i in range(runs):
            cpu, wall = time.process_time_ns(), time.perf_counter_ns()
            own_ms = graph.execute()
            cpu_ms[i], wall_ms[i] = (time.process_time_ns() - cpu) / 1e6, (time.perf_counter_ns() - wall) / 1e6
            if own_ms is not None:
                cpu_ms[i] = wall_ms[i] = own_ms
    finally:
        gc.enable()
    return {"cpu_ms": cpu_ms, "wall_ms": wall_ms}


def serve(agent: Agent, requests: TextIO, answers: TextIO) -> None:
    """Answer requests line by line, until they end or none comes for half an hour; an error is answered as well."""
    while _coming(requests) and (line := requests.readline()):
        try:
            answer = agent.answer(json.loads(line))
        except Refusal as refusal:
            answer = {"error": str(refusal), "kind": refusal.kind}
        except Exception as error:  # whatever a runtime raises is for the caller to judge
            kind = "uncomparable" if isinstance(error, NotImplementedError) else "runtime"
            answer = {"error": f"{type(error).__name__}: {error!s:.2000}", "kind": kind}
        print(json.dumps(answer), file=answers, flush=True)


def _coming(requests: TextIO) -> bool:
    """Wait for a request; false if none has come for `_IDLE_S`, so that the caller must be gone."""
    try:
        waiting = [requests.fileno()]
    except OSError:  # not a real file
        return True
    return bool(select.select(waiting, [], [], _IDLE_S)[0])


def main(runtime: str, precision: str, threads: str, cores: str, run: str) -> None:
    """Run the agent: requests come from stdin, answers go to stdout, and what libraries print to stdout goes to stderr.

    Args:
        runtime: Name of the runtime.
        precision: One of the runtime's number formats.
        threads: Number of threads that the runtime may use.
        cores: Cores to run on, such as `4-7`; empty for any.
        run: Name of the measurement; empty for an agent that claims no device.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    folder = cache_folder()
    try:
        device_info.pin(cores)
        lock = take_device(folder, run) if run else nullcontext()
    except (Refusal, OSError, ValueError) as refusal:
        kind = refusal.kind if isinstance(refusal, Refusal) else "folder" if isinstance(refusal, OSError) else "cores"
        print(json.dumps({"error": str(refusal), "kind": kind}), file=answers, flush=True)
        return
    with lock, suppress(BrokenPipeError):  # the caller is gone
        serve(Agent(RUNTIMES[runtime](precision), int(threads), folder), sys.stdin, answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
