"""NAS-Bench-201 cells: their notation, which of their operators a chip executes, and their latency on imagined chips.

A cell has an input (node 0) and three further nodes. Each further node adds up what arrives on its edges, one from every earlier node;
each edge applies one of five operators. Fifteen such cells make a network. Source: Dong & Yang, NAS-Bench-201 (ICLR 2020).

Runtimes differ in what they remove, hence three rules for the edges that are executed:

- `all`: every edge. Some chips are simulated, and their tables add up the cost of blocks.
- `needed`: the edges that lead to the output, for runtimes that prune a graph backwards from its outputs (Raspberry Pi, edge GPU).
  Operators on a tensor of zeros stay.
- `live`: the edges on a path from input to output, for runtimes that fold constants as well (phone GPUs).

Runtimes also differ in what they merge. TensorRT (Jetson) runs equal convolutions of one input as one, adds the output of a convolution to
another tensor at no cost, and pays for a tensor that several operators read. Desktop GPUs run branches in parallel, so that the longest
one counts.
"""

from __future__ import annotations

import re

import numpy as np

OPERATORS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
RULES = ("all", "needed", "live")
TERMS = (*OPERATORS, "addition", "open addition", "fan-out", "twin 1x1", "twin 3x3")
"""What takes time on an imagined chip. An open addition has no convolution that could do it at no cost; a twin is a convolution that equals
another one of the same input."""

_CELL = re.compile(r"\|(\w+)~0\|\+\|(\w+)~0\|(\w+)~1\|\+\|(\w+)~0\|(\w+)~1\|(\w+)~2\|")
_NONE, _CONVOLUTIONS, _ADDITION = 0, [2, 3], 5
_START, _END = (np.array([[edge[side] == node for node in range(4)] for edge in EDGES], int) for side in (0, 1))
_ROUTES = np.array(
    [[edge in route for edge in EDGES] for route in (((0, 3),), ((0, 1), (1, 3)), ((0, 2), (2, 3)), ((0, 1), (1, 2), (2, 3)))]
)
"""(4, 6) whether an edge is on each of the four paths from input to output."""
_LOG_COST = np.array([(-3, 1), (-2.5, 1), (-1, 0.7), (0, 0.4), (-0.8, 0.8), (-2.2, 1), (-3, 1), (-3, 1)])
"""Mean and standard deviation of the logarithm of the cost of each of `TERMS` except the twins, in costs of a typical 3x3 convolution."""
_LOG_REST = (0.7, 0.8)
"""Mean and standard deviation of the logarithm of the cost of a call and of what surrounds the cells."""
_MERGING, _SERIAL = 0.5, 0.6
"""Share of imagined chips that merge twins, and share of those that run branches one after another."""


def parse(text: str) -> tuple[int, ...]:
    """Read a cell such as `|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|`.

    Returns:
        For each of `EDGES`, the index in `OPERATORS` of the operator that it applies.

    Raises:
        ValueError: The text is no such cell.
    """
    cell = _CELL.fullmatch(str(text))
    if not cell:
        raise ValueError(
            f"a NAS-Bench-201 cell must have four nodes, as |op~0|+|op~0|op~1|+|op~0|op~1|op~2|, got {text!r:.150}; rewrite it or drop its row"
        )
    names = cell.groups()
    unknown = sorted({*names} - {*OPERATORS})
    if unknown:
        raise ValueError(
            f"an operator of a NAS-Bench-201 cell must be one of {', '.join(OPERATORS)}, got {unknown[0]!r:.50}; rename it or drop its rows"
        )
    return tuple(OPERATORS.index(name) for name in names)


