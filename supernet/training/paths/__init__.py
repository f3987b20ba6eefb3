"""Sampling rules, by name: which architectures each step of a supernet's training trains, and how their losses enter."""

from supernet.training.paths.complexity_rate import ComplexityRate
from supernet.training.paths.fair import Fair
from supernet.training.paths.large import Large
from supernet.training.paths.progressive import Progressive
from supernet.training.paths.rank import Rank
from supernet.training.paths.rule import Rule
from supernet.training.paths.sandwich import Sandwich
from supernet.training.paths.uniform import Uniform

PATHS: dict[str, type[Rule]] = {
    "complexity_rate": ComplexityRate,
    "fair": Fair,
    "large": Large,
    "progressive": Progressive,
    "rank": Rank,
    "sandwich": Sandwich,
    "uniform": Uniform,
}
