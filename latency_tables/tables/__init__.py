"""Latency tables as data: rows, manifest, and what can be done with them."""
