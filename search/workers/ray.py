"""Workers as Ray actors, on a Ray cluster or on a Ray of the search's own on this machine; each has a judge of its own.

Ray places the actors and reports when one has died. `Pool` decides who repeats its job, so that a search behaves alike on processes and
on clusters. A device is offered as a Ray resource, whose name is `device:` and the device as `measure --device` spells it, with an amount
of 1 for each physical device. Ray then lets one measurement at a time onto the device, whoever asks for it.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from search.judging.judge import Job, Judge, MakeJudge, Outcome
from search.workers.pool import Bench, Pool, WorkerDied
from search.workers.workers import Answer, JobFailed

_ADDRESS = re.compile(
    r"//(?:(?P<count>[1-9]\d*)@)?(?P<where>local|auto|(?!local:|auto:)[^@/\s]+:\d{1,5})(?P<gpu>/gpu(?:=(?P<share>0?\.\d*[1-9]))?)?"
)
_PATIENCE_S = 5
"""Seconds that a cluster may take to accept a connection."""
_LOOK_S = 10
"""Seconds without an answer after which it is looked whether Ray still runs."""
_ATTEMPTS = 2
"""Attempts to speak Ray's protocol with whoever accepts the connection; they take 5 and 10 seconds."""
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": "."}
"""Environment variables for Ray: it sends no usage statistics, and does not print what `Pool` reports anyway."""
_STORE_BYTES = 100 * 2**20
"""Shared memory of a Ray of the search's own. Jobs and outcomes are small; by default Ray would reserve a third of the memory."""


@dataclass(frozen=True)
class RayAddress:
    """The Ray that actors run on, their number, and what each of them takes."""

    where: str
    """`local`: a Ray of the search's own; `auto`: the one that runs on this machine; HOST:PORT: that of another machine."""
    count: int | None
    """Number of actors; None for as many as there is room for."""
    gpus: float
    """GPUs that each actor takes, 0 to 1."""

    @classmethod
    def parse(cls, address: str) -> RayAddress:
        """Parse the text after `ray:`.

        Raises:
            ValueError: The text is not //[N@]WHERE[/gpu[=SHARE]].

        >>> RayAddress.parse("//8@head:10001/gpu=0.25")
        RayAddress(where='head:10001', count=8, gpus=0.25)
        """
        match = _ADDRESS.fullmatch(address)
        if match is None:
            raise ValueError(
                f"Ray workers need //[N@]WHERE[/gpu[=SHARE]], got {address!r}; "
                "write for example ray://local, ray://4@auto or ray://8@host:10001/gpu=0.5"
            )
        count = int(match["count"]) if match["count"] else None
        return cls(match["where"], count, float(match["share"] or 1) if match["gpu"] else 0.0)


def ray_workers(address: str, make: MakeJudge) -> RayWorkers:
    """Start workers as Ray actors.

    Args:
        address: The text after `ray:`; see `RayAddress`.
        make: Function that makes a judge; must be importable on every node.

    Raises:
        ValueError: The address is misspelt, or there is no room for the actors.
        ConnectionError: No Ray answers at the address.
        ImportError: Ray is not installed.
    """
    return RayWorkers(RayAddress.parse(address), make)


class _Actor:
    """A `Worker` that is a Ray actor."""

    def __init__(self, handle: Any, make: MakeJudge):
        self._handle = handle
        self.answer = handle.build.remote(partial(_make_in, Path.cwd(), make))

    def send(self, job: Job) -> None:
        self.answer = self._handle.judge.remote(job)

    def receive(self) -> Outcome | JobFailed | None:
        import ray
        from ray.exceptions import RayError, RayTaskError

        try:
            return ray.get(self.answer)
        except RayTaskError as err:  # e.g. the node lacks a module; errors of the judge are caught by `Bench`
            return JobFailed(_how(err))
        except RayError as err:
            raise WorkerDied(_how(err)) from err

    def kill(self) -> None:
        import ray

        ray.kill(self._handle)


