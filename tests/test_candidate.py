import numpy as np

from search.candidate import Candidate
from supernet.families import FAMILIES

ARCH = FAMILIES["nano"].space.sample(np.random.default_rng(0))


def test_rescored_figures_go_first():
    plain = Candidate(1, ARCH, {"ao": 0.5, "latency_ms": 3}, {"ao": "inherited weights"}, {"ao": 0.1})
    again = Candidate(1, ARCH, {**plain.values, "ao_rescored": 0.4}, {}, {"ao": 0.1, "ao_rescored": 0.05})
    assert (plain.ao, plain.ao_noise) == (0.5, 0.1)
    assert (again.ao, again.ao_noise) == (0.4, 0.05)


def test_of_several_devices_the_slowest_counts():
    assert Candidate(0, ARCH, {"ao": 0.5, "latency_ms:phone": 9, "latency_ms:camera": 4, "macs": 1e6}, {}).latency_ms == 9
