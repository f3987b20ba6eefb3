"""Where and with what to measure: device, runtime, precision, threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from latency_tables.agent.claim import cache_folder
from latency_tables.agent.device_info import parse_cores
from latency_tables.finding import find_device, find_runtime
from latency_tables.measuring.connection import Connection, open_agent
from latency_tables.measuring.program_connection import ProgramConnection
from latency_tables.programs.programs import PROGRAMS
from latency_tables.tables.profile import Profile
from supernet.runtimes.runtime import Runtime
from tracking.files.guard import Reads

_MOST_THREADS = 1024


@dataclass(frozen=True)
class Setup:
    """The device to measure on, the runtime that runs the networks there, and their settings."""

    device: str = "local"
    """Device to measure on: local, ssh://[user@]host[:port] or adb://serial."""
    runtime: str = "onnxruntime"
    """Runtime or benchmark program that runs the networks; `chiptrack devices` lists them."""
    threads: int = 1
    """Number of threads that the runtime may use."""
    precision: str = "fp32"
    """Number format, fp32 or another one of the runtime; `chiptrack devices` lists them."""
    cores: str = ""
    """Cores of the device to run on, such as 4-7 or 0,2; by default any."""
    python: str | None = None
    """Python on the device that has the runtime installed; by default python3, and on this machine the one in use."""
    binary: Annotated[Path | None, Reads()] = None
    """Benchmark program built for the device, for a runtime that is a benchmark program."""
    wait_minutes: float = 30.0
    """Minutes to wait for a device that was lost."""

    @classmethod
    def of(cls, profile: Profile) -> Setup:
        """The setup that a table with this profile was measured with; `python` and `binary` are not in a profile."""
        return cls(profile.device, profile.runtime, profile.threads, profile.precision, profile.cores)

    def check(self) -> None:
        """Refuse settings with which nothing can be measured, before anything slow begins.

        Raises:
            ValueError: A setting is unknown, out of range, or does not fit the runtime.
            FileNotFoundError: The program that reaches the device (ssh or adb) is not installed.
        """
        find_device(self.device)
        precisions = find_runtime(self.runtime).precisions
        if self.precision not in precisions:
            raise ValueError(
                f"precision of {self.runtime} must be one of {', '.join(precisions)}, got {self.precision!r:.40}; choose another --precision"
            )
        if (self.binary is not None) != (self.runtime in PROGRAMS):
            raise ValueError(f"--binary goes with the runtimes {', '.join(PROGRAMS)}, got {self.binary} for {self.runtime}; add or drop it")
        if self.binary is not None and not self.binary.is_file():
            raise ValueError(f"binary must be a program, there is no file {self.binary}; check the path")
        if not 1 <= self.threads <= _MOST_THREADS:
            raise ValueError(f"threads must be from 1 to {_MOST_THREADS}, got {self.threads}; 1 is usual")
        if not 0 <= self.wait_minutes < float("inf"):
            raise ValueError(f"wait_minutes must be 0 or more, got {self.wait_minutes}; 30 are usual")
        if self.cores:
            parse_cores(self.cores)
            if self.runtime in PROGRAMS:
                raise ValueError(
                    f"cores are for runtimes in Python, got {self.cores} for {self.runtime}; give a script with taskset as --binary"
                )

    @property
    def wait_s(self) -> float:
        """Seconds to wait for a device that was lost."""
        return 60 * self.wait_minutes

    @property
    def clock(self) -> str:
        """Clock whose times rank networks: `cpu` for one thread on a processor, else `wall`; see `Profile.clock`."""
        return "cpu" if self.threads == 1 and find_runtime(self.runtime).clock == "cpu" else "wall"

    @property
    def own_process(self) -> bool:
        """Whether the networks run in the agent's process on the processor, so that its memory tells what a network needs."""
        return find_runtime(self.runtime).clock == "cpu"

    @property
    def checked(self) -> bool:
        """Whether outputs are compared with those of ONNX Runtime at fp32: always, except for that runtime itself."""
        return (self.runtime, self.precision) != ("onnxruntime", "fp32")

    def host(self) -> Runtime:
        """The host's half of the runtime."""
        return find_runtime(self.runtime)(self.precision)

    def profile(self, family: str, info: Mapping[str, str]) -> Profile:
        """What a latency table that is measured with this setup is valid for.

        Args:
            family: Name of the family.
            info: What the device says of itself; see `Connection.info`.
        """
        settings = (self.threads, self.precision, self.cores, self.clock)
        return Profile(family, self.device, self.runtime, info["version"], *settings, info["chip"], info["os"])

    def connect(self, run: str) -> Connection | ProgramConnection:
        """Start an agent on the device, or put the benchmark program there.

        Args:
            run: Name of the measurement; an agent left over from it makes way.
        """
        if self.binary is not None:
            folder = cache_folder() / "devices" / quote(self.device, safe="")
            return ProgramConnection(find_device(self.device), self.runtime, self.binary, self.threads, folder, run)
        return open_agent(find_device(self.device), self.runtime, self.precision, self.threads, self.cores, run, self.python)