class RayWorkers(Pool[_Actor]):
    """`Workers` that are Ray actors. They end with the process that has started them, and so does a Ray of the search's own."""

    def __init__(self, address: RayAddress, make: MakeJudge):
        self._make = make
        self._needs = {"num_cpus": 1, "num_gpus": address.gpus}
        self._scratch: str | None = None
        self._joined = False
        try:
            self._join(address)
            super().__init__(self._room(address))
        except BaseException:
            self._leave()
            raise

    def on_device(self, device: str, measure: Callable[[], Answer]) -> Answer:
        import ray
        from ray.exceptions import RayError, RayTaskError

        resource = f"device:{device}"
        if resource not in ray.cluster_resources():
            return super().on_device(device, measure)
        task = ray.remote(num_cpus=0, max_retries=0, resources={resource: 1})(_call)
        try:
            return ray.get(_first([task.remote(measure)]))
        except RayTaskError as err:
            raise err.cause from err
        except RayError as err:
            raise ConnectionError(f"a measurement must end on the node that began it, on {device} it did not: {_how(err)}") from err

    def close(self) -> None:
        super().close()
        self._leave()

    def _start(self) -> _Actor:
        import ray

        return _Actor(ray.remote(**self._needs, max_restarts=0, max_task_retries=0)(Bench).remote(), self._make)

    def _first_ready(self, workers: Sequence[_Actor]) -> _Actor:
        answer = _first([worker.answer for worker in workers])
        return next(worker for worker in workers if worker.answer == answer)

    def _join(self, address: RayAddress) -> None:
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        try:
            import ray
        except ImportError as err:
            raise ImportError("workers of kind ray need Ray, which is not installed; pip install 'chiptrack[cluster]'") from err
        if address.where == "auto" and ray.is_initialized():
            return
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        try:
            if address.where == "local":
                # not Ray's usual folder, whose path may be too long for a socket
                self._scratch = tempfile.mkdtemp(prefix="chiptrack-ray-", dir="/tmp")
                ray.init(
                    "local",
                    include_dashboard=False,
                    object_store_memory=_STORE_BYTES,
                    _temp_dir=self._scratch,
                    _node_ip_address="127.0.0.1",
                    **quiet,
                )
            elif address.where == "auto":
                if ":" in (head := os.environ.get("RAY_ADDRESS", "")):
                    _check_listening(head.rpartition("/")[2])
                ray.init("auto", **quiet)
            else:
                _check_listening(address.where)
                with warnings.catch_warnings(action="ignore"):  # Ray raises what it warns of as well
                    ray.util.connect(address.where, connection_retries=_ATTEMPTS, ray_init_kwargs=quiet)
        except (OSError, RuntimeError, ValueError) as err:
            raise ConnectionError(
                f"no Ray answers at ray://{address.where} ({_how(err)}); start one with `ray start --head` (RAY_AUTH_MODE=token where it "
                "asks for a token), or use ray://local"
            ) from err
        self._joined = True

    def _room(self, address: RayAddress) -> int:
        """Return the number of actors to start.

        Raises:
            ValueError: They do not fit into the cluster.
        """
        import ray

        def fit(resources: Mapping[str, float]) -> int:
            by_gpu = resources.get("GPU", 0) / address.gpus if address.gpus else float("inf")
            return int(min(resources.get("CPU", 0), by_gpu) + 1e-9)

        most = fit(ray.cluster_resources())
        count = address.count or fit(ray.available_resources())
        if not 1 <= count <= most:
            each = "a CPU" + (f" and {address.gpus:g} of a GPU" if address.gpus else "")
            raise ValueError(
                f"every actor needs {each}: {count} do not fit ray://{address.where}, which has room for {most}; write N@ before it"
            )
        return count

    def _leave(self) -> None:
        if self._joined:
            import ray

            ray.shutdown()
            self._joined = False
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)


def _check_listening(address: str) -> None:
    """Raise OSError at once if nobody listens at HOST:PORT; Ray would try again and again."""
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), _PATIENCE_S).close()


def _first(answers: Sequence[Any]) -> Any:
    """Wait until one of some answers is there or will never be, and return its reference; of several, the one that stands first.

    Raises:
        ConnectionError: Ray has ended on the node of the search; then it does not report that actors have died.
    """
    import ray

    while not (ready := ray.wait(list(answers), num_returns=1, timeout=_LOOK_S)[0]):
        mine = ray.get_runtime_context().get_node_id()
        if not any(node["Alive"] for node in ray.nodes() if node["NodeID"] == mine):
            raise ConnectionError("Ray must run as long as the search, on this node it has ended; the same command with --resume goes on")
    return ready[0]


def _how(err: Exception) -> str:
    """Return the line that matters in the long text of an error of Ray."""
    text = str(err).strip()
    told = re.search(r"Worker exit type: (\w+)", text)
    return f"exit type {told[1]}" if told else f"{(text.splitlines() or [type(err).__name__])[-1]:.300}"


def _make_in(folder: Path, make: MakeJudge) -> Judge:
    """Make a judge in the folder where the search was started, if the node has that folder, since paths may be relative to it."""
    if folder.is_dir():
        os.chdir(folder)
    return make()


def _call(measure: Callable[[], Answer]) -> Answer:
    return measure()
