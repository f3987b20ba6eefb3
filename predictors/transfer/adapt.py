"""The command `adapt`: it makes a latency predictor for a new chip from a few networks measured on it and from predictors of other chips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np

from latency_tables.measuring.carry_out import carry_out
from latency_tables.measuring.plan import Plan
from latency_tables.measuring.setup import Setup
from latency_tables.tables.table import LatencyTable, table_files
from predictors.load import load_latency
from predictors.measured import MIN_NETWORKS, check_family
from predictors.transfer.new_chip import MOST_NETWORKS, Measured, NewChip
from supernet.catalogue import find_family
from supernet.operators import BRANCHES
from supernet.space import Architecture
from tracking.files.guard import Reads, Writes, guarded
from tracking.files.progress import say

_BATCH = 3
"""Number of networks measured between two checks of the expected error, if `max_error` is given."""


@guarded
def adapt(
    *,
    from_: Annotated[list[Path] | None, Reads(table_files)] = None,
    family: str | None = None,
    out: Annotated[Path, Writes()],
    setup: Setup = Setup(),
    networks: int = 10,
    max_error: float | None = None,
    seed: int = 0,
    resume: bool = False,
) -> dict:
    """Fit a latency predictor for a new device, runtime or precision from a few networks that are measured on it.

    In the following, a chip is a combination of device, runtime and precision. How chips differ is learned from the operator times of other
    chips and from imagined chips, whose operator times are drawn at random. The networks are measured that are expected to reduce
    the error over the whole family most; the time of every operator is estimated from their times. The measured networks are kept beside
    the predictor: for phone.json in phone.networks-1.csv, and with `max_error` in one file for every three networks.

    Args:
        from_: Predictors (.json) or latency tables with operators (.csv) of other chips; all of one family of architectures. Without them
            only imagined chips are known, and `family` must be given.
        family: Family of architectures; by default that of the other chips.
        out: File to write the predictor to (.json).
        setup: The new chip.
        networks: Number of networks to measure, 3 to 50; fewer are measured if `max_error` is reached.
        max_error: Stop measuring as soon as at least 3 networks are measured and the expected error is at most this percentage; by default
            all networks are measured. The expected error is the mean absolute percentage error over random networks of the family.
        seed: Fixes the choice of networks and the order of measuring.
        resume: Continue an interrupted measurement that had the same arguments.

    Returns:
        `family` (its name), `networks` (how many were measured), `error_expected` (the expected error in percent), `error_left_out` (mean
        absolute percentage error when each measured network is predicted from the others), `learning` (a list with both errors for the
        first 3, 4, ... networks), `interval` (factors that turn a prediction into the ends of its 90 % interval) and `profile` (device,
        runtime and precision).

    Raises:
        FileNotFoundError: There is no such predictor or table.
        ValueError: A source is broken, sources are of several families, `networks`, `max_error` or `seed` is out of range, or fewer than 3
            networks run on the device.
        ConnectionError: The device cannot be reached or is in use.
    """
    out, from_ = Path(out), [Path(path) for path in from_ or ()]
    if not MIN_NETWORKS <= networks <= MOST_NETWORKS:
        raise ValueError(f"networks must be from {MIN_NETWORKS} to {MOST_NETWORKS}, got {networks}; 10 are usual")
    if max_error is not None and not max_error > 0:
        raise ValueError(f"max_error must be a positive percentage, got {max_error}; leave it out to measure all networks")
    if not 0 <= seed:
        raise ValueError(f"seed must be 0 or more, got {seed}")
    setup.check()
    sources = {path: _operator_ms(path) for path in from_}
    chosen_family = find_family(_one_family({str(path): name for path, (name, _) in sources.items()}, family))
    chip = NewChip(chosen_family, [times for _, times in sources.values()], seed)
    if_like, if_unlike = chip.forecast(networks)
    say(f"{networks} networks are expected to leave an error of {if_like:.1f} %, {if_unlike:.1f} % if the chip is unlike the others")
    chosen, tables, errors = chip.choose(networks), [], []
    batches = [chosen] if max_error is None else [chosen[i : i + _BATCH] for i in range(0, networks, _BATCH)]
    for number, batch in enumerate(batches, 1):
        measured_at = networks_at(out, number)
        carry_out(Plan(chosen_family, (), tuple(batch), setup, seed, times_only=True), out=measured_at, resume=resume)
        tables.append(LatencyTable.load(measured_at))  # numbers are rounded on disk; so a resumed run gives the same predictor
        for name, reason in _reasons(tables[-1:]).items():
            say(f"left out: {name} does not run ({reason})")
        known, measured = len(errors), _measured(chosen, tables)
        errors = chip.expected_errors(measured)
        for n in range(known, len(errors)):
            before = f"{errors[n - 1]:.1f} %" if n else "unknown"
            say(f"network {n + 1}: the expected error was {before} and is {errors[n]:.1f} %")
        if max_error is not None and len(errors) >= MIN_NETWORKS and errors[-1] <= max_error:
            say(f"the expected error is at most {max_error:g} %: measured enough")
            break
    _check_enough(measured, tables)
    about = {"from": [str(path) for path in from_]}
    predictor = chip.fit(measured, tables[0].profile, tables[0].reference_ms, about)
    predictor.save(out)
    fit = predictor.about["fit"]
    return {
        "family": chosen_family.name,
        "networks": fit["networks"],
        "error_expected": fit["expected_mape"],
        "error_left_out": fit["scores"]["transfer"]["mape"],
        "learning": fit["learning"],
        "interval": predictor.interval.factors,
        "profile": predictor.profile.to_json(),
    }


def networks_at(out: Path, number: int) -> Path:
    """The latency table of the networks that were measured for a predictor, of the batch with this number, from 1."""
    return out.with_name(f"{out.stem}.networks-{number}.csv")


def _operator_ms(path: Path) -> tuple[str, dict[str, float]]:
    """Return the name of the family, and the milliseconds of its operators by key, from a predictor or a latency table."""
    if path.suffix != ".csv":
        predictor = load_latency(path)
        return predictor.family, dict(predictor.operator_ms)
    table = LatencyTable.load(path)
    check_family(table)
    if not table.operators:
        raise ValueError(f"a table of another chip must have operators, {path} has none; give one made by chiptrack measure")
    return table.profile.family, table.operator_ms()


def _one_family(families: dict[str, str], wanted: str | None) -> str:
    """Return the family that all sources share and that is wanted; raises ValueError if there are several or none."""
    families = families if wanted is None else {**families, "--family": wanted}
    if not families:
        raise ValueError("without predictors or tables of other chips the family must be known, got neither; add --from or --family")
    if len(set(families.values())) > 1:
        listed = ", ".join(f"{path} of {family}" for path, family in families.items())
        raise ValueError(f"predictors and tables of other chips must be of one family, got {listed}; adapt each family by itself")
    return next(iter(families.values()))


def _measured(chosen: Sequence[Architecture], tables: Sequence[LatencyTable]) -> Measured:
    """Return the networks that ran in all branches, in the order of `chosen`, with their times.

    The device may run faster during one table than during another. Therefore times are taken as multiples of the reference model's time in
    the same table, and multiplied by its time in the first table.
    """
    branches = find_family(chosen[0].family).branches
    relative = {row: m.reference_units for table in tables for row, m in table.networks.items()}
    ran = [a for a in chosen if all((a.name, branch) in relative for branch in branches)]
    times = [np.array([relative[a.name, branch] * tables[0].reference_ms for a in ran if branch in branches]) for branch in BRANCHES]
    return Measured(tuple(ran), *times)


def _reasons(tables: Sequence[LatencyTable]) -> dict[str, str]:
    """Why networks do not run, by the name of the network."""
    return {name: reason for table in tables for (name, _), reason in table.unsupported.items()}


def _check_enough(measured: Measured, tables: Sequence[LatencyTable]) -> None:
    """Raise ValueError if so many networks do not run that fewer than 3 are left."""
    reasons = _reasons(tables)
    if reasons and len(measured.architectures) < MIN_NETWORKS:
        raise ValueError(
            f"at least {MIN_NETWORKS} networks must run on the new chip, {len(measured.architectures)} do ({next(iter(reasons.values()))}); "
            "chiptrack measure finds out which operators it lacks"
        )
