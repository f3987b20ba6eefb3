"""What runs on the device: reads requests as JSON lines, keeps, loads and times models, answers as JSON lines.

Needs the standard library, one runtime's package, and two folders of this project: this one and that of the runtimes. Models lie
in a folder by their checksum, so that an agent that starts anew has them at hand, and leave memory when the device runs short of
it. One agent at a time: a second one on the same folder is refused.

Started as `agent RUNTIME PRECISION THREADS CORES RUN`: RUN is a word that names one measurement. An agent of the same run, left
over from a lost connection, makes way. Without a name it only answers questions, and others may be at work.
"""

from __future__ import annotations

import base64
import ctypes
import errno
import fcntl
import gc
import hashlib
import json
import os
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
from latency_tables.agent.energy import find_meter, per_run_mj
from supernet.runtimes import RUNTIMES
from supernet.runtimes.runtime import Graph, Metered, Runtime, sample

if TYPE_CHECKING:
    import numpy as np

WARM_UPS = 3
OUTPUT_VALUES = 2048
"""Values of each output that are sent back for a comparison, spread evenly over it."""
_IDLE_S = 1800
_MEMORY_S = 60
_RESERVE = 0.12
"""Share of the device's memory that stays free: beyond it, the models used longest ago are put away."""


class Refusal(Exception):
    """Something that the caller must be told in other words than a runtime's."""

    def __init__(self, kind: str, text: str):
        super().__init__(text)
        self.kind = kind


class Agent:
    """Models by name, on one runtime."""

    def __init__(self, runtime: Runtime, threads: int, folder: Path):
        self._runtime = runtime
        self._threads = threads
        self._folder = folder
        self._known: dict[str, tuple[str, dict[str, tuple[int, ...]]]] = {}
        self._graphs: OrderedDict[str, Graph] = OrderedDict()
        self._unstored: dict[str, bytes] = {}
        """Models that the disk has no room for, by checksum."""

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what a request asks."""
        match request["do"]:
            case "info":
                facts = {
                    "chip": device_info.chip(),
                    "os": device_info.system(),
                    "governor": device_info.governor(),
                    "cores": os.cpu_count(),
                }
                return {"version": self._runtime.version(), **facts}
            case "runtimes":
                return {"runtimes": {name: _version(runtime) for name, runtime in RUNTIMES.items()}}
            case "readings":
                return device_info.readings()
            case "store":
                return self._store(request["sha256"], base64.b64decode(request["model"]))
            case "introduce":
                shapes = {name: tuple(shape) for name, shape in request["shapes"].items()}
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
                return time_runs(self._graph(request["name"]), request["runs"])
            case "clear":
                shutil.rmtree(self._folder / "models", ignore_errors=True)
                return {}
        raise ValueError(f"an agent does not know how to {request['do']!r}")

    def _path(self, sha256: str) -> Path:
        return self._folder / "models" / sha256

    def _is_whole(self, sha256: str) -> bool:
        """Whether a model lies on the disk as it was sent; a device that lost its power may have kept only the name."""
        path = self._path(sha256)
        return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256

    def _store(self, sha256: str, model: bytes) -> dict:
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
        """The graph of a model, loaded and warmed up where it is not."""
        if name not in self._graphs:
            while self._graphs and device_info.available_memory() < _RESERVE:
                self._graphs.popitem(last=False)
            graph = self._load(name)
            time_runs(graph, WARM_UPS)
            self._graphs[name] = graph
        self._graphs.move_to_end(name)
        return self._graphs[name]

    def _load(self, name: str) -> Graph:
        sha256, shapes = self._known[name]
        model = self._unstored.get(sha256) or self._path(sha256).read_bytes()
        graph = self._runtime.load(model, self._threads)
        graph.bind(sample(shapes))
        return graph

    def _memory_mb(self, name: str) -> float:
        """Growth of the peak resident memory of a process of its own that loads and runs a model."""
        self._runtime.version()  # the runtime's own memory is there before
        _give_memory_back()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                signal.alarm(_MEMORY_S)  # a runtime that dislikes forks must not hang the agent, nor keep the device for ever
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
        """The meter's name and the millijoules of one run; None where there is no meter or it tells nothing."""
        graph = self._graph(name)
        if isinstance(graph, Metered):
            return {"meter": "the runtime's own", "mj": graph.energy_mj()}
        meter = find_meter(processor=self._runtime.clock == "cpu")
        return {"meter": meter and meter.name, "mj": meter and per_run_mj(meter, graph.execute)}


