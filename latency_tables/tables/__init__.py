"""Latency tables as data: rows, manifest and file format, and actions on tables such as merge and compare."""
