"""Carries out a plan: measures its models on a device, keeping a journal, and writes the latency table."""

from __future__ import annotations

import datetime
import platform
import secrets
import tempfile
from dataclasses import asdict
from pathlib import Path

from latency_tables.measuring.campaign import Campaign, readings
from latency_tables.measuring.journal import Journal, check_settings
from latency_tables.measuring.plan import Plan
from latency_tables.measuring.session import Session
from latency_tables.tables.table import LatencyTable, manifest_path
from tracking.files.atomic import sole_writer
from tracking.files.progress import say


def carry_out_anew(plan: Plan) -> LatencyTable:
    """Measure what a plan lists, from the beginning, and keep no file; raises what `carry_out` raises."""
    with tempfile.TemporaryDirectory() as scratch:
        return carry_out(plan, out=Path(scratch) / "table.csv")


def carry_out(plan: Plan, *, out: Path, resume: bool = False) -> LatencyTable:
    """Measure what a plan lists, and write the latency table.

    Args:
        plan: What to measure, and where.
        out: Path of the table, a .csv file.
        resume: Go on with the journal of an interrupted measurement, if there is one. A table that is complete is read and returned.

    Returns:
        The table, as written to `out`.

    Raises:
        ValueError: Device, runtime or another setting is unknown or out of range; `out` holds another measurement; or the settings
            are not those of the measurement to resume.
        OSError: `out` cannot be written, or another process is writing it.
        ConnectionError: The device cannot be reached or is in use.
    """
    out = Path(out)
    plan.setup.check()
    check_out(out, resume)
    with sole_writer(out):
        return _carry_out(plan, out, resume)


def _carry_out(plan: Plan, out: Path, resume: bool) -> LatencyTable:
    part = out.with_name(out.name + ".part")
    setup, run = plan.setup, secrets.token_hex(8)
    models = {**plan.references, **plan.models}
    with Session(setup.device, lambda: setup.connect(run), setup.host(), models, setup.wait_s) as session:
        profile = setup.profile(plan.family.name, session.info)
        settings = {**asdict(profile), **plan.settings()}
        if out.exists():
            table = LatencyTable.load(out)
            check_settings(table.about.get("settings", {}), settings, out)
            if part.exists():  # it was killed between the two
                _clear(session)
                part.unlink()
            say(f"{out} is complete")
            return table
        with Journal(part, settings, resume) as journal:
            campaign = Campaign(journal, plan.protocol, profile.clock, setup.precision, setup.checked, plan.seed)
            session.sha256.update(campaign.sha256())
            campaign.run(session, list(plan.references), list(plan.models), plan.memory_of, plan.energy_of)
        table = plan.table(profile, campaign, {**_about(session.info, campaign), "settings": settings})
        table.save(out)
        _clear(session)
        part.unlink()
    return table


def _clear(session: Session) -> None:
    """Remove the models from the device, unless it was lost."""
    try:
        session.clear()
    except ConnectionError as err:
        say(f"{err}; the models stay there until the next measurement ends")


def measurement_files(out: Path) -> list[Path]:
    """The files that a measurement writes: the table, its manifest and its journal."""
    return [out, manifest_path(out), out.with_name(out.name + ".part")]


def check_out(out: Path, resume: bool) -> None:
    """Refuse a path for a new table that holds one, unless its measurement is to be resumed; `Journal` judges an unfinished one.

    Raises:
        ValueError: A table or its manifest exists, and `resume` is false.
    """
    for path in (out, manifest_path(out)):
        if path.exists() and not resume:
            raise ValueError(f"a measurement must not replace another, {path} exists; add --resume or choose another --out")


def _about(info: dict, campaign: Campaign) -> dict:
    """What the manifest says about how a table was measured; `info` is what the device says of itself."""
    import numpy
    import onnx
    import onnxruntime
    import torch

    # versions of the imported modules, since the package that ONNX Runtime was installed from has one of several names
    packages = {package.__name__: package.__version__ for package in (torch, numpy, onnx, onnxruntime)}
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "governor": info["governor"],
        "cores_of_device": info["cores"],
        "readings": readings(campaign.timed),
        "energy": campaign.meter or "unavailable",
        "reference": campaign.reference,
        "largest_difference_from_onnxruntime": campaign.largest_difference,
        "pauses_to_cool_down": campaign.pauses,
        "versions": {"python": platform.python_version(), **packages},
    }
