"""Published figures of siamese trackers, to set beside those of a search: the points of Figure 1 in Yan et al., LightTrack, CVPR 2021.

The figures come from publications and were not measured here. EAO is that of VOT2019 (real video). The AO of a search on its own
validation sequences is another figure, and neither can be converted into the other. Multiply-adds are counted as fvcore does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latency_tables.tables.shipped import SHIPPED
from latency_tables.tables.table import LatencyTable
from predictors.interval import Interval
from predictors.latency import LatencyPredictor
from predictors.measured import measured_networks
from predictors.models.lookup import fit_line
from supernet.catalogue import find_architecture, find_family
from supernet.families.family import Family
from supernet.space import Architecture

_TABLE = "lighttrack-onnxruntime-fp32.csv"
"""Shipped table from which times are predicted if a search has no predictor for the family of a peer."""


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
    """Publication or page in which the figures were found."""
    verified: bool = True
    """Whether every figure was checked in its source."""
    preset: str | None = None
    """Name by which chiptrack can build the tracker; None if it cannot."""


PEERS = tuple(Peer(**record) for record in json.loads(Path(__file__).with_name("peers.json").read_bytes()))


@dataclass(frozen=True)
class PeerTime:
    """Predicted milliseconds per frame of a peer on one device, and the ends of their interval."""

    ms: float
    low: float
    high: float
    device: str


def published_family() -> Family:
    """Return the family of the published trackers that chiptrack can build."""
    return find_family(next(find_architecture(peer.preset).family for peer in PEERS if peer.preset))


def peer_times(predictors: Mapping[str, LatencyPredictor]) -> dict[str, list[PeerTime]]:
    """Predict the times of the peers that chiptrack can build.

    Args:
        predictors: Latency predictors of a search, by the name of their device. Predictors of another family than the peer's are ignored;
            if none is left, a table that comes with chiptrack is used.

    Returns:
        Times by the name of each peer that can be built, one for each device that can run the peer.
    """
    found = {}
    for peer in PEERS:
        if peer.preset is None:
            continue
        architecture = find_architecture(peer.preset)
        known = {device: model for device, model in predictors.items() if model.family == architecture.family}
        found[peer.name] = [_predicted(device, model, architecture) for device, model in known.items() if not model.missing([architecture])]
        if not known:
            found[peer.name].append(_by_shipped_table(architecture))
    return found


def _predicted(device: str, model: LatencyPredictor, architecture: Architecture) -> PeerTime:
    answer = model.predict([architecture])
    return PeerTime(float(answer.value[0]), float(answer.low[0]), float(answer.high[0]), device)


def _by_shipped_table(architecture: Architecture) -> PeerTime:
    """Predict from the shipped table by a line over the sums of operators; fitting a predictor with all its models would take seconds."""
    table, family = LatencyTable.load(SHIPPED / _TABLE), find_family(architecture.family)
    networks, operator_ms = measured_networks(table, "search"), table.operator_ms()
    *sums, own = (
        sum(operator_ms[op.key] for op in family.operators(each) if op.branch == "search")
        for each in (*networks.architectures, architecture)
    )
    x, ms = np.array(sums), networks.ms
    held_out = [float(fit_line(np.delete(x, i), np.delete(ms, i))(x[i])) for i in range(len(x))]
    time, profile = float(fit_line(x, ms)(np.array(own))), table.profile
    low, high = map(float, Interval.conformal(np.abs(np.log(ms / np.array(held_out)))).around(np.array(time)))
    device = f"{profile.chip}, {profile.runtime}, {profile.precision} (table {_TABLE} of chiptrack)"
    return PeerTime(time, low, high, device)
