"""Latency tables: how long the operators and some whole networks of a family take on a device, and how this is measured."""
