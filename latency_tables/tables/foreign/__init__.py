"""Readers of latency tables that other projects made."""
