"""Benchmarks: one protocol a file, and here the names they go by. A function scores the boxes of one sequence."""

from tracking.benchmarks import one_pass

BENCHMARKS = {
    "one_pass": one_pass.score,
}
