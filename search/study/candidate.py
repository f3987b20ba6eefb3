"""An architecture together with what is known of it, and how each figure was obtained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from supernet.space import Architecture

Source = Literal["counted", "predicted", "inherited weights", "measured", "retrained"]
"""How a figure came about: counted from the operators, predicted by a model, found with the supernet's weights, measured on a
device, or found with weights of the architecture's own."""


@dataclass(frozen=True)
class Candidate:
    """One architecture that a search has looked at."""

    number: int
    """Its trial in the study."""
    architecture: Architecture
    values: Mapping[str, float]
    """Figures by name, e.g. `ao`, `latency_ms`, `macs`; `ao_rescored` where it was judged again on more sequences. A latency that was
    measured stands in place of the predicted one."""
    sources: Mapping[str, Source]
    """How each figure was obtained."""
    noise: Mapping[str, float] = field(default_factory=dict)
    """Uncertainty by name, one standard error or half an interval, in the figure's unit; where it is known."""
    feasible: bool = True
    """Whether it meets every constraint of its search; by measurement, where it was measured."""
    scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """`ao` and `auc` on each validation sequence of the search."""
    rescored: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """The same on each rescoring sequence, disjoint from those of the search; empty where it was not rescored."""
    recalibrated: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """`ao` and `auc` on the sequences of the search, each time calibrated on other pairs; empty where that was not tried."""
    predicted: Mapping[str, float] = field(default_factory=dict)
    """What had been predicted of each figure that was measured."""
    strategy: str = ""
    """The strategy that asked for it."""
    seconds: float = 0.0
    """Time that its evaluation took."""

    def accuracy(self, name: str) -> float:
        """The best founded `ao` or `auc`: rescored where there is one."""
        return self.values.get(f"{name}_rescored", self.values[name])

    def accuracy_noise(self, name: str) -> float:
        """Standard error of `accuracy`; NaN where unknown."""
        return self.noise.get(f"{name}_rescored" if self.rescored else name, float("nan"))

    def cost(self, name: str) -> float:
        """The largest figure of this name, over all devices where there is one for each (`latency_ms:phone`, `latency_ms:camera`)."""
        return max(value for figure, value in self.values.items() if figure.partition(":")[0] == name.partition(":")[0])

    @property
    def latency_ms(self) -> float:
        """Milliseconds per frame, measured where it was, else predicted; on the slowest device where the search knows several."""
        return self.cost("latency_ms")

    def to_json(self) -> dict:
        """Everything but the architecture, which has a record of its own, and single sequences."""
        return {
            "number": self.number,
            "values": dict(self.values),
            "sources": dict(self.sources),
            "noise": dict(self.noise),
            **({"predicted": dict(self.predicted)} if self.predicted else {}),
            "feasible": self.feasible,
        }
