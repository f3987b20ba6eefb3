"""Looks through a serialised ONNX graph before a runtime loads it, without the package `onnx`, which a device need not have.

A graph of a bundle is one file with fixed shapes. It has no weights in other files, which a hostile one could read from anywhere; no graphs
within it (loops), which could run for ever; and no functions of its own. A tensor has as many bytes as its shape says.

Source: onnx/onnx.proto for the numbers of fields, and the encoding of protocol buffers for the rest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

Field = tuple[int, int | bytes]
_MOST_DEEP = 20
_GRAPH, _FUNCTIONS = 7, 25  # of a model
_NODE, _INITIALIZER, _SPARSE_INITIALIZER = 1, 5, 15  # of a graph
_ATTRIBUTE = 5  # of a node
_TENSOR, _SUBGRAPH, _TENSORS, _SUBGRAPHS, _SPARSE, _SPARSES = 5, 6, 10, 11, 22, 23  # of an attribute
_DIMS, _DATA_TYPE, _RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 1, 2, 9, 13, 14  # of a tensor
_BYTES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}
"""Bytes of a value by type of tensor; other types are none of numbers."""


def check_onnx(content: bytes) -> None:
    """Check that a serialised ONNX model needs nothing but itself.

    Raises:
        ValueError: It is no ONNX model, or has what the graph of a bundle must not have.
    """
    for number, value in _fields(content):
        if number == _FUNCTIONS:
            raise ValueError("a graph must not bring functions of its own")
        if number == _GRAPH:
            _check_graph(_message(value))


def _check_graph(graph: bytes) -> None:
    for number, value in _fields(graph):
        if number == _INITIALIZER:
            _check_tensor(_message(value))
        elif number == _SPARSE_INITIALIZER:
            raise ValueError("the tensors of a graph must not be sparse")
        elif number == _NODE:
            for field, attribute in _fields(_message(value)):
                if field == _ATTRIBUTE:
                    _check_attribute(_message(attribute))


def _check_attribute(attribute: bytes) -> None:
    for number, value in _fields(attribute):
        if number in (_TENSOR, _TENSORS):
            _check_tensor(_message(value))
        elif number in (_SUBGRAPH, _SUBGRAPHS):
            raise ValueError("a graph must not hold loops or other graphs")
        elif number in (_SPARSE, _SPARSES):
            raise ValueError("the tensors of a graph must not be sparse")


def _check_tensor(tensor: bytes) -> None:
    sides: list[int] = []
    kind, raw = 0, None
    for number, value in _fields(tensor):
        if number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value):
            raise ValueError("the weights of a graph must lie in its own file")
        if number == _DIMS:
            sides += [value] if isinstance(value, int) else _numbers(value)
        elif number == _DATA_TYPE:
            kind = value
        elif number == _RAW_DATA:
            raw = len(_message(value))
    if any(side >= 2**31 for side in sides) or len(sides) > _MOST_DEEP:
        raise ValueError(f"a tensor must have sides of a usual length, got {sides!s:.60}")
    size = math.prod(sides)
    if raw is not None and raw != size * _BYTES.get(int(kind), -1):
        raise ValueError(f"a tensor must have the bytes of its shape, {sides!s:.60} of type {kind} has {raw}")
    if raw is None and size > len(tensor):
        raise ValueError(f"a tensor must have the values of its shape, {sides!s:.60} has {len(tensor)} bytes")


def _fields(message: bytes) -> Iterator[Field]:
    """The fields of a serialised message: number, and a whole number or the bytes of a text, a message or a list."""
    at = 0
    while at < len(message):
        key, at = _number(message, at)
        if not key >> 3:
            raise ValueError("it is no ONNX model")
        match key & 7:
            case 0:
                value, at = _number(message, at)
                yield key >> 3, value
            case 1 | 5 as kind:
                at += 8 if kind == 1 else 4
            case 2:
                length, at = _number(message, at)
                if at + length > len(message):
                    raise ValueError("it is no ONNX model, or was cut")
                yield key >> 3, message[at : at + length]
                at += length
            case _:
                raise ValueError("it is no ONNX model")


def _number(message: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, and the position behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("it is no ONNX model, or was cut")
        value |= (message[at] & 127) << shift
        at += 1
        if message[at - 1] < 128:
            return value, at
    raise ValueError("it is no ONNX model")


def _numbers(packed: bytes) -> list[int]:
    found, at = [], 0
    while at < len(packed):
        value, at = _number(packed, at)
        found.append(value)
    return found


def _message(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("it is no ONNX model")
    return value
