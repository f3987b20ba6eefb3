"""Benchmark programs in place of an agent, for devices without Python."""
