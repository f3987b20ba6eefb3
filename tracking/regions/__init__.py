"""Regions: where a target is, as a rectangle or as a polygon of four corners, and how much two of them overlap."""
