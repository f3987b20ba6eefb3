import dataclasses

import pytest

from latency_tables.measuring.timing import Sample, combine, summarise


def samples(*cpu_ms, reference=1.0, drift=0.0, wall=False):
    return [Sample(ms, 2 * ms, (2 if wall else 1) * ms, (0.8 * ms, 0.9 * ms, 1.05 * ms, 1.1 * ms), 10, reference, drift) for ms in cpu_ms]


def test_a_round_is_the_median_of_its_runs():
    sample = summarise({"cpu_ms": [1, 9, 2], "wall_ms": [4, 4, 5]}, "cpu")
    assert (sample.cpu_ms, sample.wall_ms, sample.runs) == (2, 4, 3)
    assert sample.low_ms == pytest.approx(1.2)
    assert sample.quantiles == pytest.approx((1.1, 1.5, 5.5, 8.3))


@pytest.mark.parametrize("clock, units", [("cpu", 3), ("wall", 6)])
def test_the_clock_ranks(clock, units):
    assert combine([(1, samples(3, 3, 3, wall=clock == "wall"))], clock).reference_units == units


def test_reference_takes_out_a_slow_machine():
    slow = [Sample(2 * s.cpu_ms, s.wall_ms, 2 * s.low_ms, s.quantiles, s.runs, 2.0) for s in samples(3, 3, 3)]
    assert combine([(1, slow)], "cpu").reference_units == 3
    assert combine([(1, slow)], "cpu").cpu_ms == 6


def test_an_operator_is_half_the_difference_of_three_copies_and_one():
    measured = combine([(0.5, samples(7, 7.2, 6.8)), (-0.5, samples(3, 3, 3))], "cpu")
    assert measured.cpu_ms == pytest.approx(2)
    assert measured.reference_units == pytest.approx(2)
    assert measured.spread == pytest.approx(0.05)
    assert (measured.p05_ms, measured.p25_ms, measured.p75_ms, measured.p95_ms) == pytest.approx((1.6, 1.8, 2.1, 2.2))
    assert 1.9 <= measured.low_units < 2 < measured.high_units <= 2.1
    assert measured.runs == 60


@pytest.mark.parametrize("drift, flag", [(0.04, ""), (0.06, "unsteady")])
def test_flag_follows_the_reference(drift, flag):
    assert combine([(1, samples(3, 3, drift=drift))], "cpu").flag == flag


@pytest.mark.parametrize("longer", [2.0, 1.9])
def test_no_difference_and_a_negative_one_are_unresolved_but_positive(longer):
    measured = combine([(1, samples(longer)), (-1, samples(2.0))], "cpu")
    assert measured.flag == "unresolved"
    assert all(
        value > 0 for name, value in dataclasses.asdict(measured).items() if name not in ("spread", "flag", "memory_mb", "energy_mj")
    )


def test_an_interval_that_reaches_zero_ends_above_it():
    measured = combine([(1, samples(2.1, 2.1, 1.9)), (-1, samples(2.0, 2.0, 2.0))], "cpu")
    assert measured.flag == "" and 0 < measured.low_units < measured.reference_units <= measured.high_units
