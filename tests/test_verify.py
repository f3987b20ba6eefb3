from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from predictors.load import load_predictor
from search.front.verify import apply, corrections, settled, verify
from search.front.winner import front
from search.metrics import Figure, Objective
from search.metrics.accuracy import AO
from search.metrics.counted import MACS, multiply_adds
from search.metrics.predicted import LATENCY, TEMPLATE, predicted_latency, template_latency
from search.problem.problem import Constraint, Problem
from search.study.candidate import Candidate
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
CHIP = load_predictor(Path(__file__).parent / "data" / "predictor-3.json")
TIME = predicted_latency(CHIP)
OBJECTIVES = (AO, LATENCY)
RNG = np.random.default_rng(3)
SOME = [NANO.space.sample(RNG) for _ in range(12)]


class MadeUpStudy:
    """Twelve candidates, the slower the more accurate, so that all are on the front."""

    def __init__(self):
        ms = TIME.of(NANO.space.indices(SOME))
        self.predicted = dict(zip((arch.key for arch in SOME), ms, strict=True))
        ranks = ms.argsort().argsort()
        self.notes = {}
        self.all = [
            Candidate(i, arch, {AO: Figure(0.5 + 0.01 * rank), LATENCY: Figure(t, None, "predicted"), TEMPLATE: Figure(1.0)})
            for i, (arch, t, rank) in enumerate(zip(SOME, ms, ranks, strict=True))
        ]

    def candidates(self):
        return [self._read(candidate) for candidate in self.all]

    def _read(self, candidate):
        measured = self.notes.get(candidate.number, {})
        found = {m: Figure(measured[m.name], None, "measured", f.value) for m, f in candidate.figures.items() if m.name in measured}
        return replace(candidate, figures={**candidate.figures, **found})

    def note(self, number, kind, record):
        assert kind == "measured" and number not in self.notes
        self.notes[number] = record


class MadeUpPlace:
    """A device that takes so many times what was predicted."""

    count = 1

    def __init__(self, study, factor=1.0, away=None):
        self.study, self.factor, self.away, self.sessions = study, factor, away, []

    def on_device(self, device, measure):
        if self.away:
            raise self.away
        assert device == "local"
        architectures = measure.args[2]
        self.sessions.append(len(architectures))
        return [{"search": self.factor * self.study.predicted[arch.key], "template": 1.0} for arch in architectures]


def problem(limit=np.inf):
    return Problem(NANO, (Objective(AO), TIME), (Constraint(TIME, limit),), 12, (template_latency(CHIP), multiply_adds(NANO)))


def test_what_agrees_is_measured_once_and_nothing_is_corrected():
    study = MadeUpStudy()
    place = MadeUpPlace(study, 1.001)
    found = verify(study, problem(), {"": CHIP}, place, 0)
    assert (found.measured, found.outside, found.corrected, found.missing) == ({"latency_ms": 12}, {"latency_ms": 0}, {}, {})
    assert place.sessions == [12]
    again = verify(study, problem(), {"": CHIP}, place, 0)
    assert again == found and place.sessions == [12]  # nothing is measured twice


def test_a_limit_holds_by_measurement():
    """The device is a third slower than predicted: what was within the limit by prediction alone is not on the front any more."""
    study = MadeUpStudy()
    limit = float(np.median(list(study.predicted.values())))
    study.all = [replace(candidate, feasible=candidate.value(LATENCY) <= limit) for candidate in study.all]
    found = verify(study, problem(limit), {"": CHIP}, MadeUpPlace(study, 4 / 3), 0)
    assert found.corrected == {"latency_ms": pytest.approx(4 / 3)}
    members = front(settled(study.candidates(), problem(limit)), OBJECTIVES)
    assert members and all(member.value(LATENCY) <= limit and member.is_measured(LATENCY) for member in members)
    within = [key for key, ms in study.predicted.items() if 4 / 3 * ms <= limit]
    assert {member.architecture.key for member in members} == set(within)


def test_who_is_no_longer_beaten_is_measured_too():
    """Of two neighbours on the front one hides the other, until measured it takes three times what was predicted."""
    study = MadeUpStudy()
    ranked = sorted(study.all, key=lambda candidate: candidate.value(AO))
    hiding, hidden = ranked[4:6]
    study.all[hidden.number] = replace(hidden, figures={**hidden.figures, AO: Figure(hiding.value(AO) - 0.001)})
    study.predicted[hiding.architecture.key] *= 3
    place = MadeUpPlace(study)
    found = verify(study, problem(), {"": CHIP}, place, 0)
    assert place.sessions == [11, 1] and found.measured == {"latency_ms": 12} and found.outside == {"latency_ms": 1}
    members = front(settled(study.candidates(), problem()), OBJECTIVES)
    assert hidden.number in [member.number for member in members] and hiding.number not in [member.number for member in members]


@pytest.mark.parametrize("error", [ConnectionError("unplugged"), ValueError("chip was A, is B"), ImportError("needs chiptrack[mnn]")])
def test_without_the_device_the_front_stays_predicted(error, capsys):
    study = MadeUpStudy()
    found = verify(study, problem(), {"": CHIP}, MadeUpPlace(study, away=error), 0)
    assert found.missing == {"latency_ms": str(error)} and not found.measured and not study.notes
    assert f"the front stays predicted: {error}" in capsys.readouterr().err


def test_only_what_was_not_measured_is_corrected():
    study = MadeUpStudy()
    study.notes = {0: {"latency_ms": 2 * study.all[0].value(LATENCY)}}
    candidates = study.candidates()
    assert corrections(candidates, problem()) == {LATENCY: 2}
    first, second = settled(candidates, problem())[:2]
    assert first is candidates[0] or first.figures == candidates[0].figures
    assert second.value(LATENCY) == 2 * candidates[1].value(LATENCY)


def test_limits_of_figures_that_no_device_tells_are_left_alone():
    study = MadeUpStudy()
    candidate = replace(study.all[0], figures={**study.all[0].figures, MACS: Figure(5e9)})
    assert apply([candidate], {LATENCY: 1.1}, {"max_macs": 1.0})[0].feasible
