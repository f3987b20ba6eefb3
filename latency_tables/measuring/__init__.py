"""Measuring latency tables: what is timed, how often and on which device, and how a measurement survives a lost connection."""
