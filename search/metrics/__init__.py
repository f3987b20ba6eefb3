"""The metrics that a search can optimise and limit: one group of metrics a file, and here their names on the command line."""

from search.metrics import accuracy, behind_camera, counted, predicted
from search.metrics.metric import Figure, Metric, MetricKind, Objective

METRICS: dict[str, MetricKind] = {kind.name: kind for kind in (*accuracy.KINDS, *behind_camera.KINDS, *predicted.KINDS, *counted.KINDS)}

__all__ = ["METRICS", "Figure", "Metric", "MetricKind", "Objective"]
