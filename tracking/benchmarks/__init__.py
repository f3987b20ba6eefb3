"""Benchmarks: protocols of evaluation, one per file."""
