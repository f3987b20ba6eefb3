"""Estimates an operator's latency from nn-Meter's kernel latency files, as the sum of the latencies of its kernels.

A file is CSV with the columns `HW` (input height = width, in cells of the kernel's input feature map), `CIN` and `COUT` (channels of
input and output), `KERNEL_SIZE`, `STRIDES` and `latency` (ms). Other columns, except the optional `kernel`, are ignored. The name of
a row's kernel is in its column `kernel`; if that is missing or empty, it is taken from a file name of the form
`Data_<kernel name>_<anything>.csv`, e.g. `Data_conv-bn-relu_prior.csv`.

Kernel names are grouped into kernel types: a convolution with fused BatchNorm and ReLU (or ReLU6) is treated as the same kernel as a
plain one, as in nn-Meter's own predictors. Swish (or h-swish) is a kernel of its own unless a row has it fused to a convolution. Rows
of one kernel type with equal sizes are averaged. Rows whose kernel name is not known here, e.g. `maxpool`, are counted but not used.

A kernel is found only if all its sizes match the operator's exactly; there is no interpolation. If the files have no kernel of some
type (convolutions excepted), that type is left out of the sum and listed in the `Cost`. If a convolution, or a kernel of a type that
the files do have, lacks the needed size, the operator has no cost (None).

Example: LightTrack's `mbconv` from 8x48x48 to 8x24x24 with kernel=5, expansion=4, stride=2 is `conv` 1x1 from 8 to 32 channels (1.0 ms),
`swish` (0.1), `dwconv` 5x5 of stride 2 (2.0), `swish` (0.2), `se` (4.0) and `conv` 1x1 back to 8 channels (8.0): 15.3 ms. If the files
have no `swish` and no `se` at all, it is 11.0 ms without these two types.

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

_TYPES = {
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
"""Kernel type by regular expression for the kernel names, in lower case, that belong to it."""
_FILE = re.compile(r"Data_([^_]+)_.*")
"""Names of nn-Meter's files without `.csv`; the group is the kernel name."""
_CONV = ("HW", "CIN", "COUT", "KERNEL_SIZE", "STRIDES")
_DEPTHWISE = ("HW", "CIN", "KERNEL_SIZE", "STRIDES")
_NEEDS = {"conv": _CONV, "conv-swish": _CONV, "dwconv": _DEPTHWISE, "dwconv-swish": _DEPTHWISE, "fc": ("CIN", "COUT")}
"""Columns that a row must have, by kernel type: the sizes that tell kernels of this type apart."""
_OTHERS_NEED = ("HW", "CIN")
"""Columns that a row of any other kernel type must have."""


@dataclass(frozen=True)
class Kernel:
    """One kernel: its type and its sizes. Sizes that the kernel type does not use are 0."""

    kind: str
    """Kernel type, e.g. `conv` or `dwconv-swish`."""
    hw: int = 0
    """Height and width of the input feature map, in cells."""
    cin: int = 0
    """Channels of the input."""
    cout: int = 0
    """Channels of the output."""
    size: int = 0
    """Height and width of the convolution's filter."""
    stride: int = 0
    """Stride of the convolution."""

    @property
    def with_fused_swish(self) -> Kernel:
        """This convolution with a Swish fused to it."""
        return replace(self, kind=f"{self.kind}-swish")


class NnMeter:
    """The kernel latencies of one or more files of nn-Meter.

    Raises:
        OSError: A file cannot be read.
        ValueError: A file is not CSV of the form that this module describes, a latency or a size is not positive, or two rows, in one
            file or in two, have the same kernel name and sizes.
    """

    def __init__(self, paths: Sequence[Path]):
        self._ms: dict[Kernel, dict[str, float]] = {}
        """Milliseconds of each kernel, by the location of the row."""
        self._seen: set[tuple[str, Kernel]] = set()
        self.size = 0
        """Number of rows in the files, those with an unknown kernel name included."""
        for path in paths:
            for row, where in _read(path):
                self._add(row, path, where)
        self._types = {kernel.kind for kernel in self._ms}

    def cost(self, op: Operator) -> Cost | None:
        """Sum of the latencies of an operator's kernels.

        Returns:
            The cost, whose `lacks` lists the kernel types that the files do not have. None if a convolution, or a kernel of a type
            that the files do have, is missing in the needed size, or if there is no kernel for the operator at all.
        """
        found: list[Kernel] = []
        lacks: dict[str, None] = {}
        for kernel in self._chosen(op):
            if kernel in self._ms:
                found.append(kernel)
            elif kernel.kind in self._types or kernel.kind in ("conv", "dwconv"):
                return None
            else:
                lacks[kernel.kind] = None
        if not found:
            return None
        rows = [self._ms[kernel] for kernel in found]
        ms = sum(sum(row.values()) / len(row) for row in rows)
        return Cost(ms, min(map(len, rows)), frozenset(where for row in rows for where in row), tuple(lacks))

    def _chosen(self, op: Operator) -> Iterator[Kernel]:
        """The kernels to add up for an operator: convolution and Swish as one fused kernel if there is a row of it, else as two."""
        for kernel, swish in kernels(op):
            if swish and kernel.with_fused_swish in self._ms:
                yield kernel.with_fused_swish
            else:
                yield from (kernel, swish) if swish else (kernel,)

    def _add(self, row: Mapping[str, str | None], path: Path, where: str) -> None:
        """Check a row and keep its latency; a row whose kernel name is unknown is only counted, its sizes are not checked."""
        self.size += 1
        in_name = _FILE.fullmatch(path.stem)
        name = (row.get("kernel") or (in_name[1] if in_name else "")).strip().lower()
        if not name:
            raise ValueError(f"a kernel must have a name, {where} has none; add the column kernel or call the file Data_KERNEL_MARK.csv")
        ms = milliseconds(row.get("latency") or "", where)
        kernel_type = next((kernel_type for pattern, kernel_type in _TYPES.items() if re.fullmatch(pattern, name)), None)
        if kernel_type is None:
            return
        sizes = {column: _whole(row, column, where) for column in _NEEDS.get(kernel_type, _OTHERS_NEED)}
        kernel = Kernel(kernel_type, *(sizes.get(column, 0) for column in _CONV))
        if (name, kernel) in self._seen:
            raise ValueError(f"a foreign table must have each kernel once, {where} repeats {name} of the same sizes; remove one")
        self._seen.add((name, kernel))
        self._ms.setdefault(kernel, {})[where] = ms


