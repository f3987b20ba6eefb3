"""Benchmark programs: their command lines, their outputs as recorded, and a device that has nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_tables.measuring.chains import Chain
from latency_tables.programs.command import CommandDevice
from latency_tables.programs.tools import TOOLS, Call, Timing, Tool
from supernet.families import FAMILIES

RECORDED = {path.stem: path.read_text() for path in sorted((Path(__file__).parent / "recorded").glob("*.txt"))}
UNDERSTOOD = {
    "benchmark_model": Timing(mean_ms=6.4304, min_ms=6.358, max_ms=6.576),
    "benchmark_model_one": Timing(mean_ms=6.471, min_ms=6.471, max_ms=6.471),
    "benchmark_model_2020": Timing(mean_ms=33.2094, min_ms=32.641, max_ms=34.005),
    "benchmark_model_2026": Timing(mean_ms=145.528, min_ms=140.071, p5_ms=140.545, median_ms=141.253, p95_ms=187.533, max_ms=195.121),
    "benchmark_model_mean": Timing(mean_ms=8.45969),
    "benchncnn": Timing(mean_ms=1.76, min_ms=1.73, max_ms=1.80),
    "benchncnn_phone": Timing(mean_ms=4.27, min_ms=4.21, max_ms=4.36),
    "onnxruntime_perf_test_runs": Timing((2.81953, 1.76871, 1.79757, 1.81462, 1.80702, 1.77499, 1.79448, 1.82735), 1.92553),
    "onnxruntime_perf_test_summary": Timing(mean_ms=1.96043, min_ms=1.79723, median_ms=1.82783, p95_ms=2.84931, max_ms=2.84931),
    "onnxruntime_perf_test_sme2": Timing(mean_ms=98.961997, min_ms=95.8204, median_ms=99.5086, p95_ms=101.519, max_ms=101.519),
    "benchmark_app_ms": Timing(mean_ms=3.87, min_ms=3.81, median_ms=3.87, max_ms=4.06),
    "benchmark_app_us": Timing(mean_ms=0.89312, min_ms=0.87222, median_ms=0.87875, max_ms=1.02261),
}
NOT_UNDERSTOOD = {
    "benchmark_model_missing": "Could not open 'nothere.tflite'",
    "benchmark_model_usage": "--num_threads=-1",
    "benchmark_model_failed": "EXPAND_DIMS",
    "benchncnn_missing": "fopen nothere.param failed",
    "benchncnn_layer": "layer Mish not exists",
    "benchncnn_inputs": "model has 2 inputs",
    "benchncnn_usage": "Usage: benchncnn",
    "onnxruntime_perf_test_missing": "File doesn't exist",
    "benchmark_app_missing": "Could not open the file",
}


def tool_of(recording: str) -> Tool:
    return next(tool for name, tool in TOOLS.items() if recording == name or recording.startswith(name + "_"))


def fields(timing: Timing) -> dict:
    return {name: pytest.approx(value) for name, value in vars(timing).items()}


def test_every_recording_is_tested():
    assert set(RECORDED) == set(UNDERSTOOD) | set(NOT_UNDERSTOOD)
    assert {tool_of(name).name for name in UNDERSTOOD} == set(TOOLS) == {tool_of(name).name for name in NOT_UNDERSTOOD}


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_times_are_read_in_milliseconds(name):
    assert vars(tool_of(name).parse(RECORDED[name])) == fields(UNDERSTOOD[name])


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_line_ends_of_a_terminal_change_nothing(name):
    assert tool_of(name).parse(RECORDED[name].replace("\n", "\r\n")) == tool_of(name).parse(RECORDED[name])


@pytest.mark.parametrize("name", NOT_UNDERSTOOD)
def test_failures_are_told_with_the_last_lines(name):
    with pytest.raises(ValueError, match=NOT_UNDERSTOOD[name]):
        tool_of(name).parse(RECORDED[name])


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_an_output_that_breaks_off_is_not_half_read(name):
    lines = RECORDED[name].splitlines()
    whole = tool_of(name).parse(RECORDED[name])
    for count in range(len(lines)):
        try:
            assert tool_of(name).parse("\n".join(lines[:count])) == whole
        except ValueError:
            pass


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_other_programs_are_not_understood(tool):
    for name, text in RECORDED.items():
        if tool_of(name) != tool:
            with pytest.raises(ValueError, match=tool.name):
                tool.parse(text)


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_silence_is_told(tool):
    with pytest.raises(ValueError, match="nothing$"):
        tool.parse("")


@pytest.mark.parametrize(
    "name, old, new",
    [
        ("benchmark_model_2020", "Inference timings in us", "Inference timings in ms"),  # another unit
        ("benchmark_model_2020", "(avg): 33209.4", "(avg): 33209,4"),  # a decimal comma
        ("benchmark_model_2020", "Inference (avg): 33209.4", "Inference (avg): nan"),
        ("benchncnn", "avg =    1.76", "avg =    1,76"),
        ("benchncnn", "min =    1.73", "min =   11.73"),  # above the maximum
        ("onnxruntime_perf_test_runs", "1.92553 ms", "1925.53 us"),
        ("onnxruntime_perf_test_runs", "1.92553 ms", "1925.53 ms"),  # the rows have another mean
        ("onnxruntime_perf_test_runs", ".,0.00176871", ".,0,00176871"),
        ("onnxruntime_perf_test_runs", "50,7", "50,9"),  # a row is lost
        ("onnxruntime_perf_test_summary", "P50 Latency: 0.00182783 s", "P50 Latency: 1.82783 ms"),
        ("benchmark_app_us", "878.75 us", "878.75 ns"),
        ("benchmark_app_us", "878.75 us", "878.75"),
        ("benchmark_app_us", "878.75 us", "1e999 us"),
        ("benchmark_app_ms", "3.87 ms", "3,87 ms"),
    ],
)
def test_numbers_of_another_kind_are_refused(name, old, new):
    assert old in RECORDED[name]
    with pytest.raises(ValueError):
        tool_of(name).parse(RECORDED[name].replace(old, new))


def test_a_minimum_below_the_resolution_is_unknown():
    text = RECORDED["benchncnn"].replace("1.73", "0.00")
    assert vars(TOOLS["benchncnn"].parse(text)) == fields(Timing(mean_ms=1.76, max_ms=1.8))


def test_runs_that_were_all_alike():
    text = "count=1 curr=900\ncount=5 curr=800(all same)\nInference timings in us: Init: 1, Warmup (avg): 900, Inference (avg): 800\n"
    assert vars(TOOLS["benchmark_model"].parse(text)) == fields(Timing(mean_ms=0.8, min_ms=0.8, max_ms=0.8))


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
@given(text=st.text() | st.lists(st.sampled_from([line for text in RECORDED.values() for line in text.splitlines()])).map("\n".join))
def test_any_text_is_understood_or_refused(tool, text):
    try:
        timing = tool.parse(text)
    except ValueError:
        return
    assert all(value > 0 for value in timing.spread(5))


@pytest.mark.parametrize(
    "tool, words",
    [
        (
            "benchmark_model",
            "/d/bin --graph=/d/m --num_threads=2 --use_xnnpack=true --num_runs=50 --min_secs=0 --max_secs=3600 --warmup_runs=3"
            " --warmup_min_secs=0",
        ),
        ("benchncnn", "/d/bin 50 2 2 -1 0 param=/d/m shape=[64,48,3],[8,9,16]"),
        ("benchmark_app", "/d/bin -m /d/m -d CPU -hint none -api sync -inference_only -ip f32 -infer_precision f32 -niter 50 -nthreads 2"
         " -nstreams 1"),
    ],
)  # fmt: skip
def test_command_lines(tool, words):
    call = Call("/d/bin", "/d/m", [(1, 3, 48, 64), (1, 16, 9, 8)], runs=50, threads=2)
    assert TOOLS[tool].command(call) == words.split(" ")


def test_perf_test_is_asked_for_every_run(tmp_path):
    program = tmp_path / "perf test"
    program.write_text('#!/bin/sh\necho "$@"\nfor last; do :; done\necho new >> "$last"\n')
    program.chmod(0o755)
    (tmp_path / "m.onnx.csv").write_text("old\n")
    command = TOOLS["onnxruntime_perf_test"].command(Call(str(program), f"{tmp_path}/m.onnx", [(1, 3, 4, 4)], 50, 2))
    expected = f"-e cpu -m times -r 50 -x 2 -y 1 -I -S 1 {tmp_path}/m.onnx {tmp_path}/m.onnx.csv\nnew\n"
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == expected
    program.write_text("#!/bin/sh\necho summary\n")  # in a folder that it cannot write to
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "summary\n"
    program.write_text("#!/bin/sh\nexit 3\n")
    assert subprocess.run(command).returncode == 3


@pytest.mark.parametrize(
    "timing, runs, values",
    [
        (Timing((3.0, 1.0, 2.0)), 3, [3, 1, 2]),  # every run is known
        (Timing(mean_ms=2.0), 2, [2, 2]),
        (Timing(mean_ms=2.0, min_ms=1.0, max_ms=9.0), 1, [2]),
        (Timing(mean_ms=2.0, min_ms=1.0, max_ms=9.0), 5, [1, 2, 2, 2, 9]),
        (Timing(mean_ms=3.0, min_ms=1.0, median_ms=2.0, max_ms=9.0), 4, [1, 2, 2, 9]),
        (Timing(min_ms=1.0, p5_ms=2.0, median_ms=3.0, p95_ms=4.0, max_ms=5.0), 10, [1, 2, 2, 3, 3, 3, 3, 4, 4, 5]),
    ],
)
def test_a_summary_stands_for_as_many_runs(timing, runs, values):
    assert timing.spread(runs) == values
    assert timing.detail == ("runs" if timing.runs_ms else "summary")


class Shell:
    """A transport to a folder of this machine."""

    def __init__(self, folder: Path):
        self.folder = folder

    def push(self, content: bytes, name: str) -> str:
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(0o755)
        return str(path)

    def run(self, command, timeout_s: float = 600) -> str:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout_s)
        if done.returncode:
            raise ChildProcessError(done.stdout)
        return done.stdout


def device_of(folder: Path, tool: str, binary: bytes) -> CommandDevice:
    transport: Any = Shell(folder)
    return CommandDevice(transport, TOOLS[tool], binary, threads=1)


FAKE = b"""#!/bin/sh
case $6 in *.param) ;; *) exit 3;; esac
grep -q broken "${6#param=}" && { echo "layer broken not exists or registered"; exit 0; }
echo "   $6  min =    1.00  max =    $1.00  avg =    2.00"
"""


def test_a_device_times_models_by_name(tmp_path):
    device = device_of(tmp_path, "benchncnn", FAKE)
    assert device.load("a: b/c", b"7767517 fine", {"x": (1, 3, 4, 4)}) == 2
    assert device.time("a: b/c", 4) == {"cpu_ms": [1, 2, 2, 4], "wall_ms": [1, 2, 2, 4], "detail": "summary"}
    with pytest.raises(ValueError, match="layer broken not exists"):
        device.load("d", b"7767517 broken", {"x": (1, 3, 4, 4)})
    assert {path.suffix for path in tmp_path.iterdir()} == {"", ".param"}


def test_a_program_that_fails_is_told(tmp_path):
    device = device_of(tmp_path, "benchmark_model", FAKE)
    with pytest.raises(ChildProcessError):
        device.load("a", b"", {"x": (1, 3, 4, 4)})


def test_a_device_tells_what_it_is(tmp_path):
    info = device_of(tmp_path, "benchncnn", FAKE).info()
    assert info["version"] == "benchncnn " + next(tmp_path.iterdir()).name.rpartition("-")[2]
    assert info["cores"] == Path("/proc/cpuinfo").read_text().count("processor\t:")
    assert info["os"] == f"{os.uname().sysname} {os.uname().release}"
    assert info["chip"] and info["governor"]


def test_a_phone_tells_chip_and_product(tmp_path, monkeypatch):
    Shell(tmp_path).push(b"#!/bin/sh\ncase $1 in ro.soc.model) echo SM8550;; ro.product.model) echo Fone 3;; esac\n", "getprop")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert device_of(tmp_path, "benchncnn", FAKE).info()["chip"] == "SM8550 in Fone 3"


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_the_real_program(tool, tmp_path):
    binary = shutil.which(tool.name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if not binary:
        pytest.skip(f"{tool.name} is not on PATH")
    stem = next(op for op in FAMILIES["lighttrack"].all_operators if op.key == "search:stem:3x256x256>16x128x128:")
    shape = (1, *stem.in_shape)
    models = {
        "onnx": lambda: Chain((stem,)).model.onnx,
        "param": lambda: b"7767517\n2 2\nInput in 0 1 in\nConvolution conv 1 1 in out 0=16 1=3 3=2 4=1 5=1 6=432\n",
    }
    if tool.format not in models:
        pytest.skip(f"no {tool.format} model at hand")
    device = device_of(tmp_path, tool.name, Path(binary).read_bytes())
    assert 0 < device.load("stem", models[tool.format](), {"input": shape}) < 1000
    times = device.time("stem", 7)
    assert len(times["wall_ms"]) == 7 and all(0 < ms < 1000 for ms in times["wall_ms"])
    assert times["detail"] == ("runs" if tool.name == "onnxruntime_perf_test" else "summary")
    with pytest.raises((ValueError, ChildProcessError)):
        device.load("nonsense", b"nonsense", {"input": shape})
