"""Benchmark programs that print how long a model takes: how each is called, and what of its output counts.

Phones have no Python, but every engine has such a program. The command lines and outputs are those of

- TFLite/LiteRT `benchmark_model`: tensorflow/lite/tools/benchmark;
- ncnn `benchncnn`, since June 2023, when it learnt `param=`: benchmark/benchncnn.cpp;
- ONNX Runtime `onnxruntime_perf_test`: onnxruntime/test/perftest;
- OpenVINO `benchmark_app`, in Python and in C++.

All compute in fp32, except that benchncnn takes half precision where the processor has it. Checked with what the programs
printed, tests/recorded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

_LAST_LINES = 8
_MICRO = 1e-3
_NUMBER = r"([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)"


@dataclass(frozen=True)
class Timing:
    """What a program printed about the timed runs of one model, in milliseconds; None where it printed nothing of the kind."""

    runs_ms: tuple[float, ...] | None = None
    """Every run, in order."""
    mean_ms: float | None = None
    min_ms: float | None = None
    p5_ms: float | None = None
    median_ms: float | None = None
    p95_ms: float | None = None
    max_ms: float | None = None

    def __post_init__(self):
        ranks = [value for value in (self.min_ms, self.p5_ms, self.median_ms, self.p95_ms, self.max_ms) if value is not None]
        times = [*ranks, *(self.runs_ms or ()), *([] if self.mean_ms is None else [self.mean_ms])]
        # benchncnn prints a mean of 0.00 and succeeds where it could not load the model
        if not all(0 < value < math.inf for value in times):
            raise ValueError(f"times must be finite and above 0, got {times}")
        if ranks != sorted(ranks):
            raise ValueError(f"minimum, quantiles and maximum must rise, got {ranks}")
        if not self.runs_ms and self.median_ms is None and self.mean_ms is None:
            raise ValueError("a timing must have every run, their median or their mean")

    @property
    def detail(self) -> Literal["runs", "summary"]:
        """Whether every run is known, or only some figures of them all."""
        return "runs" if self.runs_ms else "summary"

    def spread(self, runs: int) -> list[float]:
        """Every run; of a summary as many of its own figures as there were runs, so that its quantiles are those printed.

        The minimum and the maximum stand once; each rank between takes the nearest quantile, the mean for a missing median.
        """
        if self.runs_ms:
            return list(self.runs_ms)
        centre = self.mean_ms if self.median_ms is None else self.median_ms
        quantiles = {rank: value for rank, value in ((0.05, self.p5_ms), (0.5, centre), (0.95, self.p95_ms)) if value is not None}
        values = [quantiles[min(quantiles, key=lambda rank: abs(rank - (i + 0.5) / runs))] for i in range(runs)]
        if runs > 2 and self.min_ms is not None and self.max_ms is not None:
            values[0], values[-1] = self.min_ms, self.max_ms
        return values


@dataclass(frozen=True)
class Call:
    """What a program is to time."""

    binary: str
    """Path of the program on the device."""
    model: str
    """Path of the model on the device, in a folder that can be written to."""
    shapes: Sequence[tuple[int, ...]]
    """Of every input, in order, the batch of one included."""
    runs: int
    """Timed runs."""
    threads: int


@dataclass(frozen=True)
class Tool:
    """One program."""

    name: str
    format: str
    """How the name of a model file ends: `onnx`, `tflite`, or `param`, the graph of ncnn, whose weights benchncnn makes up."""
    command: Callable[[Call], list[str]]
    """The words to start it with."""
    read: Callable[[str], Timing]
    """Picks the times from what it printed; raises `ValueError` where they are not there."""

    def parse(self, text: str) -> Timing:
        """Understand what the program printed.

        Raises:
            ValueError: It is not what this program prints after timing a model; the error carries the last lines.
        """
        lines = text.strip().splitlines()  # of some transports they end in \r\n
        try:
            return self.read("\n".join(lines))
        except ValueError as err:
            last = "\n".join(lines[-_LAST_LINES:]) or "nothing"
            raise ValueError(f"{self.name} must print times as it is known to ({err}); it printed, at last:\n{last}") from err


def _find(pattern: str, text: str) -> re.Match[str]:
    """The last match of a pattern."""
    *_, found = [None, *re.finditer(pattern, text, re.MULTILINE)]
    if found is None:
        raise ValueError(f"nothing there looks like {pattern}")
    return found


def _benchmark_model(call: Call) -> list[str]:
    # by default it runs for a second at least, whatever the number of runs
    limits = [f"--num_runs={call.runs}", "--min_secs=0", "--max_secs=3600", "--warmup_runs=3", "--warmup_min_secs=0"]
    return [call.binary, f"--graph={call.model}", f"--num_threads={call.threads}", "--use_xnnpack=true", *limits]


def _read_benchmark_model(text: str) -> Timing:
    total = _find(rf"Inference timings in us: .*Inference \(avg\): {_NUMBER}$", text)
    mean_us = float(total[1])
    lines = re.findall(r"\bcount=[0-9]+ .*", text[: total.start()])
    us = {name: float(value) for name, value in re.findall(rf"\b(\w+)={_NUMBER}(?=[ (]|$)", lines[-1] if lines else "")}
    if set(us) == {"count", "curr"}:  # all runs were alike
        us |= dict.fromkeys(("min", "max", "avg"), us["curr"])
    if not math.isclose(us.get("avg", 0), mean_us, rel_tol=1e-3):  # the line is of the warm-up
        us = {}
    ms = {name: value * _MICRO for name, value in us.items()}
    return Timing(None, mean_us * _MICRO, ms.get("min"), ms.get("p5"), ms.get("median"), ms.get("p95"), ms.get("max"))


def _benchncnn(call: Call) -> list[str]:
    # it takes width, height, channels; 2: on the big cores; -1: without GPU; 0: without a pause of ten seconds
    shapes = ",".join(f"[{','.join(str(side) for side in reversed(shape[1:]))}]" for shape in call.shapes)
    return [call.binary, str(call.runs), str(call.threads), "2", "-1", "0", f"param={call.model}", f"shape={shapes}"]


def _read_benchncnn(text: str) -> Timing:
    found = _find(rf"\S\s+min = +{_NUMBER}  max = +{_NUMBER}  avg = +{_NUMBER}$", text)
    least, most, mean = map(float, found.groups())
    return Timing(min_ms=least or None, max_ms=most, mean_ms=mean)  # it prints hundredths: 0.00 may be a short run


def _perf_test(call: Call) -> list[str]:
    # every run goes to a file, which the tool would append to; where it can write none, it prints a summary
    keep = 'rm -f "$0"; "$@" "$0" && { test ! -e "$0" || cat "$0"; }'
    options = ["-e", "cpu", "-m", "times", "-r", str(call.runs), "-x", str(call.threads), "-y", "1", "-I", "-S", "1"]
    return ["sh", "-c", keep, f"{call.model}.csv", call.binary, *options, call.model]


def _read_perf_test(text: str) -> Timing:
    mean_ms = float(_find(rf"^Average inference time cost(?: total)?: {_NUMBER} ms$", text)[1])
    rows = re.findall(rf"^[^,\n]*,{_NUMBER},[0-9]+,-?[0-9]+,([0-9]+)$", text, re.MULTILINE)
    if not rows:
        low, median, p95, high = (float(_find(rf"^{name} Latency: {_NUMBER} s$", text)[1]) * 1e3 for name in ("Min", "P50", "P95", "Max"))
        return Timing(None, mean_ms, low, None, median, p95, high)
    wanted = int(_find(r"^Total inference requests: ([0-9]+)$", text)[1])
    if [number for _, number in rows] != [str(i) for i in range(len(rows))] or len(rows) != wanted:
        raise ValueError(f"there must be a row for each of {wanted} runs, there are {len(rows)}")
    runs_ms = tuple(float(seconds) * 1e3 for seconds, _ in rows)
    if not math.isclose(sum(runs_ms) / wanted, mean_ms, rel_tol=1e-2):
        raise ValueError(f"the rows must have the mean that is printed, {mean_ms} ms")
    return Timing(runs_ms, mean_ms)


def _benchmark_app(call: Call) -> list[str]:
    # left to itself it takes three channels for an image of bytes, and bfloat16 where the processor has it
    numbers = ["-ip", "f32", "-infer_precision", "f32"]
    limits = ["-niter", str(call.runs), "-nthreads", str(call.threads), "-nstreams", "1"]
    return [call.binary, "-m", call.model, "-d", "CPU", "-hint", "none", "-api", "sync", "-inference_only", *numbers, *limits]


def _read_benchmark_app(text: str) -> Timing:
    def ms(name: str) -> float:
        found = _find(rf"^\[ INFO \] +{name}: +{_NUMBER} (us|ms)$", text)
        return float(found[1]) * (_MICRO if found[2] == "us" else 1)

    return Timing(mean_ms=ms("Average"), min_ms=ms("Min"), median_ms=ms("Median"), max_ms=ms("Max"))


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool("benchmark_model", "tflite", _benchmark_model, _read_benchmark_model),
        Tool("benchncnn", "param", _benchncnn, _read_benchncnn),
        Tool("onnxruntime_perf_test", "onnx", _perf_test, _read_perf_test),
        Tool("benchmark_app", "onnx", _benchmark_app, _read_benchmark_app),
    )
}