def _whole_options(op: Operator) -> dict[str, int]:
    """The options of an operator that are whole numbers, by name."""
    return {name: value for name, value in op.options if isinstance(value, int)}


def kernels(op: Operator) -> list[tuple[Kernel, Kernel | None]]:
    """The kernels that an operator consists of, each with the Swish kernel that follows it, or None.

    Kinds of operators are read as LightTrack's families define them; the list is empty for any other kind. The fusion (`join`) also
    multiplies feature maps, which counts as a 1x1 convolution.
    """
    o, (c, hw, _), (out, out_hw, _) = _whole_options(op), op.in_shape, op.out_shape
    match op.kind:
        case "stem":
            return [(Kernel("conv", hw, c, out, 3, 2), Kernel("swish", out_hw, out))]
        case "dsconv":
            parts = [(Kernel("dwconv", hw, c, 0, 3, 1), Kernel("swish", hw, c)), (Kernel("se", hw, c), None)]
            return [*parts, (Kernel("conv", hw, c, out, 1, 1), None), (Kernel("add", hw, c), None)]
        case "mbconv":
            wide = c * o["expansion"]
            parts = [
                (Kernel("conv", hw, c, wide, 1, 1), Kernel("swish", hw, wide)),
                (Kernel("dwconv", hw, wide, 0, o["kernel"], o["stride"]), Kernel("swish", out_hw, wide)),
                (Kernel("se", out_hw, wide), None),
                (Kernel("conv", out_hw, wide, out, 1, 1), None),
            ]
            return [*parts, (Kernel("add", hw, c), None)] if op.in_shape == op.out_shape else parts
        case "head":
            return [(Kernel("dwconv", hw, c, 0, o["kernel"], 1), None), (Kernel("conv", hw, c, out, 1, 1), None)]
        case "join":
            cells = o["template"] ** 2
            parts = [Kernel("bn", o["template"], c), Kernel("bn", hw, c), Kernel("conv", hw, c, cells, 1, 1)]
            parts += [Kernel("global-avgpool", hw, cells), *[Kernel("fc", 0, cells, cells)] * 2, Kernel("conv", hw, cells, out, 1, 1)]
            return [(kernel, None) for kernel in parts]
        case "cls" | "reg":
            return [(Kernel("conv", hw, c, out, 3, 1), None)]
    return []


def _read(path: Path) -> Iterator[tuple[dict[str, str | None], str]]:
    """Yields each row of a file with its location, `line N of PATH`."""
    reader = csv.DictReader(io.StringIO(read_text(path)))
    try:
        if "latency" not in (reader.fieldnames or ()):
            raise ValueError(f"a CSV of kernels must have the columns {', '.join(_CONV)} and latency, {path} lacks latency; add it")
        if len(set(reader.fieldnames or ())) < len(reader.fieldnames or ()):
            raise ValueError(f"a CSV of kernels must have each column once, {path} repeats one; remove it")
        for row in reader:
            yield row, f"line {reader.line_num} of {path}"
    except csv.Error as err:
        raise ValueError(f"a foreign table must be a CSV file, {path} is not ({err}); is it the right file?") from err


def _whole(row: Mapping[str, str | None], column: str, where: str) -> int:
    """The whole number from 1 in a column of a row; raises `ValueError` for anything else."""
    text = row.get(column)
    try:
        value = float(text or "")
    except ValueError:
        value = 0.0
    if not (value.is_integer() and 0 < value < 1e5):
        raise ValueError(f"{column} must be a whole number from 1, got {text!r:.40} in {where}; correct or remove the row")
    return int(value)
