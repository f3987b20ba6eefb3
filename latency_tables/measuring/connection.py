"""The caller's end of a connection to an agent (one request, one answer), and how an agent is put onto a device and started."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import os
import select
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from latency_tables.agent.serving import OUTPUT_VALUES
from latency_tables.transports.transport import DeviceLost, Transport
from tracking.files.records import MOST_BYTES, is_number, parse_record

_ROOT = Path(__file__).resolve().parents[2]
_TRAVELS = (_ROOT / "latency_tables" / "agent", _ROOT / "supernet" / "runtimes")
_MODULE = "latency_tables.agent.serving"
_MOST_REASON = 300
"""Longest text of an agent's error that is kept."""
_ANSWER_S = 600
"""Seconds without an answer, or without taking more of a request, after which an agent counts as hanging."""

_END_S = 5
"""Seconds that an agent may take to end."""


class AgentDied(ConnectionError):
    """The agent ended or hangs while the device can be reached, e.g. because the runtime crashed."""


class AgentError(ConnectionError):
    """The agent answered with an error.

    Args:
        what: The request, for the message.
        reason: The text of the answer.
        kind: See the attribute.
    """

    def __init__(self, what: str, reason: str, kind: str):
        super().__init__(f"the agent on the device failed at request {what!r}: {reason}")
        self.reason = reason
        """The text of the agent's answer."""
        self.kind = kind
        """What went wrong.

        `runtime`: the runtime raised an error. `uncomparable`: there are no outputs, or no memory, to tell. `disk`: the device has no
        room for a model. The agent could not start because of `busy` (another measurement is at work), `folder` (it cannot write
        to its folder) or `cores` (the cores do not exist)."""


def packed_agent() -> bytes:
    """The agent and the runtimes, packed into one zip file that Python can run; the same sources give the same bytes."""
    content = io.BytesIO()
    files = {folder / "__init__.py" for each in _TRAVELS for folder in each.parents if folder != _ROOT and _ROOT in folder.parents}
    files |= {path for folder in _TRAVELS for path in folder.glob("*.py")}
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("__main__.py"), f"import sys\nfrom {_MODULE} import main\nmain(*sys.argv[1:])\n")
        for path in sorted(files):
            archive.writestr(zipfile.ZipInfo(path.relative_to(_ROOT).as_posix()), path.read_bytes())
    return content.getvalue()


def open_agent(
    transport: Transport, runtime: str, precision: str = "fp32", threads: int = 1, cores: str = "", run: str = "", python: str | None = None
) -> Connection:
    """Start an agent on a device.

    Args:
        transport: The device.
        runtime: Name of the runtime.
        precision: One of the runtime's number formats.
        threads: Number of threads that the runtime may use.
        cores: Cores that the agent is kept on, such as `4-7`; empty for any.
        run: Name of the measurement. An agent left over from the same measurement makes way; one of another measurement refuses the
            new agent. Without a name the agent claims no device, and others may be at work.
        python: Python on the device; by default `python3`, and on this machine the one in use.

    Returns:
        The connection. Errors of starting appear at its first request.

    Raises:
        OSError: A remote device cannot hold the agent.
        DeviceLost: A remote device cannot be reached.
    """
    settings = (runtime, precision, str(threads), cores, run)
    if transport.remote:
        content = packed_agent()
        path = transport.push(content, f"agent-{hashlib.sha256(content).hexdigest()[:16]}.pyz")
        return Connection(transport.open([python or "python3", path, *settings]), transport)
    # the local agent searches the same folders as this process, so that it finds the same runtimes and the same chiptrack
    paths = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    start = ["env", f"PYTHONPATH={paths}", python or sys.executable, "-P", "-m", _MODULE]
    return Connection(transport.open([*start, *settings]), transport)


