"""How well candidates track, with weights inherited from the supernet: average overlap, and the area under the success curve."""

from __future__ import annotations

from search.metrics.metric import Known, Metric, MetricKind, Objective

AO = Metric("ao", direction="maximize", source="inherited weights")
"""Average overlap while tracking validation sequences (GOT-10k)."""
AUC = Metric("auc", direction="maximize", source="inherited weights")
"""Area under the success curve of the same tracks (OTB)."""


def _ao(known: Known) -> list[Objective]:
    return [Objective(AO)]


def _auc(known: Known) -> list[Objective]:
    return [Objective(AUC)]


KINDS = (MetricKind("ao", "AO", _ao), MetricKind("auc", "AUC", _auc))
