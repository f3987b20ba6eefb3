"""Judges of candidates, the sequences they judge on, and how significant differences between candidates are."""
