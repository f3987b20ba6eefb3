"""Latency tables of other projects."""
