"""Names of sequences, which are names of files, in messages too."""

from __future__ import annotations

from collections.abc import Sequence

_SHOWN = 5
"""Most names that a message tells."""


def some(names: Sequence[str]) -> str:
    """The first of some names, each shortened, for a message.

    >>> some(["a", "b", "c", "d", "e", "f"])
    'a, b, c, d, e ...'
    """
    return ", ".join(f"{name:.30}" for name in names[:_SHOWN]) + (" ..." if len(names) > _SHOWN else "")


def check_name(name: str, source: object) -> None:
    """Check that a sequence's name can be the name of a file.

    Raises:
        ValueError: It cannot.
    """
    if not name or name.startswith(".") or "/" in name or "\\" in name or "\0" in name or len(name) > 200:
        raise ValueError(f"names of sequences must be names of files, {name!r:.60} in {source} is none; rename it")
