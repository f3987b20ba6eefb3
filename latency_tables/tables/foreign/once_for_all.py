"""Reads latency tables of ProxylessNAS and once-for-all: YAML files with lines `key: ms` or `key: {mean: ms, count: n}`.

A key names a block by its sizes, each HxWxC. `Conv-input:..-output:..` is the 3x3 convolution of stride 2 that begins a network.
`expanded_conv-input:..-output:..-expand:..-kernel:..-stride:..-idskip:..` is a 1x1 expansion, a depthwise convolution and a 1x1
projection; `idskip:1` says that it has a residual connection. Without the ending `-se:..-hs:..` (squeeze-and-excitation, h-swish),
`expand` is the expansion ratio. With it, `expand` is the number of expanded channels, unless it is smaller than the number of input
channels: then it is a ratio as well. For 24 input channels, `expand:96-..-se:1-hs:1` and `expand:4-..-se:1-hs:1` both mean 96 channels.

A block is found for an operator only if shapes, kernel size, expansion, stride and residual are exactly the same. Activations may
differ: h-swish counts as Swish, and a block with ReLU or without squeeze-and-excitation is used if the files have no better one; it
is then listed in the `Cost`. LightTrack's `dsconv` is looked up as an `expanded_conv` of ratio 1 with a residual, its `head` as one
without. `join`, `cls` and `reg` have no counterpart.

A key may also be the key of an operator of the family, such as `search:stem:3x256x256>16x128x128:`; such a row comes first.

Source: Cai et al., ProxylessNAS, ICLR 2019; Cai et al., Once-for-All, ICLR 2020; keys as their public code forms them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from latency_tables.tables.foreign.adopt import Cost, milliseconds, read_text
from supernet.operators import Operator, Shape

_MOST_BYTES = 2_000_000
"""Largest file that is read; the parser of YAML takes seconds for a megabyte."""
_SIZE = r"([1-9]\d{0,4})x([1-9]\d{0,4})x([1-9]\d{0,4})"
_CONV = re.compile(rf"Conv-input:{_SIZE}-output:{_SIZE}")
_BLOCK = re.compile(
    rf"expanded_conv-input:{_SIZE}-output:{_SIZE}"
    r"-expand:([1-9]\d{0,4})-kernel:([1-9]\d?)-stride:([1-9])-idskip:([01])(?:-se:([01])-hs:([01]))?"
)


@dataclass(frozen=True)
class _Block:
    """A block as a key describes it, or as it is looked up for an operator; activations are left out."""

    in_shape: Shape
    out_shape: Shape
    hidden: int
    """Channels of the depthwise convolution; 0 for a block without one."""
    kernel: int
    stride: int
    residual: bool


@dataclass(frozen=True)
class _Row:
    """The latency of one block, and whether it has squeeze-and-excitation and Swish."""

    key: str
    ms: float
    runs: int
    se: bool
    swish: bool


class OnceForAll:
    """The block latencies of one or more files of once-for-all or ProxylessNAS.

    Raises:
        OSError: A file cannot be read.
        ValueError: A file is not YAML of the form that this module describes, a latency is not positive, or a key occurs twice, in one
            file or in two.
    """

    def __init__(self, paths: Sequence[Path]):
        self._rows: dict[str, Cost] = {}
        """Every row, by its key."""
        self._blocks: dict[_Block, list[_Row]] = {}
        """The rows whose key describes a block; those of one block differ in activations or in how the key is written."""
        for path in paths:
            for key, fields in _read(path):
                self._add(key, fields, f"{key!r:.120} of {path}")

    @property
    def size(self) -> int:
        """Number of rows in the files."""
        return len(self._rows)

    def cost(self, op: Operator) -> Cost | None:
        """Cost of an operator: the row with its own key, else the best row of the same block.

        A row with squeeze-and-excitation is better than one without, then one with h-swish; rows with either where the operator has
        none are not used.

        Returns:
            The cost, whose `lacks` lists `se` and `swish` if the operator has them and the row does not. None if there is no row.
        """
        if op.key in self._rows:
            return self._rows[op.key]
        wants_se, wants_swish = op.kind in ("mbconv", "dsconv"), op.kind in ("mbconv", "dsconv", "stem")
        block = _block(op)
        alike = self._blocks.get(block, []) if block else []
        rows = [row for row in alike if row.se <= wants_se and row.swish <= wants_swish]
        if not rows:
            return None
        best = max(rows, key=lambda row: (row.se, row.swish))
        lacks = [("se", wants_se and not best.se), ("swish", wants_swish and not best.swish)]
        return Cost(best.ms, best.runs, frozenset({best.key}), tuple(part for part, missing in lacks if missing))

    def _add(self, key: str, fields: Mapping[str, str], where: str) -> None:
        if key in self._rows:
            raise ValueError(f"a foreign table must have each key once, {where} comes again; remove one")
        if "mean" not in fields:
            raise ValueError(f"a row must be a number or have a mean, {where} has {', '.join(fields) or 'nothing':.80}; give milliseconds")
        count = fields.get("count", "1")
        if not re.fullmatch(r"[1-9]\d{0,8}", count):
            raise ValueError(f"count must be a whole number from 1, got {count!r:.40} in {where}; correct or remove it")
        ms, runs = milliseconds(fields["mean"], where), int(count)
        self._rows[key] = Cost(ms, runs, frozenset({key}))
        if match := _CONV.fullmatch(key):
            sizes = [int(size) for size in match.groups()]
            block = _Block(_shape(sizes[:3]), _shape(sizes[3:]), 0, 3, 2, False)
            self._blocks.setdefault(block, []).append(_Row(key, ms, runs, se=False, swish=True))
        elif match := _BLOCK.fullmatch(key):
            *sizes, expand, kernel, stride, skip = (int(number) for number in match.groups()[:10])
            # an expansion never removes channels, so a number smaller than the input's must be a ratio
            hidden = expand * sizes[2] if match[11] is None or expand < sizes[2] else expand
            block = _Block(_shape(sizes[:3]), _shape(sizes[3:]), hidden, kernel, stride, bool(skip))
            self._blocks.setdefault(block, []).append(_Row(key, ms, runs, se=match[11] == "1", swish=match[12] == "1"))


def _shape(size: Sequence[int]) -> Shape:
    """Turns (H, W, C), the order of the keys, into (C, H, W)."""
    height, width, channels = size
    return (channels, height, width)


def _block(op: Operator) -> _Block | None:
    """The block to look up for an operator, read as LightTrack's families define its kind; None for a kind without a counterpart."""
    options, channels = {name: value for name, value in op.options if isinstance(value, int)}, op.in_shape[0]
    match op.kind:
        case "stem":
            return _Block(op.in_shape, op.out_shape, 0, 3, 2, False)
        case "dsconv":
            return _Block(op.in_shape, op.out_shape, channels, 3, 1, True)
        case "mbconv":
            stride = options["stride"]
            residual = stride == 1 and op.in_shape == op.out_shape
            return _Block(op.in_shape, op.out_shape, channels * options["expansion"], options["kernel"], stride, residual)
        case "head":
            return _Block(op.in_shape, op.out_shape, channels, options["kernel"], 1, False)
    return None


