"""Measures whole networks under the profile of an earlier measurement, so that both can be compared."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace

from latency_tables.measuring.carry_out import carry_out_anew
from latency_tables.measuring.plan import Plan
from latency_tables.measuring.session import Session
from latency_tables.measuring.setup import Setup
from latency_tables.tables.profile import Profile
from supernet.catalogue import find_family
from supernet.operators import Branch
from supernet.space import Architecture


def check_at_hand(profile: Profile) -> None:
    """Check, within seconds and without measuring, that networks can be measured under a profile now.

    Raises:
        ValueError: The profile's runtime cannot be measured from here, or the device, the runtime's version or something else in the
            profile is no longer the same.
        ImportError: The runtime is not installed.
        ConnectionError: The device cannot be reached or is in use.
    """
    setup = Setup.of(profile)
    setup.check()
    with Session(setup.device, lambda: setup.connect(secrets.token_hex(8)), setup.host(), {}, 0) as session:
        _check_same(profile, setup.profile(profile.family, session.info))


def measure_networks(
    architectures: Sequence[Architecture], profile: Profile, reference_ms: float, seed: int = 1, wait_minutes: float = 30.0
) -> list[dict[Branch, float]]:
    """Measure whole networks, to compare them with a latency table of the same device or with its predictor.

    Args:
        architectures: Architectures of the profile's family; one that is given twice is measured once.
        profile: Profile of the measured table or predictor to compare with; the networks are measured under it.
        reference_ms: Milliseconds of the reference model in that table.
        seed: Fixes the order of measuring.
        wait_minutes: Minutes to wait for a device that was lost.

    Returns:
        For each architecture its milliseconds by branch (`search` runs on every frame, `template` once for each target), at the speed
        that the device had when the table was measured.

    Raises:
        ValueError: An architecture is of another family, the runtime cannot run it, or the profile is no longer the same.
        ConnectionError: The device cannot be reached or is in use.
    """
    strangers = [a.name for a in architectures if a.family != profile.family]
    if strangers:
        raise ValueError(f"networks must be of the table's family {profile.family}, {strangers[0]} is not; measure a table of its family")
    if not architectures:
        return []
    different = tuple({a.name: a for a in architectures}.values())
    family, setup = find_family(profile.family), replace(Setup.of(profile), wait_minutes=wait_minutes)
    anew = carry_out_anew(Plan(family, (), different, setup, seed, times_only=True))
    _check_same(profile, anew.profile)
    for (name, _), reason in anew.unsupported.items():
        raise ValueError(f"networks must run on {profile.runtime}, {name} does not ({reason}); choose another architecture")
    return [{branch: anew.networks[a.name, branch].reference_units * reference_ms for branch in family.branches} for a in architectures]


def _check_same(profile: Profile, now: Profile) -> None:
    """Raises `ValueError` if the profile of now is not that of the table."""
    if now != profile:
        changed = "; ".join(f"{name} was {before}, is {after}" for name, (before, after) in profile.differences(now).items())
        raise ValueError(f"networks must be measured under the profile of the table, {changed}; measure the table again")
