"""Tracking behind a camera that does not wait: frames arrive at a rate, whether the tracker is free or not."""
