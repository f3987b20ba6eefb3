"""Prediction for a new chip: the latency of any network, from a few measured networks and from what other chips take."""
