"""Supernets: how their options share weights, and how a single architecture is run in them and extracted."""
