"""Published figures of siamese trackers, to set a search's beside: the points of Figure 1 in Yan et al., LightTrack, CVPR 2021.

They are as their papers print them, never measured here. EAO is that of VOT2019 (real video); the AO of a search on its own validation
sequences is another figure, and neither can be read off the other. Multiply-adds are counted as fvcore does.
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


PEERS = tuple(Peer(**record) for record in json.loads(Path(__file__).with_name("peers.json").read_bytes()))


@dataclass(frozen=True)
class PeerTime:
    """Milliseconds per frame of a peer whose graph can be built, from a latency table that was measured on a device."""

    ms: float
    low: float
    high: float
    device: str


def published_family() -> Family:
    """The family of the published trackers that can be built."""
    return find_family(next(find_architecture(peer.preset).family for peer in PEERS if peer.preset))


def peer_times(predictors: Mapping[str, LatencyPredictor]) -> dict[str, list[PeerTime]]:
    """Predict the time of the peers that can be built.

    Args:
        predictors: Of a search, by what they are called; those of other families are passed over. Where none is left, a table that
            comes with chiptrack stands in.

    Returns:
        Times by the name of each peer that can be built; none for a device that cannot run it.
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
    """By the line over the table's sums alone: a predictor with all its models takes seconds to fit."""
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
