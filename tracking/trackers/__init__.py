"""Inference procedures, one a file."""
