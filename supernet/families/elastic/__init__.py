"""chiptrack's own search space: one supernet from which trackers for slow and for fast chips are cut."""

from supernet.families.elastic.space import ELASTIC

__all__ = ["ELASTIC"]
