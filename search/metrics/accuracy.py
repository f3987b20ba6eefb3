"""Metrics of accuracy: average overlap and area under the success curve, while tracking with weights inherited from the supernet."""

from __future__ import annotations

from search.metrics.metric import Known, Metric, MetricKind, Objective

AO = Metric("ao", direction="maximize", source="inherited weights")
"""Average overlap (AO) while tracking validation sequences, as in GOT-10k."""
AUC = Metric("auc", direction="maximize", source="inherited weights")
"""Area under the success curve (AUC) of the same tracks, as in OTB."""


def _ao(known: Known) -> list[Objective]:
    return [Objective(AO)]


def _auc(known: Known) -> list[Objective]:
    return [Objective(AUC)]


KINDS = (MetricKind("ao", "AO", _ao), MetricKind("auc", "AUC", _auc))
