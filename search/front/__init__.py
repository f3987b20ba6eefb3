"""The Pareto front of a search: how it is found and measured, and which candidate is recommended."""