def _version(runtime: type[Runtime]) -> dict[str, str | None]:
    """The version of a runtime on this machine, or what to install."""
    try:
        return {"version": runtime(runtime.precisions[0]).version(), "install": None}
    except ImportError as err:
        return {"version": None, "install": str(err)}


def executed(graph: Graph) -> list[np.ndarray]:
    """Outputs of one more run on the inputs that are bound."""
    graph.execute()
    return graph.outputs()


def abridge(values: np.ndarray) -> np.ndarray:
    """At most `OUTPUT_VALUES` of an array's values, spread evenly over it, as float32."""
    import numpy as np

    flat = np.asarray(values, np.float32).ravel()
    return flat[np.linspace(0, flat.size - 1, min(flat.size, OUTPUT_VALUES)).astype(int)]


def _abridged(values: np.ndarray) -> dict:
    return {"shape": list(values.shape), "values": base64.b64encode(abridge(values).astype("<f4").tobytes()).decode()}


def _give_memory_back() -> None:
    """Return what is free to the system: a child that finds it in its heap would seem to grow by so much less."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):  # a C library that has no such thing
        pass


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def time_runs(graph: Graph, runs: int) -> dict[str, list[float]]:
    """Milliseconds of each run by the process's CPU clock and by the wall clock, or by the graph's own clock where it has one."""
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


def cache_folder() -> Path:
    """Where chiptrack keeps what can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chiptrack"


def take_device(folder: Path, run: str) -> TextIO:
    """Keep other agents from this device for as long as the returned file is open.

    Raises:
        Refusal: The agent of another measurement is at work.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "agent.lock").open("a+")
    deadline = time.monotonic() + 5
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            lock.seek(0)
            pid, _, owner = lock.read().partition(" ")
            if owner != run or time.monotonic() > deadline:
                lock.close()
                raise Refusal("busy", f"another measurement is at work on this device (process {pid})") from None
            try:
                os.kill(int(pid), signal.SIGKILL)
            except (ProcessLookupError, ValueError):
                pass
            time.sleep(0.05)
    lock.truncate(0)
    lock.write(f"{os.getpid()} {run}")
    lock.flush()
    return lock


def serve(agent: Agent, requests: TextIO, answers: TextIO) -> None:
    """Answer line by line until the requests end; an error is an answer too."""
    while _coming(requests) and (line := requests.readline()):
        try:
            answer = agent.answer(json.loads(line))
        except Refusal as refusal:
            answer = {"error": str(refusal), "kind": refusal.kind}
        except Exception as error:  # whatever a runtime raises belongs to the caller, on the other side
            kind = "uncomparable" if isinstance(error, NotImplementedError) else "runtime"
            answer = {"error": f"{type(error).__name__}: {error}", "kind": kind}
        print(json.dumps(answer), file=answers, flush=True)


def _coming(requests: TextIO) -> bool:
    """Wait for a request; false where none has come for so long that the caller must be gone."""
    try:
        waiting = [requests.fileno()]
    except OSError:  # not a real file
        return True
    return bool(select.select(waiting, [], [], _IDLE_S)[0])


def main(runtime: str, precision: str, threads: str, cores: str, run: str) -> None:
    """Serve stdin; what libraries print goes to stderr."""
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
    with lock, suppress(BrokenPipeError):  # who asked has gone
        serve(Agent(RUNTIMES[runtime](precision), int(threads), folder), sys.stdin, answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
