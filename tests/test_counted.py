import numpy as np

from search.metrics.counted import MACS, PARAMS, multiply_adds, parameters
from supernet.describe import describe
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
RNG = np.random.default_rng(0)
SOME = [NANO.space.sample(RNG) for _ in range(3)]
CHOICES = NANO.space.indices(SOME)


def test_counts_are_those_of_describe():
    known = [describe(arch.name) for arch in SOME]
    assert multiply_adds(NANO).of(CHOICES).tolist() == [one["macs"] for one in known]
    assert parameters(NANO).of(CHOICES).tolist() == [one["params"] for one in known]
    assert (multiply_adds(NANO).metric, parameters(NANO).metric) == (MACS, PARAMS)
