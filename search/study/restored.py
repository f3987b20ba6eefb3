"""Trials in memory of a study that was read, which may be many."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from search.study.storages.storage import Record


@contextmanager
def keeping_all() -> Iterator[None]:
    """Suspend garbage collection while many objects are made that are all kept; looking for garbage would take a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def restored(
    record: Record, values: list[float] | None, distributions: Mapping[str, BaseDistribution], without: Collection[str]
) -> FrozenTrial:
    """Return the trial of a stored record.

    Args:
        record: The trial as it is stored.
        values: Value of each objective; None if it is not complete.
        distributions: The choices of the space.
        without: Names of system attributes that are left out.
    """
    return _Restored(
        number=record.number,
        trial_id=record.number,
        state=record.state,
        value=None,
        values=values,
        params=record.params,
        distributions=dict(distributions),
        user_attrs=record.attributes,
        system_attrs={name: content for name, content in record.system.items() if name not in without},
        intermediate_values={},
        datetime_start=None,
        datetime_complete=None,
    )


class _Restored(FrozenTrial):
    """A trial that a storage takes over without a copy; deep copies of 50,000 trials would take half a minute."""

    def __deepcopy__(self, memo: dict) -> FrozenTrial:
        return self
