"""The caller's end of an agent: one request, one answer; and how an agent gets onto a device."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import select
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latency_tables.transports.transport import DeviceLost, Transport
from tracking.files.records import parse_record

_ROOT = Path(__file__).resolve().parents[2]
_TRAVELS = (_ROOT / "latency_tables" / "agent", _ROOT / "supernet" / "runtimes")
_MODULE = "latency_tables.agent.serving"
_ANSWER_S = 600
"""An agent that is silent for longer hangs."""


class AgentDied(ConnectionError):
    """The agent ended, or hangs, while the device can be reached: the runtime crashed, or somebody killed it."""


class AgentError(ConnectionError):
    """The agent answered with an error."""

    def __init__(self, what: str, reason: str, kind: str):
        super().__init__(f"the agent on the device failed at request {what!r}: {reason}")
        self.reason = reason
        """What it said."""
        self.kind = kind
        """`runtime`, `uncomparable` (there are no outputs), `disk`; of one that cannot begin: `busy`, `folder` or `cores`."""


def packed_agent() -> bytes:
    """The agent as one file that Python runs: two folders, the same bytes for the same sources."""
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
        threads: Threads that it may use.
        cores: Cores that it is kept on; empty for any.
        run: Names the measurement, so that an agent left over from it makes way.
        python: The device's Python; by default `python3`, or this very one on this machine.
    """
    settings = (runtime, precision, str(threads), cores, run)
    if transport.remote:
        content = packed_agent()
        path = transport.push(content, f"agent-{hashlib.sha256(content).hexdigest()[:16]}.pyz")
        return Connection(transport.open([python or "python3", path, *settings]), transport)
    # runtimes that are installed beside a changed or an extended chiptrack are found as this process finds them
    paths = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    start = ["env", f"PYTHONPATH={paths}", python or sys.executable, "-P", "-m", _MODULE]
    return Connection(transport.open([*start, *settings]), transport)


class Connection:
    """Speaks with an agent over its standard streams; use it as a context.

    Every request raises `AgentError` where the agent says so, `AgentDied` where it ends, and `DeviceLost` where the device is gone.
    """

    def __init__(self, process: subprocess.Popen[bytes], transport: Transport):
        self._process = process
        self._transport = transport
        self._rest = b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the agent: it notices that its input ends; one that does not is killed."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def info(self) -> dict[str, Any]:
        """Runtime version, chip, cores, operating system and frequency policy of the device."""
        return self._ask({"do": "info"})

    def runtimes(self) -> dict[str, dict[str, str | None]]:
        """`version` of every runtime on the device, or what to `install`."""
        return self._ask({"do": "runtimes"})["runtimes"]

    def readings(self) -> dict[str, float | None]:
        """Clock in MHz and temperature in degrees Celsius; None where the device tells neither."""
        return self._ask({"do": "readings"})

    def introduce(self, name: str, sha256: str, shapes: Mapping[str, tuple[int, ...]]) -> bool:
        """Name a prepared model and the shapes of its inputs; returns whether the device has it stored."""
        return self._ask({"do": "introduce", "name": name, "sha256": sha256, "shapes": shapes})["stored"]

    def store(self, prepared: bytes) -> None:
        """Send a prepared model."""
        self._ask({"do": "store", "sha256": hashlib.sha256(prepared).hexdigest(), "model": base64.b64encode(prepared).decode()})

    def memory_mb(self, name: str) -> float:
        """Megabytes by which loading and running a model makes a fresh process grow at its peak; ask before the first `load`."""
        return self._ask({"do": "memory", "name": name})["mb"]

    def energy(self, name: str) -> tuple[str, float] | None:
        """The meter that the device has and the millijoules of one run of a model by it; None where it has none."""
        answer = self._ask({"do": "energy", "name": name})
        return None if answer["mj"] is None else (answer["meter"], answer["mj"])

    def load(self, name: str) -> float:
        """Load a model and warm it up; returns the milliseconds of one more run."""
        return self._ask({"do": "load", "name": name})["warm_ms"]

    def unload(self, name: str) -> None:
        """Put a model away, so that it is loaded anew when it is asked for next."""
        self._ask({"do": "unload", "name": name})

    def outputs(self, name: str) -> list[tuple[tuple[int, ...], np.ndarray]]:
        """Shape and some values of each output, as `serving.abridge` picks them."""
        answers = self._ask({"do": "outputs", "name": name})["outputs"]
        return [(tuple(a["shape"]), np.frombuffer(base64.b64decode(a["values"]), "<f4")) for a in answers]

    def time(self, name: str, runs: int) -> dict[str, list[float]]:
        """Run a model; returns `cpu_ms` and `wall_ms` of every run."""
        return self._ask({"do": "time", "name": name, "runs": runs})

    def clear(self) -> None:
        """Remove the stored models from the device."""
        self._ask({"do": "clear"})

    def _ask(self, request: dict[str, Any]) -> dict:
        assert self._process.stdin
        what = " ".join(str(request[field]) for field in ("do", "name") if field in request)
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # an agent that refuses to serve has said why before it ended
        line = self._line()
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
            raise AgentError(what, answer["error"], answer["kind"])
        return answer

    def _line(self) -> bytes:
        """The next line; what there is of it where the agent ends or hangs."""
        assert self._process.stdout
        deadline = time.monotonic() + _ANSWER_S
        parts = [self._rest]
        while b"\n" not in parts[-1]:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(self._process.stdout.fileno(), 1 << 20) if ready else b""
            if not part:
                break
            parts.append(part)
        line, newline, self._rest = b"".join(parts).partition(b"\n")
        return line + newline

    def _raise_end(self, what: str) -> None:
        try:
            status = self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        if self._transport.lost(status):
            raise DeviceLost(f"the device was lost at request {what!r}")
        raise AgentDied(f"the agent on the device ended with status {status} at request {what!r}")
