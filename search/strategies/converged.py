"""What a strategy raises when further evaluations are not worth their time."""

from __future__ import annotations


class SearchConverged(Exception):
    """Ends a search before its planned evaluations; the text says why, in one line."""
