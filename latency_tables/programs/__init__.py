"""Benchmark programs, which time models in place of the agent on devices without Python."""
