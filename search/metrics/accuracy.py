"""Metrics of accuracy, all with weights inherited from the supernet: on fixed pairs of crops, and while tracking clips."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from search.metrics.metric import Known, Metric, MetricKind, Objective

FIT = Metric("fit", direction="maximize", source="inherited weights")
"""exp(-loss) on pairs, from 0 to 1; see `search.judging.pairs`."""
IOU = Metric("iou", direction="maximize", source="inherited weights")
"""Overlap of the boxes at the best cells of the pairs that show the target."""
LOSS = Metric("loss", "nats", source="inherited weights")
"""Training loss on pairs; the lower the better."""
PRESENCE = Metric("presence", direction="maximize", source="inherited weights")
"""Area under the ROC curve of the presence output, of networks that have one."""
AO = Metric("ao", direction="maximize", source="inherited weights")
"""Average overlap (AO) while tracking validation sequences with restarts; see `search.judging.clips`."""
AUC = Metric("auc", direction="maximize", source="inherited weights")
"""Area under the success curve (AUC) of the same tracks, as in OTB."""


def _always(metric: Metric, known: Known) -> list[Objective]:
    return [Objective(metric)]


def _presence(known: Known) -> list[Objective]:
    return [Objective(PRESENCE)] if "presence" in getattr(known.family, "outputs", ()) else []


def _on_pairs(metric: Metric, title: str, objectives: Callable[[Known], list[Objective]] | None = None) -> MetricKind:
    return MetricKind(metric.kind, title, objectives or partial(_always, metric), cases="groups of pairs")


KINDS = (
    _on_pairs(FIT, "fit on pairs"),
    _on_pairs(IOU, "IoU on pairs"),
    _on_pairs(LOSS, "loss on pairs"),
    _on_pairs(PRESENCE, "presence on pairs (ROC AUC)", _presence),
    MetricKind("ao", "AO", partial(_always, AO)),
    MetricKind("auc", "AUC", partial(_always, AUC)),
)
