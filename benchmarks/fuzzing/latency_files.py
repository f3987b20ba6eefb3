"""Readers of latencies: tables, tables of others, measurements under way, agents and benchmark programs."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.fuzzing.mutations import dumped
from benchmarks.fuzzing.reader import Files, Reader, files_of
from latency_tables.agent.serving import Agent, serve
from latency_tables.measuring.campaign import Campaign, readings
from latency_tables.measuring.connection import Connection
from latency_tables.measuring.journal import Journal
from latency_tables.measuring.protocol import Protocol
from latency_tables.programs.command import CommandDevice
from latency_tables.programs.tools import TOOLS
from latency_tables.tables.foreign.adopt import adopt
from latency_tables.tables.foreign.nn_meter import NnMeter
from latency_tables.tables.foreign.once_for_all import OnceForAll
from latency_tables.tables.profile import Profile
from latency_tables.tables.shipped import SHIPPED
from latency_tables.tables.table import LatencyTable
from latency_tables.tables.validate import validate
from latency_tables.transports.local import Local
from predictors.measured import measured_networks
from supernet.families import FAMILIES
from supernet.runtimes.simulated import Simulated

_RECORDED = Path(__file__).resolve().parents[2] / "tests" / "recorded"


def _table() -> Files:
    return {f"t.{suffix}": (SHIPPED / f"nano-onnxruntime-fp32.{suffix}").read_bytes() for suffix in ("csv", "json")}


def _read_table(folder: Path) -> object:
    table = LatencyTable.load(folder / "t.csv")
    validate(table)
    return table.operator_ms(), table.flagged, measured_networks(table, "search")


def _signed(files: Files) -> Files:
    """Put the checksum of the rows and the fingerprint of the profile into the manifest."""
    manifest = json.loads(files["t.json"])
    manifest["sha256"] = hashlib.sha256(files["t.csv"]).hexdigest()
    profile = dict(manifest["profile"])
    fields = {name: profile[name] for name in Profile.__dataclass_fields__}
    manifest["profile"]["fingerprint"] = Profile(**fields).fingerprint
    return {**files, "t.json": dumped(manifest)}


def _kernels() -> Files:
    head = "kernel,HW,CIN,COUT,KERNEL_SIZE,STRIDES,latency\n"
    rows = [
        "conv-bn-relu,96,3,8,3,2,0.5",
        "swish,48,8,,,,0.1",
        "dwconv-bn-relu,48,8,8,3,1,0.2",
        "conv-bn-relu,48,8,8,1,1,0.3",
        "se,48,8,,,,0.1",
    ]
    return {"kernels.csv": (head + "\n".join(rows) + "\n").encode()}


def _blocks() -> Files:
    rows = [
        "Conv-input:96x96x3-output:48x48x8: 0.5",
        "expanded_conv-input:48x48x8-output:24x24x8-expand:4-kernel:5-stride:2-idskip:0: {mean: 1.5, count: 20}",
        "expanded_conv-input:24x24x8-output:24x24x8-expand:6-kernel:3-stride:1-idskip:1: {mean: 2.5, count: 20}",
    ]
    return {"blocks.yaml": ("\n".join(rows) + "\n").encode()}


_MODELS = ["a", "b", "broken", "network:c"]
_PROTOCOL = Protocol(rounds=3, min_runs=1, max_runs=1, reference_every=2, repeats=1, repeated=0.5, throttled=1e9)
_SETTINGS = {"family": "nano", "threads": 1, "rounds": 3}


class _Paper:
    """Answers as a session does."""

    def __init__(self):
        self.sha256 = dict.fromkeys([*_MODELS, "first"], "0" * 64)
        self._speeds = itertools.cycle([1.0, 1.2, 1.5, 1.1])

    def memory_mb(self, name):
        return 1.0

    def energy(self, name):
        return "meter", 2.0

    def load(self, name):
        return 1.0

    def difference(self, name):
        return 0.0

    def time(self, name, runs):
        return {clock: [next(self._speeds)] * runs for clock in ("cpu_ms", "wall_ms")}

    def unload(self, name):
        pass

    def readings(self):
        return {"mhz": 1000.0, "celsius": None}


def _measure(path: Path, resume: bool) -> object:
    session: Any = _Paper()
    with Journal(path, _SETTINGS, resume) as journal:
        campaign = Campaign(journal, _PROTOCOL, "cpu", "fp32", True, 0)
        session.sha256.update(campaign.sha256())
        campaign.run(session, ["first"], _MODELS, ["network:c"], ["network:c"])
        found = campaign.samples(), campaign.memory_mb, campaign.energy_mj, campaign.meter, campaign.largest_difference, campaign.pauses
        return found, readings(campaign.timed)


def _journal() -> Files:
    with tempfile.TemporaryDirectory() as scratch:
        _measure(Path(scratch) / "t.csv.part", resume=False)
        files = files_of(Path(scratch))
    lines = files["t.csv.part"].splitlines(keepends=True)
    return {"t.csv.part": b"".join(lines[: len(lines) * 2 // 3]) + b'{"kind": "pause"}\n'}


def _requests() -> Files:
    model = b'{"ms": 0.5}'
    sha256 = hashlib.sha256(model).hexdigest()
    asked = [
        {"do": "info"},
        {"do": "readings"},
        {"do": "introduce", "name": "m", "sha256": sha256, "shapes": {"x": [1, 3, 8, 8]}},
        {"do": "store", "sha256": sha256, "model": "eyJtcyI6IDAuNX0="},
        *({"do": what, "name": "m"} for what in ("load", "energy", "outputs", "unload")),
        {"do": "time", "name": "m", "runs": 3},
        {"do": "clear"},
    ]
    return {"requests.jsonl": b"".join(json.dumps(request).encode() + b"\n" for request in asked)}


def _answer(folder: Path) -> object:
    """Serve the requests; every one must be answered by a line of JSON."""
    answers, cache = io.StringIO(), folder / "cache"
    text = (folder / "requests.jsonl").read_bytes().decode("utf-8", "surrogateescape")
    serve(Agent(Simulated("fp32"), 1, cache), io.StringIO(text, newline="\n"), answers)
    found = [json.loads(line) for line in answers.getvalue().splitlines()]
    assert all(isinstance(each, dict) for each in found) and len(found) == len(io.StringIO(text, newline="\n").readlines())
    outside = [path for path in folder.iterdir() if path.name not in ("requests.jsonl", "cache")]
    assert not outside and all(path.parent.name == "models" for path in cache.rglob("*") if path.is_file()), "the agent wrote elsewhere"
    return found


def _answers() -> Files:
    said = [
        {"version": "1", "chip": "c", "os": "o", "governor": "g", "cores": 4},
        {"runtimes": {"onnxruntime": {"version": "1", "install": None}}},
        {"mhz": 1000.0, "celsius": None},
        {"stored": False},
        {},
        {"mb": 3.0},
        {"meter": "m", "mj": 2.0},
        {"warm_ms": 1.0},
        {"outputs": [{"shape": [1, 2], "values": "AACAPwAAAEA="}]},
        {"cpu_ms": [1.0, 2.0], "wall_ms": [1.0, 2.0]},
    ]
    return {"answers.jsonl": b"".join(json.dumps(answer).encode() + b"\n" for answer in said)}


def _hear(folder: Path) -> object:
    """Ask for everything an agent can be asked, and get the answers of the file."""
    process = subprocess.Popen(["cat", folder / "answers.jsonl"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    process.stdin = open(os.devnull, "wb")
    with Connection(process, Local("")) as agent:
        told = [agent.info(), agent.runtimes(), agent.readings()]
        stored = agent.introduce("m", "0", {"x": (1, 2)})
        agent.store(b"model")
        mb, energy, ms = agent.memory_mb("m"), agent.energy("m"), agent.load("m")
        outputs, times = agent.outputs("m"), agent.time("m", 2)
    total = sum(times["cpu_ms"]) + sum(times["wall_ms"]) + mb + ms + (energy[1] if energy else 0)
    assert told and isinstance(stored, bool) and len(times["cpu_ms"]) == len(times["wall_ms"]) == 2 and total >= 0
    return [values.reshape(shape) for shape, values in outputs]


class _Printing(Local):
    """A device whose programs print a text, which stands in place of its address."""

    def __init__(self, address: str):
        self._text = address

    def push(self, content: bytes, name: str) -> str:
        return name

    def run(self, command, timeout_s: float = 600) -> str:
        return self._text


def _printed() -> Files:
    names = {
        "benchmark_model": "benchmark_model.txt",
        "benchncnn": "benchncnn.txt",
        "onnxruntime_perf_test": "onnxruntime_perf_test_runs.txt",
        "benchmark_app": "benchmark_app_ms.txt",
    }
    facts = b"chip=a chip\nos=Linux 6\ngovernor=unknown\ncores=4\n"
    return {**{f"{tool}.txt": (_RECORDED / name).read_bytes() for tool, name in names.items()}, "facts.txt": facts}


def _read_printed(folder: Path) -> object:
    texts = {path.stem: path.read_text(encoding="utf-8", errors="replace") for path in sorted(folder.iterdir())}
    times = [tool.parse(texts[name]).spread(5) for name, tool in TOOLS.items()]
    return times, CommandDevice(_Printing(texts["facts"]), TOOLS["benchncnn"], b"", 1).info()


def _foreign(table, folder: Path) -> object:
    return adopt(table(sorted(folder.iterdir())), FAMILIES["nano"], "chip", {})


READERS = (
    Reader("latency table", _table, _read_table, ("t.csv", "t.json"), repair=_signed),
    Reader("nn-Meter's table", _kernels, lambda folder: _foreign(NnMeter, folder), ("kernels.csv",)),
    Reader("once-for-all's table", _blocks, lambda folder: _foreign(OnceForAll, folder), ("blocks.yaml",), kinds={"blocks.yaml": ".txt"}),
    Reader(
        "measuring journal", _journal, lambda folder: _measure(folder / "t.csv.part", True), ("t.csv.part",), kinds={"t.csv.part": ".jsonl"}
    ),
    Reader("requests to the agent", _requests, _answer, ("requests.jsonl",)),
    Reader("answers of the agent", _answers, _hear, ("answers.jsonl",)),
    Reader("benchmark programs", _printed, _read_printed, ("facts.txt", *(f"{tool}.txt" for tool in TOOLS))),
)
