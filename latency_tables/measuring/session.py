"""A device under measurement: models go there once, and whatever is lost on the way (device, agent) is set up again."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from latency_tables.measuring.connection import AgentDied, AgentError, Connection
from latency_tables.measuring.program_connection import ProgramConnection
from latency_tables.parity import difference
from latency_tables.transports.transport import DeviceLost
from supernet.deploy.model import Model
from supernet.runtimes.runtime import Runtime
from tracking.files.progress import say

_DEATHS = 3
"""An agent that dies so often in a row at one model is killed by it."""
_RETRY_S = 2.0
_IDENTITY = ("version", "chip", "os")

Answer = TypeVar("Answer")


class Unsupported(Exception):
    """The runtime cannot run a model; the text says why."""


class Session:
    """Models on a device; use it as a context.

    Requests raise `ConnectionError` where the device stays away, its agent keeps dying, or it has no room; one line each.
    """

    def __init__(
        self,
        device: str,
        connect: Callable[[], Connection | ProgramConnection],
        runtime: Runtime,
        models: Mapping[str, Model],
        wait_s: float,
    ):
        """Open a device.

        Args:
            device: Its name, for messages.
            connect: Reaches it; called again whenever it was lost.
            runtime: The host's half of the runtime.
            models: Every model that will be asked about, by name.
            wait_s: How long to wait for a device that was lost.
        """
        self._device = device
        self._connect = connect
        self._runtime = runtime
        self._models = models
        self._wait_s = wait_s
        self.sha256: dict[str, str] = {}
        """Of the prepared models, by name; what the device still has is neither prepared nor sent again."""
        self._introduced: set[str] = set()
        self._current: Model | None = None
        try:
            self.info: dict[str, Any] = self._begin()
            """What the device says of itself and of the runtime."""
        except ConnectionError as err:
            raise no_start(device, err) from err

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def memory_mb(self, name: str) -> float:
        """Growth of the peak memory of a process that loads and runs a model; ask before the first `load`.

        Raises:
            Unsupported: The runtime cannot run it.
        """
        return self._ask(name, lambda connection: connection.memory_mb(name))

    def load(self, name: str) -> float:
        """Load a model and warm it up; returns the milliseconds of one run.

        Raises:
            Unsupported: The runtime cannot run it.
        """
        return self._ask(name, lambda connection: connection.load(name))

    def difference(self, name: str) -> float | None:
        """Relative difference of a model's outputs from those of ONNX Runtime; None where the runtime gives none.

        Raises:
            Unsupported: The runtime cannot run it.
        """
        try:
            outputs = self._ask(name, lambda connection: connection.outputs(name))
        except NotImplementedError:
            return None
        return difference(self._model(name), outputs)

    def time(self, name: str, runs: int) -> dict[str, list[float]]:
        """Run a model; returns `cpu_ms` and `wall_ms` of every run."""
        return self._ask_again(name, lambda connection: connection.time(name, runs))

    def energy(self, name: str) -> tuple[str, float] | None:
        """The device's meter and the millijoules of one run of a model; None where the device has no meter."""
        return self._ask_again(name, lambda connection: connection.energy(name))

    def unload(self, name: str) -> None:
        """Put a model away, so that it is loaded anew, elsewhere in memory, when it is asked for next."""
        self._ask(name, lambda connection: connection.unload(name))

    def readings(self) -> dict[str, float | None]:
        """Clock in MHz and temperature in degrees Celsius; None where the device tells neither."""
        try:
            return self._connection.readings()
        except (DeviceLost, AgentDied) as err:
            self._wait(err)
            return {}

    def clear(self) -> None:
        """Remove the models from the device."""
        self._connection.clear()

    def _ask(self, name: str, question: Callable[[Connection | ProgramConnection], Answer]) -> Answer:
        """Ask about a model that the device has, or gets first."""
        deaths = 0
        while True:
            try:
                return question(self._ready(name))
            except DeviceLost as err:
                self._wait(err)
            except AgentDied as err:
                self._wait(err)
                deaths += 1
                if deaths == _DEATHS:
                    raise Unsupported(f"the runtime crashed {deaths} times: {err}") from err
            except AgentError as err:
                if err.kind == "uncomparable":
                    raise NotImplementedError from err
                if err.kind != "runtime":
                    raise _refused(self._device, err) from err
                raise Unsupported(err.reason) from err

    def _ask_again(self, name: str, question: Callable[[Connection | ProgramConnection], Answer]) -> Answer:
        """Ask about a model that ran before."""
        try:
            return self._ask(name, question)
        except Unsupported as err:
            raise ConnectionError(f"device {self._device} must go on as it began, {err}; the same command with --resume goes on") from err

    def _ready(self, name: str) -> Connection | ProgramConnection:
        """The connection, which knows a model from here on."""
        if name not in self._introduced:
            shapes = self._models[name].shapes
            if name not in self.sha256 or not self._connection.introduce(name, self.sha256[name], shapes):
                prepared = self._prepare(name)
                self.sha256[name] = hashlib.sha256(prepared).hexdigest()
                if not self._connection.introduce(name, self.sha256[name], shapes):
                    self._connection.store(prepared)
            self._introduced.add(name)
        return self._connection

    def _prepare(self, name: str) -> bytes:
        try:
            return self._runtime.prepare(self._model(name))
        except ImportError:
            raise
        except Exception as err:  # whatever a converter raises
            raise Unsupported(f"conversion failed: {type(err).__name__}: {err}") from err

    def _model(self, name: str) -> Model:
        """A model of its own, of which only the last one's weights and graph stay in memory."""
        if self._current is None or self._current.name != name:
            self._current = replace(self._models[name])
        return self._current

    def _begin(self) -> dict[str, Any]:
        """Reach the device, which knows no model yet; returns what it says of itself."""
        self._introduced.clear()
        self._connection = self._connect()
        try:
            return self._connection.info()
        except BaseException:
            self._connection.close()
            raise

    def _wait(self, lost: DeviceLost | AgentDied) -> None:
        """Wait until a lost device is back, or its agent at work again."""
        self._connection.close()
        say(f"{lost}; waiting for {self._device}")
        deadline = time.monotonic() + self._wait_s
        while True:
            try:
                info = self._begin()
            except AgentError as err:
                if err.kind != "busy":
                    raise _refused(self._device, err) from err
            except (DeviceLost, AgentDied):
                pass
            else:
                if any(info[fact] != self.info[fact] for fact in _IDENTITY):
                    raise ConnectionError(f"device {self._device} must be the same after it was lost, {self.info} is now {info}")
                say(f"{self._device} is back")
                return
            if time.monotonic() >= deadline:
                break
            time.sleep(_RETRY_S)
        raise ConnectionError(
            f"device {self._device} must come back within {self._wait_s / 60:g} minutes, {lost}; the same command with --resume goes on"
        ) from lost


def no_start(device: str, err: ConnectionError) -> ConnectionError:
    """Why a device cannot be measured at all, with the way out."""
    if isinstance(err, AgentError):
        return _refused(device, err)
    if isinstance(err, DeviceLost):
        return err
    way_out = "its Python must be 3.11 or newer and have the runtime, name it with --python"
    return ConnectionError(f"device {device} must run an agent, {err}; {way_out}")


def _refused(device: str, err: AgentError) -> ConnectionError:
    ways_out = {
        "busy": "wait until it has ended",
        "disk": "make room there; the same command with --resume goes on",
        "folder": "make room or rights there",
        "cores": "choose others with --cores, or none",
    }
    return ConnectionError(f"device {device} must be free and ready, {err.reason}; {ways_out.get(err.kind, 'install what it lacks')}")
