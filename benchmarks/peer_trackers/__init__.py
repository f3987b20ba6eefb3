"""The peers of `benchmarks.peers`: what runs each, which files it needs, and how it is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peer_trackers.opencv import opencv
from benchmarks.peer_trackers.openvino import lighttrack_openvino
from tracking.trackers import Procedure


@dataclass(frozen=True)
class Peer:
    """A tracker that others made and that is loaded from their files."""

    by: str
    """What runs it."""
    files: tuple[str, ...]
    """The files that it needs, in the folder of weights."""
    load: Callable[..., Procedure]
    """Function from the paths of the files, in order, to the tracker."""
    note: str | None = None
    """What a reader of its figures should know."""

    def loaded(self, folder: Path) -> Procedure:
        """The tracker with the files of a folder.

        Raises:
            FileNotFoundError: A file is missing.
        """
        for name in self.files:
            if not (folder / name).exists():
                raise FileNotFoundError(f"its file {name} is missing")
        return self.load(*(folder / name for name in self.files))


def _nano(backbone: Path, head: Path) -> Procedure:
    return opencv("TrackerNano", backbone=str(backbone), neckhead=str(head))


def _vit(network: Path) -> Procedure:
    return opencv("TrackerVit", net=str(network))


PEERS: dict[str, Peer] = {
    "LightTrack-Mobile, public graphs": Peer(
        "OpenVINO", ("lighttrack_mobile_openvino",), lambda folder: lighttrack_openvino(folder), "search crops of 256 px only"
    ),
    "NanoTrack V2": Peer("OpenCV", ("nanotrackv2_nanotrack_backbone_sim.onnx", "nanotrackv2_nanotrack_head_sim.onnx"), _nano),
    "NanoTrack V3": Peer("OpenCV", ("nanotrackv3_nanotrack_backbone.onnx", "nanotrackv3_nanotrack_head.onnx"), _nano),
    "VitTrack": Peer("OpenCV", ("object_tracking_vittrack_2023sep.onnx",), _vit),
    "CSRT": Peer("OpenCV", (), lambda: opencv("TrackerCSRT")),
    "KCF": Peer("OpenCV", (), lambda: opencv("TrackerKCF")),
}
"""The peers by name, in the order of the table."""
