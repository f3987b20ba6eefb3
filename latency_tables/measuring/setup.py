"""Where to measure and with what: device, runtime, precision, threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from latency_tables.agent.device_info import parse_cores
from latency_tables.agent.serving import cache_folder
from latency_tables.finding import find_device, find_runtime
from latency_tables.measuring.connection import Connection, open_agent
from latency_tables.measuring.program_connection import ProgramConnection
from latency_tables.programs.programs import PROGRAMS
from latency_tables.tables.profile import Profile
from supernet.runtimes.runtime import Runtime

_MOST_THREADS = 1024


@dataclass(frozen=True)
class Setup:
    """A device and what runs networks on it."""

    device: str = "local"
    """Device to measure on: local, ssh://user@host[:port] or adb://serial."""
    runtime: str = "onnxruntime"
    """What runs the networks; listed by the devices command."""
    threads: int = 1
    """Threads that the runtime may use."""
    precision: str = "fp32"
    """Number format, fp32 or another that the runtime has."""
    cores: str = ""
    """Cores of the device to stay on, such as 4-7; by default any."""
    python: str | None = None
    """Python on the device that has the runtime installed; by default python3, and on this machine the one in use."""
    binary: Path | None = None
    """For runtimes that are benchmark programs: the program, built for the device."""
    wait_minutes: float = 30.0
    """How long to wait for a device that was lost."""

    @classmethod
    def of(cls, profile: Profile) -> Setup:
        """Where and with what a table was measured."""
        return cls(profile.device, profile.runtime, profile.threads, profile.precision, profile.cores)

    def check(self) -> None:
        """Refuse what cannot be measured before anything slow begins.

        Raises:
            ValueError: Something is unknown or out of range.
        """
        find_device(self.device)
        precisions = find_runtime(self.runtime).precisions
        if self.precision not in precisions:
            raise ValueError(f"precision of {self.runtime} must be one of {', '.join(precisions)}, got {self.precision!r}")
        if (self.binary is not None) != (self.runtime in PROGRAMS):
            raise ValueError(f"--binary goes with the runtimes {', '.join(PROGRAMS)}, got {self.binary} for {self.runtime}; add or drop it")
        if self.binary is not None and not self.binary.is_file():
            raise ValueError(f"binary must be a program, there is no file {self.binary}")
        if not 1 <= self.threads <= _MOST_THREADS:
            raise ValueError(f"threads must be from 1 to {_MOST_THREADS}, got {self.threads}")
        if not 0 <= self.wait_minutes < float("inf"):
            raise ValueError(f"wait_minutes must be from 0 to inf, got {self.wait_minutes}")
        if self.cores:
            parse_cores(self.cores)
            if self.runtime in PROGRAMS:
                raise ValueError(
                    f"cores are for runtimes in Python, got {self.cores} for {self.runtime}; give a script with taskset as --binary"
                )

    @property
    def wait_s(self) -> float:
        """How long to wait for a device that was lost, in seconds."""
        return 60 * self.wait_minutes

    @property
    def clock(self) -> str:
        """What ranks: `cpu` for one thread of a processor, else `wall`."""
        return "cpu" if self.threads == 1 and find_runtime(self.runtime).clock == "cpu" else "wall"

    @property
    def own_process(self) -> bool:
        """Whether a process of its own runs the networks, whose memory can be told."""
        return find_runtime(self.runtime).clock == "cpu"

    @property
    def checked(self) -> bool:
        """Whether outputs are compared with those of ONNX Runtime: unless it is ONNX Runtime that runs."""
        return (self.runtime, self.precision) != ("onnxruntime", "fp32")

    def host(self) -> Runtime:
        """The host's half of the runtime."""
        return find_runtime(self.runtime)(self.precision)

    def profile(self, family: str, info: Mapping[str, str]) -> Profile:
        """What a table of a family is valid for, on a device that says `info` of itself."""
        settings = (self.threads, self.precision, self.cores, self.clock)
        return Profile(family, self.device, self.runtime, info["version"], *settings, info["chip"], info["os"])

    def connect(self, run: str) -> Connection | ProgramConnection:
        """Start an agent, or put a benchmark program in place, for a measurement."""
        if self.binary is not None:
            folder = cache_folder() / "devices" / quote(self.device, safe="")
            return ProgramConnection(find_device(self.device), self.runtime, self.binary, self.threads, folder, run)
        return open_agent(find_device(self.device), self.runtime, self.precision, self.threads, self.cores, run, self.python)
