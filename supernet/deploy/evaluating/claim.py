"""Which model and data set a results folder is for, and which of its sequences are tracked already."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from supernet.deploy.evaluating.work import Job
from tracking.files.atomic import write_text
from tracking.files.progress import say
from tracking.files.records import read_record, texts
from tracking.files.runs import FURTHER, finished
from tracking.sequence import Sequence as Film
from tracking.sequence import fingerprint


def claim(out: Path, settings: Mapping[str, object], resume: bool) -> None:
    """Record in a results folder what it is for; if it is to be resumed, check that this is the same.

    Raises:
        OSError: The folder holds files and is not to be resumed.
        ValueError: It is for another model, data set or benchmark, or for nobody knows what.
    """
    kept = out / "settings.json"
    if out.exists() and any(out.iterdir()):
        if not resume:
            raise FileExistsError(f"a results folder must be new or empty, {out} holds files; add --resume or choose another --out")
        try:
            before = read_record(kept)
        except (OSError, ValueError) as err:
            raise ValueError(f"a resumed evaluation must have its settings, {kept} has none ({err}); choose another --out") from err
        if before | {"model": settings["model"]} != settings:  # the file of the same weights may have been moved
            raise ValueError(f"a resumed evaluation must keep its model and data set, {kept} says otherwise; choose another --out")
    write_text(kept, json.dumps(settings, indent=1) + "\n")


def content_of(model: str) -> str:
    """A checksum of a checkpoint, or of the tracker.json of a bundle, which holds checksums of the rest."""
    path = Path(model)
    return hashlib.sha256((path / "tracker.json" if path.is_dir() else path).read_bytes()).hexdigest()


def check_names(sequences: Iterable[Film]) -> None:
    """Check that no two sequences would share a file of results.

    Raises:
        ValueError: Two would.
    """
    files = Counter(f"{sequence.name}{part}" for sequence in sequences for part in ("", *FURTHER))
    if twice := [name for name, count in files.items() if count > 1]:
        raise ValueError(
            f"results are files named after sequences, {', '.join(twice[:3])} would be written twice; rename folders below --root"
        )


def still_valid(jobs: Sequence[Job], out: Path) -> dict[Path, set[str]]:
    """Find the sequences that are tracked already; boxes of sequences whose content has changed since then are removed.

    Args:
        jobs: What is to be tracked, in one or several results folders.
        out: Folder that keeps what the sequences were.

    Returns:
        For each of the results folders, the names of the sequences that need not be tracked again.
    """
    kept, now = out / "sources.json", _sources(jobs)
    try:
        before = texts(read_record(kept)) if kept.is_file() else {}
    except ValueError as err:
        raise ValueError(f"sources.json must be as `chiptrack evaluate` writes it, {kept} is not ({err}); choose another --out") from err
    done = {folder: set(finished(folder)) & now.keys() for folder in {job.folder for job in jobs}}
    for name in sorted(set().union(*done.values())):
        if before.get(name) == now[name]:
            continue
        say(f"{name} has changed since it was tracked, and is tracked again")
        for folder, names in done.items():
            (folder / f"{name}.txt").unlink(missing_ok=True)
            names.discard(name)
    write_text(kept, json.dumps(before | now, indent=1) + "\n")
    return done


def _sources(jobs: Sequence[Job]) -> dict[str, str]:
    """A checksum, by name of the sequence, of all that decides how it is tracked."""
    sources: dict[str, str] = {}
    for job in jobs:
        if job.sequence.name not in sources:
            own = fingerprint(job.sequence)
            decides = b"" if job.regions is None else job.regions.tobytes()
            sources[job.sequence.name] = hashlib.sha256(own.encode() + decides).hexdigest() if decides else own
    return sources
