"""Carrying out a plan: from a journal, a device and its models to a table on disk."""

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
from tracking.files.atomic import check_target, sole_writer
from tracking.files.progress import say


def carry_out_anew(plan: Plan) -> LatencyTable:
    """Measure what a plan lists and keep no file."""
    with tempfile.TemporaryDirectory() as scratch:
        return carry_out(plan, out=Path(scratch) / "table.csv")


def carry_out(plan: Plan, *, out: Path, resume: bool = False) -> LatencyTable:
    """Measure what a plan lists, and write it; see `measure`.

    Returns:
        The table, as written to `out`.

    Raises:
        ValueError: Device, runtime or precision is unknown, or `out` is in the way.
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
            part.unlink(missing_ok=True)
            say(f"{out} is complete")
            return table
        with Journal(part, settings, resume) as journal:
            campaign = Campaign(journal, plan.protocol, profile.clock, setup.precision, setup.checked, plan.seed)
            session.sha256.update(campaign.sha256())
            campaign.run(session, list(plan.references), list(plan.models), plan.memory_of, plan.energy_of)
        table = plan.table(profile, campaign, {**_about(session.info, campaign), "settings": settings})
        table.save(out)
        part.unlink()
        try:
            session.clear()
        except ConnectionError as err:
            say(f"{err}; the models stay there until the next measurement ends")
    return table


def check_out(out: Path, resume: bool) -> None:
    """Refuse a target that cannot be written or must not be replaced."""
    check_target(out)
    for path in (out, manifest_path(out), out.with_name(out.name + ".part")):
        if path.exists() and not resume:
            raise ValueError(f"a measurement must not replace another, {path} exists; add --resume or choose another --out")


def _about(info: dict, campaign: Campaign) -> dict:
    import numpy
    import onnx
    import onnxruntime
    import torch

    # not what is installed: ONNX Runtime comes as one of several packages
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
