"""What a finished search says of itself, as the demo and `cut` read it from the search's folder."""

from __future__ import annotations

import re
from pathlib import Path

from search.metrics.predicted import LATENCY
from tracking.files.records import numbers, read_record


def read_found(run: Path) -> dict:
    """Read the summary of the finished search.

    Raises:
        OSError: There is no summary.
        ValueError: The summary is not as a search writes it.
    """
    path = run / "summary.json"
    try:
        found = read_record(path)
        winner, kept = found["winner"], ("front", "rescored", "evaluations")
        numbers({**{name: found[name] for name in kept}, **winner["values"], **winner.get("predicted", {})})
        if re.fullmatch(r"front/[0-9]{1,9}\.json", winner["file"]) is None:
            raise ValueError(f"the winner's file {winner['file']!r:.80}")
        if not (isinstance(found["why"], str) and isinstance(found["ties"], list) and LATENCY.name in winner["values"]):
            raise ValueError("why, ties or the winner's latency")
        if found["tie_within"] is not None:
            numbers({"tie_within": found["tie_within"]})
    except (KeyError, TypeError, AttributeError, ValueError) as err:
        raise ValueError(f"the summary of a search must be as the search wrote it, {path} fails at {err!s:.200}; search anew") from err
    return found


def front_errors(front: Path) -> list[float]:
    """Relative errors of the predicted latencies of the front's members that were measured.

    Raises:
        ValueError: A file of the front is not as a search writes it.
    """
    errors, name = [], LATENCY.name
    for path in sorted(front.glob("*.json")):
        try:
            member = read_record(path)["candidate"]
            if "predicted" in member:
                predicted, measured = (numbers(member[part])[name] for part in ("predicted", "values"))
                errors.append(abs(predicted / measured - 1))
        except (KeyError, TypeError, ZeroDivisionError, ValueError) as err:
            raise ValueError(f"a file of the front must be as the search wrote it, {path} fails at {err!s:.200}; search anew") from err
    return errors
