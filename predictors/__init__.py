"""Predictors: what an architecture will cost or score, without running it."""
