"""Benchmark programs that print how long a model takes: how each is called, and how its output is read.

Phones have no Python, but these inference engines have a program of this kind. The command lines and outputs are those of

- TFLite/LiteRT `benchmark_model`: tensorflow/lite/tools/benchmark;
- ncnn `benchncnn` of June 2023 or newer, which has the option `param=`: benchmark/benchncnn.cpp;
- ONNX Runtime `onnxruntime_perf_test`: onnxruntime/test/perftest;
- OpenVINO `benchmark_app`, in Python and in C++.

All compute in the precision of the model file, except that benchncnn computes in half precision if the processor can. Checked against
recorded outputs of the programs in tests/recorded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

_LAST_LINES = 8
_LAST_CHARACTERS = 352
"""Number of characters of the last lines that an error holds."""
_MOST_CHARACTERS = 10_000_000
"""Longest output that is read, from its end."""
_MICRO = 1e-3
_NUMBER = r"([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)"


@dataclass(frozen=True)
class Timing:
    """Times of one model as a benchmark program printed them, in milliseconds; None for a figure that it did not print.

    Raises:
        ValueError: A time is not positive and finite, minimum, quantiles and maximum do not rise, or there are neither runs nor a
            median nor a mean.
    """

    runs_ms: tuple[float, ...] | None = None
    """Time of every run, in order."""
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
            raise ValueError(f"times must be finite and above 0, got {times!s:.80}")
        if ranks != sorted(ranks):
            raise ValueError(f"minimum, quantiles and maximum must rise, got {ranks!s:.80}")
        if not self.runs_ms and self.median_ms is None and self.mean_ms is None:
            raise ValueError("a timing must have every run, their median or their mean")

    @property
    def detail(self) -> Literal["runs", "summary"]:
        """`runs` if the time of every run is known, `summary` if only statistics of all runs are."""
        return "runs" if self.runs_ms else "summary"

    def spread(self, runs: int) -> list[float]:
        """The time of every run, or as many made-up times whose quantiles are about those of a summary.

        Each made-up time is the printed quantile nearest to its rank, where the mean stands for a missing median. If minimum and
        maximum were printed and there are more than two runs, they are the first and the last time.

        Args:
            runs: Number of runs that a summary is about.

        >>> Timing(min_ms=1.0, median_ms=2.0, max_ms=4.0).spread(5)
        [1.0, 2.0, 2.0, 2.0, 4.0]
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
    """One call of a benchmark program: what it shall time, and how."""

    binary: str
    """Path of the program on the device."""
    model: str
    """Path of the model on the device, in a folder that can be written to."""
    shapes: Sequence[tuple[int, ...]]
    """Shape of every input, batch dimension of 1 included, in the model's order."""
    runs: int
    """Number of timed runs."""
    threads: int
    """Number of threads that the program may use."""


@dataclass(frozen=True)
class Tool:
    """One benchmark program: how it is called, and how its output is read."""

    name: str
    """Name of the program, which is also its name as a runtime."""
    format: str
    """File name extension of the models: `onnx`, `tflite`, or `param` (ncnn's graph without weights, which benchncnn makes up)."""
    command: Callable[[Call], list[str]]
    """Returns the command line of a call, as words."""
    read: Callable[[str], Timing]
    """Reads the times from what the program printed; raises `ValueError` if they are not there. Call `parse`, which names the program."""

    def parse(self, text: str) -> Timing:
        """Read the times from what the program printed.

        Raises:
            ValueError: The text is not what this program prints after timing a model; the error holds its last lines.
        """
        lines = text[-_MOST_CHARACTERS:].strip().splitlines()  # some transports end lines with \r\n
        try:
            return self.read("\n".join(lines))
        except ValueError as err:
            shown = lines[-_LAST_LINES:]
            last = " | ".join(" ".join(line.split())[: _LAST_CHARACTERS // len(shown)] for line in shown) or "nothing"
            raise ValueError(f"{self.name} must print times as it is known to ({err!s:.60}); it printed, at last: {last}") from err


def _find(pattern: str, text: str) -> re.Match[str]:
    """The last match of a pattern in a text; raises `ValueError` if there is none."""
    *_, found = [None, *re.finditer(pattern, text, re.MULTILINE)]
    if found is None:
        raise ValueError(f"nothing there looks like {pattern:.60}")
    return found


def _benchmark_model(call: Call) -> list[str]:
    # by default the program runs for at least a second, whatever the number of runs
    limits = [f"--num_runs={call.runs}", "--min_secs=0", "--max_secs=3600", "--warmup_runs=3", "--warmup_min_secs=0"]
    return [call.binary, f"--graph={call.model}", f"--num_threads={call.threads}", "--use_xnnpack=true", *limits]


def _read_benchmark_model(text: str) -> Timing:
    total = _find(rf"Inference timings in us: .*Inference \(avg\): {_NUMBER}$", text)
    mean_us = float(total[1])
    lines = re.findall(r"\bcount=[0-9]+ .*", text[: total.start()])
    us = {name: float(value) for name, value in re.findall(rf"\b(\w+)={_NUMBER}(?=[ (]|$)", lines[-1] if lines else "")}
    if set(us) == {"count", "curr"}:  # all runs took equally long
        us |= dict.fromkeys(("min", "max", "avg"), us["curr"])
    if not math.isclose(us.get("avg", 0), mean_us, rel_tol=1e-3):  # the line is about the warm-up, not about the timed runs
        us = {}
    ms = {name: value * _MICRO for name, value in us.items()}
    return Timing(None, mean_us * _MICRO, ms.get("min"), ms.get("p5"), ms.get("median"), ms.get("p95"), ms.get("max"))


def _benchncnn(call: Call) -> list[str]:
    # shapes are written width, height, channels; after the threads: 2 = big cores only, -1 = no GPU, 0 = no pause of ten seconds to cool
    shapes = ",".join(f"[{','.join(str(side) for side in reversed(shape[1:]))}]" for shape in call.shapes)
    return [call.binary, str(call.runs), str(call.threads), "2", "-1", "0", f"param={call.model}", f"shape={shapes}"]


def _read_benchncnn(text: str) -> Timing:
    found = _find(rf"\S\s+min = +{_NUMBER}  max = +{_NUMBER}  avg = +{_NUMBER}$", text)
    least, most, mean = map(float, found.groups())
    # the program prints hundredths of a millisecond, so a minimum of 0.00 may be a short run
    return Timing(min_ms=least or None, max_ms=most, mean_ms=mean)


def _perf_test(call: Call) -> list[str]:
    # the program appends every run to a file, so an old file is removed; if it cannot write one, what it prints is a summary
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
    # by default the program takes an input of three channels for an image of bytes, and computes in bfloat16 if the processor can
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
"""The known benchmark programs, by name."""
