"""Trackers of others and ours in one table: accuracy, accuracy in real time, milliseconds a frame and memory, on the same sequences.

    python -m benchmarks.peers SEQUENCES --weights WEIGHTS supernet/data/tracker.safetensors

Every tracker runs on one thread in a process of its own (`benchmarks.peer_trackers.alone`), one after the other. Checkpoints are exported first
and run by ONNX Runtime, LightTrack-Mobile's public weights among them. A peer whose file or class is missing, or which does not run, has a row
that says why; it is tried again the next time, while rows with figures stay.

AO, success and precision are those of one pass (`tracking.benchmarks.one_pass`), means over sequences. AO@30 is AO behind a camera of 30 frames a
second that does not wait (`tracking.camera`): simulated from the median milliseconds of the sequence, and really timed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.peer_trackers import PEERS
from benchmarks.peer_trackers.alone import clips
from benchmarks.record import RESULTS, Record, table
from supernet import shipped

HEAD = {
    "tracker": "tracker",
    "by": "run by",
    "ao": "AO",
    "success": "success",
    "precision": "precision",
    "ao_30_simulated": "AO@30, simulated",
    "ao_30": "AO@30, real",
    "ao_60_simulated": "AO@60, simulated",
    "ao_60": "AO@60, real",
    "ms": "ms a frame, median",
    "ms_p95": "95th percentile",
    "rss_mb": "memory, MB",
    "note": "note",
}
MOBILE = "lighttrack_mobile.pth"
"""LightTrack-Mobile's public weights, in the folder of weights."""


def bundle_of(model: Path, folder: Path, architecture: str | None = None) -> Path:
    """The bundle of a checkpoint, which is exported unless it is there already; a bundle is its own.

    Args:
        model: A bundle, a checkpoint, or official weights.
        folder: Where bundles are kept, named by the content of the checkpoint.
        architecture: What official weights belong to.
    """
    if model.is_dir():
        return model
    content = hashlib.sha256(model.read_bytes()).hexdigest()[:12]
    out, checkpoint = folder / f"{model.stem}-{content}", model
    if not out.is_dir():
        from supernet.deploy.export import export
        from supernet.import_weights import import_weights

        folder.mkdir(parents=True, exist_ok=True)
        if architecture is not None:
            checkpoint = folder / f"{out.name}.safetensors"
            import_weights(model, architecture=architecture, out=checkpoint)
        export(str(checkpoint), out=out)
    return out


def figures_of(tracker: str | None, sequences: Path, weights: Path, frames: int | None) -> dict:
    """The figures of one tracker, measured in a process of its own, or why there are none.

    Raises:
        subprocess.CalledProcessError: The measurement failed other than by the tracker.
    """
    if tracker is None:
        return {"note": f"its file {MOBILE} is missing"}
    asked = [tracker, str(sequences), "--weights", str(weights), *(["--frames", str(frames)] if frames else [])]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-m", "benchmarks.peer_trackers.alone", *asked], env=env, stdout=subprocess.PIPE, text=True)
    if done.returncode < 0:  # a network can make a library end its process
        return {"note": f"its process was ended by signal {-done.returncode}"}
    done.check_returncode()
    return json.loads(done.stdout.splitlines()[-1])


def trackers(weights: Path, models: Sequence[Path], work: Path) -> dict[str, tuple[str, str, str | None]]:
    """What there is to measure: by key of the record the name, what runs it, and what `alone` takes, or None if its file is missing."""
    mobile = weights / MOBILE
    bundle = str(bundle_of(mobile, work, "lighttrack-mobile")) if mobile.is_file() else None
    found: dict[str, tuple[str, str, str | None]] = {"LightTrack-Mobile": ("LightTrack-Mobile", "ONNX Runtime", bundle)}
    found |= {name: (name, peer.by, name) for name, peer in PEERS.items()}
    for model in models:
        bundle = bundle_of(model, work)
        found[f"ours:{bundle.name}"] = (f"ours: {model.stem}", "ONNX Runtime", str(bundle))
    return found


def fill(record: Record, found: Mapping[str, tuple[str, str, str | None]], sequences: Path, weights: Path, frames: int | None) -> None:
    """Measure what the record has no figures of yet, row by row."""
    for key, (name, by, asked) in found.items():
        if record.rows.get(key, {}).get("ao") is None:
            record.rows.pop(key, None)  # whatever was missing may be there now
        record.row(key, lambda name=name, by=by, asked=asked: {"tracker": name, "by": by, **figures_of(asked, sequences, weights, frames)})


def show(rows: Mapping[str, Mapping]) -> str:
    """The table of docs/results.md, from the rows of a record."""
    return table(HEAD, list(rows.values()))


def main() -> None:
    """Measure the trackers that the command line names, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sequences", type=Path, help="folder of sequence folders")
    parser.add_argument("models", type=Path, nargs="*", default=[shipped.TRACKER], help="checkpoints or bundles; by default what ships")
    parser.add_argument("--weights", type=Path, required=True, help="folder of the peers' files")
    parser.add_argument("--frames", type=int, help="use the first frames of each sequence only")
    parser.add_argument("--meanwhile", default="nothing", help="what else the machine does, which the record keeps")
    parser.add_argument("--work", type=Path, default=Path("runs/peer-bundles"), help="where exported bundles are kept")
    parser.add_argument("--out", type=Path, default=RESULTS / "peers.json")
    given = parser.parse_args()
    used = {clip.name: len(clip) for clip in clips(given.sequences, given.frames)}
    record = Record(given.out, "peers.py", {"sequences": used, "threads": 1, "meanwhile": given.meanwhile})
    fill(record, trackers(given.weights, given.models, given.work), given.sequences, given.weights, given.frames)
    print(show(record.rows))


if __name__ == "__main__":
    main()