class Connection:
    """Sends requests to an agent over its standard streams; use it as a context manager.

    Every request raises `AgentError` if the agent answers with an error, `AgentDied` if it ends or hangs, `DeviceLost` if the device
    cannot be reached, and `ConnectionError` if something other than the agent answers.
    """

    def __init__(self, process: subprocess.Popen[bytes], transport: Transport):
        self._process = process
        self._transport = transport
        self._rest = b""
        if process.stdin:
            os.set_blocking(process.stdin.fileno(), False)  # so that an agent that hangs cannot hold up `_send`

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the agent by closing its input; one that has not ended after `_END_S` is killed."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def info(self) -> dict[str, Any]:
        """What the device says of itself: `version` (of the runtime), `chip`, `os`, `governor` (frequency policy) and `cores`."""
        answer = self._ask({"do": "info"})
        named = all(isinstance(answer.get(name), str) for name in ("version", "chip", "os", "governor"))
        _expect(named and (answer.get("cores") is None or _is_count(answer["cores"])), "info", answer)
        return answer

    def runtimes(self) -> dict[str, dict[str, str | None]]:
        """By name of each runtime: its `version` on the device, or how to `install` it; the other of the two is None."""
        found = self._ask({"do": "runtimes"}).get("runtimes")
        each = found.values() if isinstance(found, dict) else [None]
        right = (isinstance(one, dict) and all(isinstance(one.get(name, 0), str | None) for name in ("version", "install")) for one in each)
        _expect(all(right), "runtimes", found)
        return cast(dict, found)

    def readings(self) -> dict[str, float | None]:
        """`mhz` (clock in MHz) and `celsius` (temperature in degrees Celsius) of the device now; None for one that it does not tell."""
        answer = self._ask({"do": "readings"})
        found = {name: answer.get(name) for name in ("mhz", "celsius")}
        _expect(all(value is None or is_number(value) for value in found.values()), "readings", answer)
        return found

    def introduce(self, name: str, sha256: str, shapes: Mapping[str, tuple[int, ...]]) -> bool:
        """Tell the agent the name, checksum and input shapes of a prepared model; returns whether the device has that model stored."""
        stored = self._ask({"do": "introduce", "name": name, "sha256": sha256, "shapes": shapes}).get("stored")
        _expect(isinstance(stored, bool), "introduce", stored)
        return bool(stored)

    def store(self, prepared: bytes) -> None:
        """Send a prepared model to the device."""
        self._ask({"do": "store", "sha256": hashlib.sha256(prepared).hexdigest(), "model": base64.b64encode(prepared).decode()})

    def memory_mb(self, name: str) -> float:
        """Megabytes by which the peak memory of a process grows when it loads and runs a model.

        Call it before the first `load`, since memory that other models have left behind hides part of the growth.
        """
        return self._number({"do": "memory", "name": name}, "mb")

    def energy(self, name: str) -> tuple[str, float] | None:
        """Name of the device's meter, and the millijoules of one run of a model; None if no meter can be read."""
        answer = self._ask({"do": "energy", "name": name})
        meter, mj = answer.get("meter"), answer.get("mj")
        _expect(mj is None or is_number(mj) and mj >= 0 and isinstance(meter, str), "energy", answer)
        return None if mj is None else (str(meter), mj)

    def load(self, name: str) -> float:
        """Load a model and warm it up; returns the milliseconds of one more run."""
        return self._number({"do": "load", "name": name}, "warm_ms")

    def unload(self, name: str) -> None:
        """Remove a model from memory, so that the next request for it loads it anew."""
        self._ask({"do": "unload", "name": name})

    def outputs(self, name: str) -> list[tuple[tuple[int, ...], np.ndarray]]:
        """Shape of each output of a model, and some of its values as `serving.abridge` picks them, for the inputs of `runtime.sample`."""
        answers = self._ask({"do": "outputs", "name": name}).get("outputs")
        try:
            found = [(tuple(a["shape"]), np.frombuffer(base64.b64decode(a["values"]), "<f4")) for a in answers or ()]
        except (KeyError, TypeError, ValueError):
            found = []
        right = (all(map(_is_count, shape)) and len(values) == min(math.prod(shape), OUTPUT_VALUES) for shape, values in found)
        _expect(bool(found) and all(right), "outputs", answers)
        return found

    def time(self, name: str, runs: int) -> dict[str, list[float]]:
        """Time a model; returns `cpu_ms` and `wall_ms`, the milliseconds of every run by either clock."""
        answer = self._ask({"do": "time", "name": name, "runs": runs})
        times = {clock: answer.get(clock) for clock in ("cpu_ms", "wall_ms")}
        for each in times.values():
            _expect(isinstance(each, list) and len(each) == runs and all(is_number(ms) and ms >= 0 for ms in each), "time", each)
        return cast(dict, times)

    def clear(self) -> None:
        """Remove the stored models from the device."""
        self._ask({"do": "clear"})

    def _number(self, request: dict[str, Any], name: str) -> float:
        """The number that answers a request, which is not negative."""
        value = self._ask(request).get(name)
        _expect(is_number(value) and value >= 0, str(request["do"]), value)
        return cast(float, value)

    def _ask(self, request: dict[str, Any]) -> dict:
        """Send one request and return its answer."""
        what = " ".join(str(request[field]) for field in ("do", "name") if field in request)
        line = self._line() if self._send(json.dumps(request).encode() + b"\n") else b""
        if not line.endswith(b"\n"):
            self._raise_end(what)
        try:
            answer = parse_record(line)
        except ValueError as err:
            said = line[:60].decode(errors="replace").strip()
            raise ConnectionError(
                f"an agent must answer with JSON objects, it said {said!r}; have the device's login scripts print nothing"
            ) from err
        if "error" in answer:
            raise AgentError(what, " ".join(str(answer["error"]).split())[:_MOST_REASON], str(answer.get("kind")))
        return answer

    def _send(self, line: bytes) -> bool:
        """Send a line to the agent; returns False if the agent hangs."""
        assert self._process.stdin
        rest, pipe = memoryview(line), self._process.stdin.fileno()
        try:
            while rest:
                if not select.select([], [pipe], [], _ANSWER_S)[1]:
                    return False
                rest = rest[os.write(pipe, rest) :]
        except BrokenPipeError:
            pass  # an agent that refuses to start has answered with the reason before it ended
        return True

    def _line(self) -> bytes:
        """The agent's next line; if the agent ends or hangs, as much of the line as there is, without a newline at its end."""
        assert self._process.stdout
        deadline = time.monotonic() + _ANSWER_S
        parts, length = [self._rest], 0
        while b"\n" not in parts[-1]:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(self._process.stdout.fileno(), 1 << 20) if ready else b""
            if not part:
                break
            parts.append(part)
            length += len(part)
            if length > MOST_BYTES:
                raise ConnectionError(f"an agent must answer in one line, it said more than {MOST_BYTES // 10**6} MB; is it chiptrack's?")
        line, newline, self._rest = b"".join(parts).partition(b"\n")
        return line + newline

    def _raise_end(self, what: str) -> None:
        """Raises `DeviceLost` or `AgentDied` for an agent that ended or hangs at a request."""
        try:
            status = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        if self._transport.lost(status):
            raise DeviceLost(f"the device was lost at request {what!r}")
        raise AgentDied(f"the agent on the device ended with status {status} at request {what!r}")


def _is_count(value: object) -> bool:
    """Whether an agent's value is a whole number that is not negative."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _expect(right: bool, what: str, answer: object) -> None:
    """Raises `ConnectionError` unless the answer to a request is right."""
    if not right:
        raise ConnectionError(f"an agent must answer as chiptrack's does, to request {what!r} it said {answer!r:.100}; is it chiptrack's?")
