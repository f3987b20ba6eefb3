"""A device under measurement: sends it each model when it is first needed, and sets up again a lost device or a dead agent."""

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
"""Number of deaths of the agent in one request after which the model counts as their cause."""
_RETRY_S = 2.0
"""Seconds between two attempts to reach a lost device."""
_IDENTITY = ("version", "chip", "os")
"""Facts by which a device that comes back must be the same."""

Answer = TypeVar("Answer")


class Unsupported(Exception):
    """The runtime cannot run a model; the text gives the reason."""


class Session:
    """Requests about models on a device; use it as a context manager.

    Every request raises `ConnectionError`, with a message of one line, if the device was lost and does not come back in time, comes
    back as another one, or has no room for the model.
    """

    def __init__(
        self,
        device: str,
        connect: Callable[[], Connection | ProgramConnection],
        runtime: Runtime,
        models: Mapping[str, Model],
        wait_s: float,
    ):
        """Reach a device.

        Args:
            device: Name of the device, for messages.
            connect: Makes a connection to the device; called again whenever the device or its agent was lost.
            runtime: The host's half of the runtime.
            models: Every model that requests will be about, by name.
            wait_s: Seconds to wait for a device that was lost.

        Raises:
            ConnectionError: The device cannot be reached, is in use, or cannot run the agent.
        """
        self._device = device
        self._connect = connect
        self._runtime = runtime
        self._models = models
        self._wait_s = wait_s
        self.sha256: dict[str, str] = {}
        """Checksums of the prepared models, by name; a model that the device still has is neither prepared nor sent again."""
        self._introduced: set[str] = set()
        self._current: Model | None = None
        try:
            self.info: dict[str, Any] = self._begin()
            """What the device says of itself and of the runtime; see `Connection.info`."""
        except ConnectionError as err:
            raise no_start(device, err) from err

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def memory_mb(self, name: str) -> float:
        """Megabytes by which the peak memory of a process grows when it loads and runs a model; call it before the first `load`.

        Raises:
            Unsupported: The runtime cannot run the model.
        """
        return self._ask(name, lambda connection: connection.memory_mb(name))

    def load(self, name: str) -> float:
        """Load a model and warm it up; returns the milliseconds of one run.

        Raises:
            Unsupported: The runtime cannot run the model.
        """
        return self._ask(name, lambda connection: connection.load(name))

    def difference(self, name: str) -> float | None:
        """Relative difference of a model's outputs from those of ONNX Runtime (see `parity.difference`); None if it has no outputs.

        Raises:
            Unsupported: The runtime cannot run the model.
        """
        try:
            outputs = self._ask(name, lambda connection: connection.outputs(name))
        except NotImplementedError:
            return None
        return difference(self._model(name), outputs)

    def time(self, name: str, runs: int) -> dict[str, list[float]]:
        """Time a model that was loaded; returns `cpu_ms` and `wall_ms`, the milliseconds of every run by either clock."""
        return self._ask_again(name, lambda connection: connection.time(name, runs))

    def energy(self, name: str) -> tuple[str, float] | None:
        """Name of the device's meter, and the millijoules of one run of a loaded model; None if no meter can be read."""
        return self._ask_again(name, lambda connection: connection.energy(name))

    def unload(self, name: str) -> None:
        """Remove a model from memory, so that the next request for it loads it anew, elsewhere in memory."""
        self._ask(name, lambda connection: connection.unload(name))

    def readings(self) -> dict[str, float | None]:
        """`mhz` (clock in MHz) and `celsius` (temperature in degrees Celsius) of the device now.

        None stands for one that the device does not tell. The record is empty if nothing can be read, or the device was just lost.
        """
        try:
            return self._connection.readings()
        except (DeviceLost, AgentDied) as err:
            self._wait(err)
            return {}

    def clear(self) -> None:
        """Remove the models from the device."""
        self._connection.clear()

    def _ask(self, name: str, question: Callable[[Connection | ProgramConnection], Answer]) -> Answer:
        """Answer a question about a model, which is sent to the device first if necessary.

        The question is asked again after the device or its agent was lost.

        Raises:
            Unsupported: The runtime cannot run the model.
            NotImplementedError: There is nothing to answer, e.g. no outputs.
            ConnectionError: The device does not come back, or has no room.
        """
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
        """Answer a question about a model that ran before, so that its failure now is the device's."""
        try:
            return self._ask(name, question)
        except Unsupported as err:
            raise ConnectionError(f"device {self._device} must go on as it began, {err}; the same command with --resume goes on") from err

    def _ready(self, name: str) -> Connection | ProgramConnection:
        """The connection, after the model was introduced to the device and, unless stored there, prepared and sent."""
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
        """A model in the runtime's format; raises `Unsupported` if it cannot be converted."""
        try:
            return self._runtime.prepare(self._model(name))
        except ImportError:
            raise
        except Exception as err:  # whatever a converter raises
            raise Unsupported(f"conversion failed: {type(err).__name__}: {err}") from err

    def _model(self, name: str) -> Model:
        """A copy of a model; only the last copy is kept, so that weights and graphs of one model at a time stay in memory."""
        if self._current is None or self._current.name != name:
            self._current = replace(self._models[name])
        return self._current

    def _begin(self) -> dict[str, Any]:
        """Connect to the device, to which no model is introduced yet; returns what the device says of itself."""
        self._introduced.clear()
        self._connection = self._connect()
        try:
            return self._connection.info()
        except BaseException:
            self._connection.close()
            raise

    def _wait(self, lost: DeviceLost | AgentDied) -> None:
        """Wait until a lost device can be reached again, or a dead agent was started again.

        Raises:
            ConnectionError: That did not happen in time, or the device is another one.
        """
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
    """The error for a device on which no measurement can be started: the reason and what to do."""
    if isinstance(err, AgentError):
        return _refused(device, err)
    if isinstance(err, DeviceLost):
        return err
    way_out = "its Python must be 3.11 or newer and have the runtime, name it with --python"
    return ConnectionError(f"device {device} must run an agent, {err}; {way_out}")


def _refused(device: str, err: AgentError) -> ConnectionError:
    """The error for a device whose agent answered with an error: the reason and what to do."""
    ways_out = {
        "busy": "wait until it has ended",
        "disk": "make room there; the same command with --resume goes on",
        "folder": "make room or rights there",
        "cores": "choose others with --cores, or none",
    }
    return ConnectionError(f"device {device} must be free and ready, {err.reason}; {ways_out.get(err.kind, 'install what it lacks')}")
