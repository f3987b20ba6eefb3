"""Latencies of kernels as nn-Meter writes them: an operator costs the sum of its kernels.

CSV with the columns `HW` (side of the input), `CIN`, `COUT`, `KERNEL_SIZE`, `STRIDES` and `latency` (ms), others ignored. nn-Meter
has a file for each kind of kernel, `Data_conv-bn-relu_MARK.csv`; in a file of another name the column `kernel` names it. Sizes must
be ours exactly.

Convolutions count alike whether BatchNorm and ReLU are fused to them or not, as in nn-Meter's own predictors. Swish (or h-swish)
is a kernel of its own unless a row has it fused. A kind of kernel other than convolutions that no file has at all is left out of
every operator, which is then flagged; of a kind that is there, every size is needed. Kernels that count as the same are averaged.

Source: Zhang et al., nn-Meter, MobiSys 2021; kernels and columns as its documentation lists them.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from latency_tables.tables.foreign.adopt import Cost, milliseconds, read_text
from supernet.operators import Operator

_NAMES = {
    r"dwconv(-bn)*(-relu6?|-block)?": "dwconv",
    r"dwconv(-bn)?-h?swish": "dwconv-swish",
    r"conv(-bn)*(-relu6?|-block)?": "conv",
    r"conv(-bn)?-h?swish": "conv-swish",
    r"h?swish": "swish",
    r"se(-relu)?": "se",
    r"add(-?relu)?": "add",
    r"bn": "bn",
    r"global-(avg)?pool|gap": "global-avgpool",
    r"fc(-relu)?": "fc",
}
"""Names of kernels, lower case, as regular expressions -> the kind that they count as."""
_FILE = re.compile(r"Data_([^_]+)_.*")
_CONV = ("HW", "CIN", "COUT", "KERNEL_SIZE", "STRIDES")
_DEPTHWISE = ("HW", "CIN", "KERNEL_SIZE", "STRIDES")
_NEEDS = {"conv": _CONV, "conv-swish": _CONV, "dwconv": _DEPTHWISE, "dwconv-swish": _DEPTHWISE, "fc": ("CIN", "COUT")}
_OTHERS_NEED = ("HW", "CIN")


@dataclass(frozen=True)
class Kernel:
    """One kernel with its configuration; 0 for what its kind has not."""

    kind: str
    hw: int = 0
    cin: int = 0
    cout: int = 0
    size: int = 0
    stride: int = 0

    @property
    def swished(self) -> Kernel:
        """This convolution with a Swish fused to it."""
        return replace(self, kind=f"{self.kind}-swish")

    @property
    def swish(self) -> Kernel:
        """The Swish behind this convolution."""
        return Kernel("swish", self.hw // self.stride, self.cout or self.cin)


class NnMeter:
    """Rows of one or more files.

    Raises:
        OSError: A file cannot be read.
        ValueError: It is not such a CSV, a figure is not positive, or a row comes twice.
    """

    def __init__(self, paths: Sequence[Path]):
        self._ms: dict[Kernel, dict[str, float]] = {}
        self._seen: set[tuple[str, Kernel]] = set()
        self.size = 0
        for path in paths:
            for row, where in _read(path):
                self._add(row, path, where)
        self._kinds = {kernel.kind for kernel in self._ms}

    def cost(self, op: Operator) -> Cost | None:
        found: list[Kernel] = []
        lacks: dict[str, None] = {}
        for kernel in self._chosen(op):
            if kernel in self._ms:
                found.append(kernel)
            elif kernel.kind in self._kinds or kernel.kind in ("conv", "dwconv"):
                return None
            else:
                lacks[kernel.kind] = None
        if not found:
            return None
        rows = [self._ms[kernel] for kernel in found]
        ms = sum(sum(row.values()) / len(row) for row in rows)
        return Cost(ms, min(map(len, rows)), frozenset(where for row in rows for where in row), tuple(lacks))

    def _chosen(self, op: Operator) -> Iterator[Kernel]:
        """Kernels of an operator: with a Swish fused where there is such a row, else the two one after the other."""
        for kernel, swish in kernels(op):
            if swish and kernel.swished in self._ms:
                yield kernel.swished
            else:
                yield from (kernel, kernel.swish) if swish else (kernel,)

    def _add(self, row: Mapping[str, str | None], path: Path, where: str) -> None:
        self.size += 1
        in_name = _FILE.fullmatch(path.stem)
        name = (row.get("kernel") or (in_name[1] if in_name else "")).strip().lower()
        if not name:
            raise ValueError(f"a kernel must have a name, {where} has none; add the column kernel or call the file Data_KERNEL_MARK.csv")
        ms = milliseconds(row.get("latency") or "", where)
        kind = next((kind for pattern, kind in _NAMES.items() if re.fullmatch(pattern, name)), None)
        if kind is None:
            return
        sizes = {column: _whole(row, column, where) for column in _NEEDS.get(kind, _OTHERS_NEED)}
        kernel = Kernel(kind, *(sizes.get(column, 0) for column in _CONV))
        if (name, kernel) in self._seen:
            raise ValueError(f"a foreign table must have each kernel once, {where} repeats {name} of the same sizes; remove one")
        self._seen.add((name, kernel))
        self._ms.setdefault(kernel, {})[where] = ms


def _sizes(op: Operator) -> dict[str, int]:
    """The options that are whole numbers."""
    return {name: value for name, value in op.options if isinstance(value, int)}


def kernels(op: Operator) -> list[tuple[Kernel, bool]]:
    """What an operator consists of, and whether a Swish follows; nothing where nn-Meter has no such kernels."""
    o, (c, hw, _), out = _sizes(op), op.in_shape, op.out_shape[0]
    match op.kind:
        case "stem":
            return [(Kernel("conv", hw, c, out, 3, 2), True)]
        case "dsconv":
            parts = [(Kernel("dwconv", hw, c, 0, 3, 1), True), (Kernel("se", hw, c), False)]
            return [*parts, (Kernel("conv", hw, c, out, 1, 1), False), (Kernel("add", hw, c), False)]
        case "mbconv":
            wide, small = c * o["expansion"], op.out_shape[1]
            parts = [(Kernel("conv", hw, c, wide, 1, 1), True), (Kernel("dwconv", hw, wide, 0, o["kernel"], o["stride"]), True)]
            parts += [(Kernel("se", small, wide), False), (Kernel("conv", small, wide, out, 1, 1), False)]
            return [*parts, (Kernel("add", hw, c), False)] if op.in_shape == op.out_shape else parts
        case "head":
            return [(Kernel("dwconv", hw, c, 0, o["kernel"], 1), False), (Kernel("conv", hw, c, out, 1, 1), False)]
        case "join":
            cells = o["template"] ** 2
            parts = [Kernel("bn", o["template"], c), Kernel("bn", hw, c), Kernel("conv", hw, c, cells, 1, 1)]
            parts += [Kernel("global-avgpool", hw, cells), *[Kernel("fc", 0, cells, cells)] * 2, Kernel("conv", hw, cells, out, 1, 1)]
            return [(kernel, False) for kernel in parts]
        case "cls" | "reg":
            return [(Kernel("conv", hw, c, out, 3, 1), False)]
    return []


def _read(path: Path) -> Iterator[tuple[dict[str, str | None], str]]:
    """Rows and where each stands."""
    reader = csv.DictReader(io.StringIO(read_text(path)))
    try:
        if "latency" not in (reader.fieldnames or ()):
            raise ValueError(f"a CSV of kernels must have the columns {', '.join(_CONV)} and latency, {path} lacks latency; add it")
        for row in reader:
            yield row, f"line {reader.line_num} of {path}"
    except csv.Error as err:
        raise ValueError(f"a foreign table must be a CSV file, {path} is not ({err}); is it the right file?") from err


def _whole(row: Mapping[str, str | None], column: str, where: str) -> int:
    text = row.get(column)
    try:
        value = float(text or "")
    except ValueError:
        value = 0.0
    if not (value.is_integer() and 0 < value < 1e5):
        raise ValueError(f"{column} must be a whole number from 1, got {text!r:.40} in {where}; correct or remove the row")
    return int(value)
