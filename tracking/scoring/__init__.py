"""Scoring of result files that anybody made: the verb `score` and its page."""
