"""The front of a search: what dominates, what was measured, and which candidate is recommended."""
