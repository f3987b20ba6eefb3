import numpy as np

from search.study.candidate import Candidate
from supernet.families import FAMILIES

ARCH = FAMILIES["nano"].space.sample(np.random.default_rng(0))


def test_rescored_figures_go_first():
    plain = Candidate(1, ARCH, {"ao": 0.5, "latency_ms": 3}, {"ao": "inherited weights"}, {"ao": 0.1})
    noise, more = {"ao": 0.1, "ao_rescored": 0.05}, {"ao": (0.4, 0.4)}
    again = Candidate(1, ARCH, {**plain.values, "ao_rescored": 0.4}, {}, noise, rescored=more)
    assert (plain.accuracy("ao"), plain.accuracy_noise("ao")) == (0.5, 0.1)
    assert (again.accuracy("ao"), again.accuracy_noise("ao")) == (0.4, 0.05)


def test_of_several_devices_the_slowest_counts():
    candidate = Candidate(0, ARCH, {"ao": 0.5, "latency_ms:phone": 9, "latency_ms:camera": 4, "macs": 1e6}, {})
    assert candidate.latency_ms == candidate.cost("latency_ms:camera") == 9
    assert candidate.cost("macs") == 1e6
