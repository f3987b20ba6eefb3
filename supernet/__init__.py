"""Families of architectures, the networks that hold all their weights, and what trains, exports and runs them."""
