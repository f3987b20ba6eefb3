"""The verb `cut`: from a board to a tracker that fits it, in minutes and without any training.

A few networks are measured on the board, which tells what all others take there. The supernet that comes with chiptrack is searched for
those that track best in that time; its weights need no further training. The constants of the tracking loop are tuned for the winner, and
it is exported. What the steps leave lies beside the bundle, in `<out>.cut`, so that an interrupted cut can be resumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from latency_tables.measuring.setup import Setup
from latency_tables.tables.shipped import SHIPPED, within
from latency_tables.tables.table import table_files
from predictors.transfer.adapt import adapt, networks_at
from search.problem.specification import Limits
from search.verbs.search import JudgingOptions, RunningOptions, search
from search.verbs.steps import step
from search.verbs.summary import read_found
from supernet import shipped
from supernet.catalogue import find_architecture, find_family
from supernet.checkpoints import load_supernet, load_tracker, read_header, save_tracker
from supernet.deploy.export import write_bundle
from supernet.deploy.tune import tuned
from supernet.training.inherit import inherit
from tracking.files.atomic import sole_writer
from tracking.files.guard import Reads, Writes, guarded

_CLIPS = 16
"""Number of clips that a shortlist of the front tracks, so that a person sees its AO; it decides nothing."""


@dataclass(frozen=True)
class CuttingOptions:
    """What a tracker is cut out of, and how much is measured and judged for it."""

    supernet: Annotated[Path | None, Reads()] = None
    """Checkpoint of a supernet; by default the one that comes with chiptrack."""
    from_: Annotated[list[Path] | None, Reads(lambda paths: [file for path in paths or () for file in table_files(path)])] = None
    """Latency tables or predictors of other chips; by default those of the family that come with chiptrack."""
    networks: int = 16
    """Number of networks that are measured on the board."""
    evaluations: int = 60
    """Number of architectures that the search judges."""
    pairs: int = 1024
    """Number of fixed pairs that it judges them on, a multiple of 32."""
    workers: str = "local:2"
    """Workers that judge them; see `chiptrack search --help`."""


@dataclass(frozen=True)
class Places:
    """Where the steps of a cut leave their files."""

    predictor: Path
    run: Path
    """Folder of the search."""
    tracker: Path
    """Checkpoint of the winner."""
    bundle: Path

    @property
    def networks(self) -> Path:
        """The latency table of the networks that were measured."""
        return networks_at(self.predictor, 1)


def work_files(out: Path) -> list[Path]:
    """The bundle, and the folder beside it that holds what the steps of its cutting leave."""
    return [out, out.with_name(out.name + ".cut")]


@guarded
def cut(
    *,
    out: Annotated[Path, Writes(work_files, folder=True)],
    setup: Setup = Setup(),
    max_latency: str | None = None,
    cutting: CuttingOptions = CuttingOptions(),
    resume: bool = False,
) -> dict:
    """Cut a tracker for a board out of a trained supernet: measure, search, tune and export.

    Args:
        out: Folder of the bundle to make; it may not exist yet. What the steps leave is kept in `<out>.cut` beside it, with the page of
            the search.
        setup: The board, the runtime that runs the tracker there, and its settings.
        max_latency: Longest time a frame may take, e.g. 10ms; without it, the cheapest of the most accurate trackers is cut.
        cutting: What is cut, and how much is measured and judged for it.
        resume: Continue an interrupted cut that had the same arguments.

    Returns:
        `bundle`, the `architecture`, its figures in the search (`values`; of those that were measured, the measured ones), the predicted
        ones (`predicted`), and the page of the search (`report`).

    Raises:
        FileExistsError: The bundle exists, or an interrupted cut lies beside it and `resume` is not set.
        ValueError: No architecture meets the limit.
        ConnectionError: The board cannot be reached.
    """
    _, work = work_files(out)
    if out.exists():
        raise FileExistsError(f"a bundle is never overwritten, {out} exists; remove it or choose another --out")
    if work.exists() and not resume:
        raise FileExistsError(f"an interrupted cut must be resumed or removed, {work} holds one; add --resume or remove it")
    setup.check()
    with sole_writer(work):
        return cut_out(Places(work / "predictor.json", work / "search", work / "tracker.safetensors", out), cutting, setup, max_latency)


def cut_out(places: Places, cutting: CuttingOptions, setup: Setup = Setup(), max_latency: str | None = None, of: int = 4) -> dict:
    """Do the four steps of a cut; finished ones are not repeated.

    Args:
        places: Where the steps leave their files.
        cutting: What is cut, and how much is measured and judged for it.
        setup: The board and the runtime.
        max_latency: Longest time a frame may take, e.g. 10ms; None for no limit.
        of: Number of steps that a person is told of; those after the fourth are the caller's.

    Returns:
        What `cut` returns.
    """
    trained = cutting.supernet or shipped.SUPERNET
    step(f"[1/{of}] measure {cutting.networks} networks", places.predictor, lambda: _measure(places, cutting, trained, setup))
    step(f"[2/{of}] search, and measure the front", places.tracker, lambda: _search(places, cutting, trained, max_latency))
    step(f"[3/{of}] tune the constants of the tracking loop for the winner", places.tracker, lambda: _tune(places, trained))
    step(f"[4/{of}] export it", places.bundle, lambda: write_bundle(load_tracker(places.tracker), places.bundle))
    winner = read_found(places.run)["winner"]
    return {
        "bundle": str(places.bundle),
        "architecture": load_tracker(places.tracker).architecture.name,
        "values": winner["values"],
        "predicted": winner.get("predicted", winner["values"]),
        "report": str(places.run / "report.html"),
    }


def _measure(places: Places, cutting: CuttingOptions, trained: Path, setup: Setup) -> None:
    family = find_family(read_header(trained, "supernet").get("family"), str(trained)).name
    known = cutting.from_ or [path for path in within(SHIPPED) if path.name.startswith(f"{family}-")]
    adapt(from_=known, family=family, out=places.predictor, setup=setup, networks=cutting.networks, resume=True)


def _search(places: Places, cutting: CuttingOptions, trained: Path, max_latency: str | None) -> None:
    limits = Limits(max_latency=[max_latency] if max_latency else None)
    running = RunningOptions(evaluations=cutting.evaluations, workers=cutting.workers, resume=True)
    judging = JudgingOptions(pairs=cutting.pairs, rescoring=_CLIPS)
    search(supernet=trained, predictor=[places.predictor], out=places.run, limits=limits, judging=judging, running=running)


def _tune(places: Places, trained: Path) -> None:
    winner = find_architecture(str(places.run / read_found(places.run)["winner"]["file"]))
    checkpoint, about = tuned(inherit(load_supernet(trained), winner))
    save_tracker(places.tracker, checkpoint, {"supernet": read_header(trained, "supernet")["notes"], "tuned": about})