def _read(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yields the key and the fields of each row of a YAML file.

    It reads the parser's events and builds no objects, so that a hostile file cannot exhaust memory through nested aliases.
    """
    text = read_text(path, _MOST_BYTES)
    try:
        events = yaml.parse(text, Loader=yaml.SafeLoader)
        next(events)  # the stream begins
        next(events, None)  # the document begins, unless the file is empty
        if not isinstance(next(events, None), yaml.MappingStartEvent):
            raise ValueError("it does not begin with `key: value`")
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            yield _scalar(event), _fields(events)
        next(events)
        if not isinstance(next(events), yaml.StreamEndEvent):
            raise ValueError("it holds more than one document")
    except (yaml.YAMLError, ValueError) as err:
        said = " ".join(str(getattr(err, "problem", None) or err).split())  # else yaml quotes the lines around it
        raise ValueError(
            f"a foreign table must be YAML of `key: ms` or `key: {{mean: ms, count: n}}`, {path} is not ({said:.100}); correct the file"
        ) from err


def _fields(events: Iterator[yaml.Event]) -> dict[str, str]:
    """The fields of the next row, by name; a plain number is the field `mean`."""
    event = next(events)
    if not isinstance(event, yaml.MappingStartEvent):
        return {"mean": _scalar(event)}
    fields: dict[str, str] = {}
    for event in events:
        if isinstance(event, yaml.MappingEndEvent):
            break
        name = _scalar(event)
        if name in fields:
            raise ValueError(f"{name!r:.40} comes twice in one row")
        fields[name] = _scalar(next(events))
    return fields


def _scalar(event: yaml.Event) -> str:
    """The text of a plain value; raises `ValueError` for anything else."""
    if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
        line = event.start_mark.line + 1
        raise ValueError(f"line {line} has a list, an alias, a tag or a deeper level where a plain value must be")
    return event.value
