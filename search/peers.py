"""Published figures of siamese trackers, to set a search's beside: the points of Figure 1 in Yan et al., LightTrack, CVPR 2021.

They are as their papers print them, never measured here. EAO is that of VOT2019 (real video); the AO of a search on its own validation
sequences is another figure, and neither can be read off the other. Multiply-adds are counted as fvcore does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from latency_tables.table import LatencyTable, MissingOperators
from latency_tables.tables import SHIPPED
from predictors.fit import fit
from predictors.predictor import LatencyPredictor
from supernet.catalogue import find_architecture

_TABLE = "lighttrack-onnxruntime-fp32.csv"


@dataclass(frozen=True)
class Peer:
    """A published tracker."""

    name: str
    paper: str
    macs: float
    """Multiply-adds per frame."""
    params: float | None
    """Parameters; None where no source gives them."""
    eao: float | None
    """Expected average overlap on VOT2019; None where no source gives it."""
    source: str
    """Where the figures were read."""
    verified: bool = True
    """Whether every figure was read in its source."""
    preset: str | None = None
    """By which name chiptrack can build it; None where it cannot."""


_INTRODUCTION = "LightTrack, introduction"
PEERS = (
    Peer("SiamFC, AlexNet", "Bertinetto et al., ECCV workshops 2016", 2.7e9, 2.3e6, None, _INTRODUCTION),
    Peer("SiamRPN++, MobileNet-V2", "Li et al., CVPR 2019", 7.1e9, 11.2e6, 0.292, f"{_INTRODUCTION}; EAO from a page about the paper"),
    Peer("SiamRPN++, ResNet-50", "Li et al., CVPR 2019", 48.9e9, None, 0.287, f"{_INTRODUCTION}: 4.6 points below LightTrack"),
    Peer("Ocean, offline, ResNet-50", "Zhang et al., ECCV 2020", 20.3e9, 25.9e6, 0.327, f"{_INTRODUCTION}; EAO not verified", False),
    Peer("LightTrack-Mobile", "Yan et al., CVPR 2021", 530e6, 1.97e6, 0.333, "LightTrack", preset="lighttrack-mobile"),
    Peer("LightTrack, larger", "Yan et al., CVPR 2021", 790e6, None, 0.357, "LightTrack, Figure 1"),
)


@dataclass(frozen=True)
class PeerTime:
    """Milliseconds per frame of a peer whose graph can be built, from a latency table that was measured on a device."""

    ms: float
    low: float
    high: float
    device: str


def peer_times(predictors: Mapping[str, LatencyPredictor]) -> dict[str, list[PeerTime]]:
    """Predict the time of the peers that can be built.

    Args:
        predictors: Of a search, by what they are called; those of other families are passed over. Where none is left, a table that
            comes with chiptrack stands in.

    Returns:
        Times by the peer's name; none for a device that cannot run it.
    """
    found: dict[str, list[PeerTime]] = {}
    for peer in PEERS:
        if peer.preset is None:
            continue
        architecture = find_architecture(peer.preset)
        usable = {name: model for name, model in predictors.items() if model.family == architecture.family} or _shipped()
        for name, model in usable.items():
            try:
                answer = model.predict([architecture])
            except MissingOperators:
                continue
            found.setdefault(peer.name, []).append(PeerTime(float(answer.value[0]), float(answer.low[0]), float(answer.high[0]), name))
    return found


def _shipped() -> dict[str, LatencyPredictor]:
    table = LatencyTable.load(SHIPPED / _TABLE)
    profile = table.profile
    return {f"{profile.chip}, {profile.runtime}, {profile.precision} (the table {SHIPPED.name}/{_TABLE})": fit(table)}
