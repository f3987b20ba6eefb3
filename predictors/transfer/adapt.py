"""The verb `adapt`: a latency predictor for a new chip, from a few networks measured on it and from the predictors of other chips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from latency_tables.measuring.carry_out import carry_out
from latency_tables.measuring.plan import Plan
from latency_tables.measuring.setup import Setup
from latency_tables.tables.table import LatencyTable, manifest_path
from predictors.load import load_latency
from predictors.measured import MIN_NETWORKS, check_family
from predictors.transfer.new_chip import MOST_NETWORKS, Measured, NewChip
from supernet.catalogue import find_family
from supernet.operators import BRANCHES
from supernet.space import Architecture
from tracking.files.atomic import check_target
from tracking.files.progress import say

_BATCH = 3
"""Number of networks measured between two checks of the expected error, if `max_error` is given."""


def adapt(
    *,
    from_: list[Path],
    out: Path,
    setup: Setup = Setup(),
    networks: int = 10,
    max_error: float | None = None,
    seed: int = 0,
    resume: bool = False,
) -> dict:
    """Fit a latency predictor for a new chip, runtime or precision from a few networks measured there.

    How chips differ is learned from predictors or latency tables of other chips, and from imagined chips with random costs. The networks
    that tell most about all others are measured, and from these the time of every operator is estimated. An int8 predictor can be made
    from fp32 tables in the same way. Measurements are kept beside the predictor: for phone.json as phone.networks-1.csv and so on.

    Args:
        from_: Predictors (.json) or latency tables (.csv) of other chips, or of this chip in another precision; all of one family.
        out: File to write the predictor to (.json).
        setup: The new chip, and what runs the networks.
        networks: Number of networks to measure, 3 to 50.
        max_error: Stop measuring as soon as the expected error is at most this percentage; by default all networks are measured.
        seed: Fixes the choice of networks and the order of measuring.
        resume: Continue an interrupted measurement that had the same settings.

    Returns:
        `family`, `networks` (how many were measured), `error_expected` in percent over random networks, `error_left_out` in percent (each
        measured network predicted from the others), `learning` (both errors by number of networks), `interval` and `profile`.

    Raises:
        FileNotFoundError: There is no such predictor or table.
        ValueError: A source is broken, sources are of several families, a number is out of range, or too few networks run on the device.
        ConnectionError: The device cannot be reached or is in use.
    """
    out, from_ = Path(out), [Path(path) for path in from_]
    if not MIN_NETWORKS <= networks <= MOST_NETWORKS:
        raise ValueError(f"networks must be from {MIN_NETWORKS} to {MOST_NETWORKS}, got {networks}; 10 are usual")
    if max_error is not None and not max_error > 0:
        raise ValueError(f"max_error must be a positive percentage, got {max_error}; leave it out to measure all networks")
    if not 0 <= seed:
        raise ValueError(f"seed must be 0 or more, got {seed}")
    setup.check()
    check_target(out, *from_, *(manifest_path(path) for path in from_ if path.suffix == ".csv"))
    sources = {path: _operator_ms(path) for path in from_}
    family = find_family(_one_family({path: name for path, (name, _) in sources.items()}))
    chip = NewChip(family, [times for _, times in sources.values()], seed)
    like, strange = chip.forecast(networks)
    say(f"{networks} networks are expected to leave an error of {like:.1f} %, {strange:.1f} % if the chip is unlike the others")
    asked, tables = chip.choose(networks), []
    batches = [asked] if max_error is None else [asked[i : i + _BATCH] for i in range(0, networks, _BATCH)]
    for number, batch in enumerate(batches, 1):
        measured_at = out.with_name(f"{out.stem}.networks-{number}.csv")
        carry_out(Plan(family, (), tuple(batch), setup, seed, times_only=True), out=measured_at, resume=resume)
        tables.append(LatencyTable.load(measured_at))  # as it is on disk, so that a resumed run says the same
        measured = _measured(asked, tables)
        errors = chip.expected_errors(measured)
        for n in range(len(errors) - len(tables[-1].networks) // 2, len(errors)):
            before = f"{errors[n - 1]:.1f} %" if n else "unknown"
            say(f"network {n + 1}: the expected error was {before} and is {errors[n]:.1f} %")
        if max_error is not None and len(errors) >= MIN_NETWORKS and errors[-1] <= max_error:
            say(f"the expected error is at most {max_error:g} %: measured enough")
            break
    about = {"from": [str(path) for path in from_]}
    predictor = chip.fit(measured, tables[0].profile, tables[0].reference_ms, about)
    predictor.save(out)
    fit = predictor.about["fit"]
    return {
        "family": family.name,
        "networks": fit["networks"],
        "error_expected": fit["expected_mape"],
        "error_left_out": fit["scores"]["transfer"]["mape"],
        "learning": fit["learning"],
        "interval": predictor.interval.factors,
        "profile": predictor.profile.to_json(),
    }


def _operator_ms(path: Path) -> tuple[str, dict[str, float]]:
    """Family and milliseconds of operators by key, from a predictor or a latency table."""
    if path.suffix != ".csv":
        predictor = load_latency(path)
        return predictor.family, dict(predictor.operator_ms)
    table = LatencyTable.load(path)
    check_family(table)
    if not table.operators:
        raise ValueError(f"a table of another chip must have operators, {path} has none; give one made by chiptrack measure")
    return table.profile.family, table.operator_ms()


def _one_family(families: dict[Path, str]) -> str:
    """The family that all sources are of; raises ValueError if there are several."""
    if len(set(families.values())) > 1:
        listed = ", ".join(f"{path} of {family}" for path, family in families.items())
        raise ValueError(f"the predictors of other chips must be of one family, got {listed}; adapt each family by itself")
    return next(iter(families.values()))


def _measured(asked: Sequence[Architecture], tables: Sequence[LatencyTable]) -> Measured:
    """The networks that ran, in the order in which they were asked for, in milliseconds at the device's speed of the first measurement.

    Raises:
        ValueError: Fewer than 3 networks ran.
    """
    reasons = {name: reason for table in tables for (name, _), reason in table.unsupported.items()}
    for name, reason in reasons.items():
        say(f"left out: {name} does not run ({reason})")
    branches = find_family(tables[0].profile.family).branches
    units = {row: m.reference_units for table in tables for row, m in table.networks.items()}
    ran = [a for a in asked if all((a.name, branch) in units for branch in branches)]
    if reasons and len(ran) < MIN_NETWORKS:
        raise ValueError(
            f"at least {MIN_NETWORKS} networks must run on the new chip, {len(ran)} do ({next(iter(reasons.values()))}); "
            "chiptrack measure finds out which operators it lacks"
        )
    scale = tables[0].reference_ms
    times = [np.array([units[a.name, branch] * scale for a in ran if branch in branches]) for branch in BRANCHES]
    return Measured(tuple(ran), *times)
