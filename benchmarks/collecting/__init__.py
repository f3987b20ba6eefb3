"""Collecting pictures that may be used freely from packages, for training only (see docs/material.md)."""
