"""The exception that a strategy raises when further evaluations are not worth their time."""

from __future__ import annotations


class SearchConverged(Exception):
    """Ends a search before all planned evaluations are done; the message says why, in one line."""
