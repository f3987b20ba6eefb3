"""Benchmarks: one protocol of evaluation a file."""