def executed(cells: np.ndarray, rule: str) -> np.ndarray:
    """Find the edges that a chip executes.

    Args:
        cells: (N, 6) indices in `OPERATORS`, as from `parse`.
        rule: One of `RULES`.

    Returns:
        (N, 6) whether each edge is executed.
    """
    if rule == "all":
        return np.ones(cells.shape, bool)
    real = cells != _NONE
    if rule == "live":
        whole = real.astype(int) @ _ROUTES.T == _ROUTES.sum(axis=1)
        return (whole[:, :, None] & _ROUTES).any(axis=1)
    to_output = {3: np.ones(len(cells), bool), 2: real[:, 5], 1: real[:, 4] | (real[:, 2] & real[:, 5])}
    return real & np.column_stack([to_output[end] for _, end in EDGES])


def terms(cells: np.ndarray, rule: str) -> tuple[np.ndarray, np.ndarray]:
    """Count how often each of `TERMS` occurs in (N, 6) cells under one of `RULES`.

    Returns:
        (N, 10) counts in each cell, and (4, N, 6) counts of operators and additions along each of the four paths from input to output,
        which are zero for a path that is interrupted.
    """
    runs = executed(cells, rule)
    applied = (cells[:, :, None] == np.arange(len(OPERATORS))) & runs[:, :, None]
    additions = np.maximum(runs @ _END - 1, 0)
    absorbed = applied[:, :, _CONVOLUTIONS].sum(axis=2) @ _END
    fan_out = np.maximum(runs @ _START - 1, 0)[:, 1:]  # the cell's input is read by several operators in any case
    twins = [np.maximum(applied[:, :, operator] @ _START - 1, 0) for operator in _CONVOLUTIONS]
    nodes = [additions, np.maximum(additions - absorbed, 0), fan_out, *twins]
    total = np.column_stack([applied.sum(axis=1), *(counts.sum(axis=1) for counts in nodes)])
    along = []
    for route in _ROUTES:
        joined = ((additions > 0) @ _END[route].T).sum(axis=1)
        along.append(np.column_stack([applied[:, route].sum(axis=1), joined]) * runs[:, route].all(axis=1, keepdims=True))
    return total, np.array(along)


def imagine(cells: np.ndarray, rule: str, chips: int, rng: np.random.Generator) -> np.ndarray:
    """Compute the latency of (N, 6) cells on imagined chips, which follow one of `RULES` and whose costs are drawn at random.

    Returns:
        (N, chips) positive latencies, in units of their own.
    """
    total, along = terms(cells, rule)
    costs = np.exp(rng.normal(_LOG_COST[:, 0], _LOG_COST[:, 1], (chips, len(_LOG_COST))))
    saved = -rng.random((chips, 2)) * (rng.random((chips, 2)) < _MERGING) * costs[:, _CONVOLUTIONS]
    rest = np.exp(rng.normal(*_LOG_REST, chips))
    parallel = rng.random(chips) * (rng.random(chips) >= _SERIAL)
    serial_time = total @ np.hstack([costs, saved]).T
    longest = np.max([part @ costs[:, : _ADDITION + 1].T for part in along], axis=0)
    return rest + (1 - parallel) * serial_time + parallel * longest


def counts(cells: np.ndarray, rule: str = "all") -> np.ndarray:
    """(N, 4) how often each operator but `none` is executed in (N, 6) cells."""
    return terms(cells, rule)[0][:, 1 : len(OPERATORS)]


def features(cells: np.ndarray) -> np.ndarray:
    """(N, F) features of (N, 6) cells: counts of operators, sizes of the live graph, depths, and a one-hot code of each edge's operator."""
    live = executed(cells, "live")
    ends = [np.where(live @ side > 0, 1, 0).sum(axis=1) for side in (_START, _END)]
    total, along = terms(cells, "live")
    weights = np.array([(0, 0, 1, 1, 1), (0, 0, 1, 3, 1), (0, 1, 1, 1, 1)])
    depths = (along[:, :, : len(OPERATORS)] @ weights.T).max(axis=0)
    chosen = cells[:, :, None] == np.arange(len(OPERATORS))
    operators = [chosen.reshape(len(cells), -1), (chosen & live[:, :, None])[:, :, 1:].reshape(len(cells), -1)]
    return np.column_stack([counts(cells), total[:, : _ADDITION + 1], *ends, depths, *operators]).astype(float)
