"""Candidates that are measured during a search, and predictors that are fitted again; the device is made up."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from predictors.load import load_predictor
from search.front import learning
from search.front.learning import due
from search.library import SearchOptions, run_search
from search.metrics.predicted import LATENCY, TEMPLATE, predicted_latency, template_latency
from search.problem.problem import Constraint, Problem
from search.study.study import read_candidates
from search.workers.inline import InlineWorkers
from supernet.families import FAMILIES
from tests.test_library import LIMIT, OVERLAP, WORK, judge, taking
from tests.test_study import lines

NANO = FAMILIES["nano"]
CHIP = load_predictor(Path(__file__).parent / "data" / "predictor-3.json")
TIME = predicted_latency(CHIP)
OPTIONS = SearchOptions(chips={"": CHIP})


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Rounds after 6, 12 and 18 of 24 evaluations."""
    monkeypatch.setattr(learning, "_APART", 6)


def problem(evaluations=24, limit=1e9) -> Problem:
    return Problem(NANO, (OVERLAP, TIME), (LIMIT, Constraint(TIME, limit)), evaluations, (template_latency(CHIP),))


def real_ms(architectures) -> np.ndarray:
    """A device on which every multiply-add takes longer than the table says, and the smallest networks take what it says."""
    choices = NANO.space.indices(architectures)
    return TIME.of(choices) * (1 + 0.3 * WORK.of(choices) / NANO.max_macs)


class Place(InlineWorkers):
    """Workers that reach the made-up device, unless `away` is an error."""

    def __init__(self, judge=judge, count=1, away=None):
        super().__init__(judge, count)
        self.sessions, self.away = [], away

    def on_device(self, device, measure):
        assert not self._busy and not self._waiting
        if isinstance(self.away, BaseException):
            raise self.away
        architectures = measure.args[2]
        self.sessions.append([each.key for each in architectures])
        return [{"search": float(ms), "template": 1.0} for ms in real_ms(architectures)]


def error(predicted, candidates) -> float:
    return float(np.abs(predicted / real_ms([each.architecture for each in candidates]) - 1).mean())


def test_measuring_during_a_search_makes_the_predictions_of_the_others_better(tmp_path):
    place = Place()
    found = run_search(problem(), "random", place, tmp_path, OPTIONS)
    assert list(map(len, place.sessions[:3])) == [4, 4, 4]
    keys = [key for session in place.sessions for key in session]
    assert len(keys) == len(set(keys))  # nothing is measured twice
    others = [each for each in read_candidates(tmp_path) if not each.is_measured(LATENCY)]
    assert error([each.value(LATENCY) for each in others], others) < 0.5 * error(
        CHIP.predict([each.architecture for each in others]).value, others
    )
    measured = [each for each in found.candidates if each.is_measured(LATENCY)]
    assert [each.value(LATENCY) for each in measured] == pytest.approx(list(real_ms([each.architecture for each in measured])))
    learned = found.learned["latency_ms"]
    assert learned.measured == 12 and learned.compared == len(measured) - 4 and learned.after < 0.5 * learned.before
    assert all(each.figures[TEMPLATE].source == "measured" for each in measured)


@pytest.mark.parametrize("strategy, interrupted", [("random", 3), ("random", 6), ("guided", 14), ("nsga2", 21)])
def test_an_interrupted_search_goes_on_alike(tmp_path, strategy, interrupted):
    whole = run_search(problem(), strategy, Place(), tmp_path / "whole", OPTIONS)
    with pytest.raises(KeyboardInterrupt):
        run_search(problem(), strategy, Place(taking(*[1.0] * interrupted, KeyboardInterrupt())), tmp_path / "broken", OPTIONS)
    found = run_search(problem(), strategy, Place(), tmp_path / "broken", OPTIONS)
    assert lines(tmp_path / "broken") == lines(tmp_path / "whole") and found.front == whole.front and found.learned == whole.learned


