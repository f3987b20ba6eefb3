from dataclasses import replace

import numpy as np

from search.metrics import Figure
from search.metrics.accuracy import AO
from search.metrics.counted import MACS
from search.metrics.predicted import LATENCY
from search.study.candidate import Candidate
from supernet.families import FAMILIES

ARCH = FAMILIES["nano"].space.sample(np.random.default_rng(0))
PHONE, CAMERA = (replace(LATENCY, device=device) for device in ("phone", "camera"))


def test_rescored_figures_go_first():
    plain = Candidate(1, ARCH, {AO: Figure(0.5, 0.1, "inherited weights"), LATENCY: Figure(3)})
    again = Candidate(1, ARCH, {**plain.figures, AO.found_again: Figure(0.4, 0.05)}, rescored={"ao": (0.4, 0.4)})
    assert plain.accuracy(AO) == Figure(0.5, 0.1, "inherited weights")
    assert (again.accuracy(AO).value, again.accuracy(AO).noise) == (0.4, 0.05)
    assert again.value(AO) == 0.5


def test_of_several_devices_the_slowest_counts():
    candidate = Candidate(0, ARCH, {AO: Figure(0.5), PHONE: Figure(9), CAMERA: Figure(4), MACS: Figure(1e6)})
    assert candidate.cost(LATENCY) == candidate.cost(CAMERA) == 9
    assert candidate.cost(MACS) == 1e6


def test_what_was_measured_keeps_its_prediction():
    candidate = Candidate(0, ARCH, {PHONE: Figure(9, 0.5, "predicted"), CAMERA: Figure(4, None, "measured", predicted=5)}, feasible=False)
    assert (candidate.is_measured(PHONE), candidate.is_measured(CAMERA)) == (False, True)
    assert candidate.to_json() == {
        "number": 0,
        "values": {"latency_ms:phone": 9, "latency_ms:camera": 4},
        "sources": {"latency_ms:phone": "predicted", "latency_ms:camera": "measured"},
        "noise": {"latency_ms:phone": 0.5},
        "predicted": {"latency_ms:camera": 5},
        "feasible": False,
    }
