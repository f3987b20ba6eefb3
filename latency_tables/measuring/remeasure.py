"""Whole networks measured anew where something was measured before, so that both can be compared."""

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
    """Refuse a profile whose device is not here now, within seconds and without measuring.

    Raises:
        ValueError: Its runtime is none that can be measured from here, or the device, or what runs on it, is no longer what it was.
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
    """Measure whole networks anew, to compare with what a table says or its predictor.

    Args:
        architectures: All of the profile's family.
        profile: Of a measured table or its predictor; the networks run where and as that did.
        reference_ms: Milliseconds of the reference model then.
        seed: Fixes the order of measuring.
        wait_minutes: How long to wait for a device that was lost.

    Returns:
        Milliseconds of each by branch (search: a frame, template: a new target), at the speed that the device had then.

    Raises:
        ValueError: An architecture is of another family, the runtime cannot run it, or the device is no longer what it was.
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
    if now != profile:
        changed = "; ".join(f"{name} was {before}, is {after}" for name, (before, after) in profile.differences(now).items())
        raise ValueError(f"networks must be measured under the profile of the table, {changed}; measure the table again")
