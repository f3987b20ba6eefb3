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
    """Figures by name, e.g. `ao`, `latency_ms`, `macs`; `ao_rescored` where it was judged again on more sequences."""
    sources: Mapping[str, Source]
    """How each figure was obtained."""
    noise: Mapping[str, float] = field(default_factory=dict)
    """Uncertainty by name, one standard error or half an interval, in the figure's unit; where it is known."""
    feasible: bool = True
    """Whether it meets every constraint of its search."""
    sequence_ao: tuple[float, ...] = ()
    """AO on each validation sequence of the search."""
    rescored_ao: tuple[float, ...] = ()
    """AO on each rescoring sequence, disjoint from those of the search; empty where it was not rescored."""
    seconds: float = 0.0
    """Time that its evaluation took."""

    @property
    def ao(self) -> float:
        """The best founded AO: rescored where there is one."""
        return self.values.get("ao_rescored", self.values["ao"])

    @property
    def ao_noise(self) -> float:
        """Standard error of `ao`; NaN where unknown."""
        return self.noise.get("ao_rescored" if "ao_rescored" in self.values else "ao", float("nan"))

    @property
    def latency_ms(self) -> float:
        """Predicted milliseconds per frame; on the slowest device where the search knows several."""
        return max(value for name, value in self.values.items() if name.startswith("latency_ms"))

    def to_json(self) -> dict:
        """Everything but the architecture, which has a record of its own."""
        return {
            "number": self.number,
            "values": dict(self.values),
            "sources": dict(self.sources),
            "noise": dict(self.noise),
            "feasible": self.feasible,
        }