def test_a_round_that_was_interrupted_is_not_measured_again(tmp_path, monkeypatch):
    whole = run_search(problem(), "random", Place(), tmp_path / "whole", OPTIONS)
    with monkeypatch.context() as patch:
        patch.setattr(learning.Study, "repredict", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run_search(problem(), "random", (first := Place()), tmp_path / "broken", OPTIONS)
    found = run_search(problem(), "random", (second := Place()), tmp_path / "broken", OPTIONS)
    assert len(first.sessions) == 1 and first.sessions[0] not in second.sessions
    assert lines(tmp_path / "broken") == lines(tmp_path / "whole") and found.candidates == whole.candidates


def test_strategies_see_new_predictions_and_measurements(tmp_path):
    seen = []

    def spy(feasible, seed):
        from search.strategies import STRATEGIES

        sampler = STRATEGIES["random"](feasible, seed)
        before = sampler.before_trial

        def noting(study, trial):
            seen.append({each.number: each.values for each in study.get_trials(deepcopy=False) if each.values})
            before(study, trial)

        sampler.before_trial = noting
        return sampler

    run_search(problem(), spy, Place(), tmp_path, OPTIONS)
    final = {each.number: each for each in read_candidates(tmp_path)}
    last = seen[-1]
    assert len(last) == 23
    assert all(values[1] == final[number].value(LATENCY) for number, values in last.items() if not final[number].is_measured(LATENCY))
    early = seen[5]
    assert sum(early[number][1] != last[number][1] for number in early) == len(early)


def test_a_limit_holds_for_new_predictions(tmp_path):
    limit = float(np.median(TIME.of(NANO.space.indices([NANO.space.sample(np.random.default_rng(i)) for i in range(50)]))))
    found = run_search(problem(24, limit), "random", Place(), tmp_path, OPTIONS)
    later = [each for each in found.candidates if each.number > 18]
    assert max(real_ms([each.architecture for each in later])) < 1.05 * limit
    assert all(each.value(LATENCY) <= limit for each in found.front)


@pytest.mark.parametrize("away", [ConnectionError("unplugged"), ValueError("chip was A, is B"), ImportError("needs chiptrack[mnn]")])
def test_without_the_device_the_search_goes_on(tmp_path, away, capsys):
    found = run_search(problem(), "random", Place(away=away), tmp_path, OPTIONS)
    assert found.learned == {} and len(found.candidates) == 24
    assert capsys.readouterr().err.count(f"the search goes on with what was predicted: {away}") == 1  # it is not tried again


def test_several_workers_rest_while_a_device_measures(tmp_path):
    found = run_search(problem(), "random", Place(count=4), tmp_path, OPTIONS)  # the place asserts that nothing is under way
    assert found.learned["latency_ms"].measured == 12


def test_more_evaluations_later(tmp_path):
    run_search(problem(), "random", Place(), tmp_path, OPTIONS)
    again = Place()
    found = run_search(problem(48), "random", again, tmp_path, OPTIONS)
    assert len(found.candidates) == 48 and 12 < found.learned["latency_ms"].measured <= 20  # further rounds after 24 and 36
    assert run_search(problem(48), "random", again, tmp_path, OPTIONS).candidates == found.candidates


def test_small_searches_are_not_interrupted_by_measuring(monkeypatch):
    monkeypatch.setattr(learning, "_APART", 16)
    assert (due(200), due(60), due(32), due(31), due(1)) == ([50, 100, 150], [20, 40], [16], [], [])


def test_a_device_without_limit_that_is_no_objective_is_left_alone(tmp_path):
    about = replace(problem(), objectives=(OVERLAP, WORK), constraints=(LIMIT,), noted=(TIME,))
    place = Place()
    found = run_search(about, "random", place, tmp_path, OPTIONS)
    assert found.learned == {} and len(place.sessions) == len(place.sessions[:1])  # the front alone is measured
