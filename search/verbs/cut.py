"""The verb `cut`: from a board to a tracker that fits it, in minutes and without any training.

A few networks are measured on the board, which tells what all others take there. The supernet that comes with chiptrack is searched for
those that track best in that time; its weights need no further training. The constants of the tracking loop are tuned for the winner, and
it is exported. What the steps leave lies beside the bundle, in `<out>.cut`, so that an interrupted cut can be resumed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from latency_tables.measuring.setup import Setup
from latency_tables.tables.shipped import SHIPPED, within
from predictors.transfer.adapt import adapt
from search.problem.specification import Limits
from search.verbs.search import JudgingOptions, RunningOptions, search
from supernet import shipped
from supernet.catalogue import find_architecture
from supernet.checkpoints import load_supernet, load_tracker, read_header, save_tracker
from supernet.deploy.export import write_bundle
from supernet.deploy.tune import tuned
from supernet.training.inherit import inherit
from tracking.files.atomic import sole_writer
from tracking.files.guard import Reads, Writes, guarded
from tracking.files.progress import say


def work_folder(out: Path) -> Path:
    """The folder beside a bundle that holds what the steps of its cutting leave."""
    return out.with_name(out.name + ".cut")


def known_tables(family: str) -> list[Path]:
    """The latency tables of a family that come with chiptrack."""
    return [path for path in within(SHIPPED) if path.name.startswith(f"{family}-")]


@guarded
def cut(
    *,
    out: Annotated[Path, Writes(folder=True)],
    setup: Setup = Setup(),
    max_latency: str | None = None,
    supernet: Annotated[Path | None, Reads()] = None,
    from_: Annotated[list[Path] | None, Reads()] = None,
    networks: int = 16,
    evaluations: int = 60,
    workers: str = "local:2",
    resume: bool = False,
) -> dict:
    """Cut a tracker for a board out of a trained supernet: measure, search, tune and export.

    Args:
        out: Folder of the bundle to make; it may not exist yet. What the steps leave is kept in `<out>.cut` beside it, with the page of
            the search.
        setup: The board, the runtime that runs the tracker there, and its settings.
        max_latency: Longest time a frame may take, e.g. 10ms; without it, the cheapest of the most accurate trackers is cut.
        supernet: Checkpoint of a supernet; by default the one that comes with chiptrack.
        from_: Latency tables or predictors of other chips; by default those of the family that come with chiptrack.
        networks: Number of networks that are measured on the board.
        evaluations: Number of architectures that the search judges.
        workers: Workers that judge them; see `search`.
        resume: Continue an interrupted cut that had the same arguments.

    Returns:
        `bundle`, the architecture, its multiply-adds, its milliseconds a frame as predicted and as measured on the board, and its
        accuracy.

    Raises:
        FileExistsError: The bundle exists, or an interrupted cut lies beside it and `resume` is not set.
        ValueError: No architecture meets the limit.
        ConnectionError: The board cannot be reached.
    """
    work, trained = work_folder(out), supernet or shipped.SUPERNET
    if out.exists():
        raise FileExistsError(f"a bundle is never overwritten, {out} exists; remove it or choose another --out")
    if work.exists() and not resume:
        raise FileExistsError(f"an interrupted cut must be resumed or removed, {work} holds one; add --resume or remove it")
    setup.check()
    family = load_supernet(trained).family.name
    predictor, run, tracker = work / "predictor.json", work / "search", work / "tracker.safetensors"
    with sole_writer(work):
        if not predictor.exists():
            say(f"[1/4] measure {networks} networks on the board")
            adapt(from_=from_ or known_tables(family), out=predictor, setup=setup, networks=networks, resume=resume)
        say("[2/4] search, and measure the front")
        limits = Limits(max_latency=[max_latency] if max_latency else None)
        running = RunningOptions(evaluations=evaluations, workers=workers, resume=True)
        found = search(supernet=trained, predictor=[predictor], out=run, limits=limits, judging=JudgingOptions(), running=running)
        winner = found["winner"]
        if not tracker.exists():
            say("[3/4] tune the constants of the tracking loop for the winner")
            chosen = find_architecture(str(run / winner["file"]))
            checkpoint, figures = tuned(inherit(load_supernet(trained), chosen))
            notes = {"supernet": read_header(trained, "supernet")["notes"], "tuned": figures}
            save_tracker(tracker, checkpoint, notes)
        say("[4/4] export it")
        checkpoint = load_tracker(tracker)
        write_bundle(checkpoint, out)
    return {
        "bundle": str(out),
        "architecture": checkpoint.architecture.name,
        **{name: value for name, value in winner["values"].items()},
        "predicted": winner.get("predicted", winner["values"]),
        "report": str(run / "report.html"),
    }
