import dataclasses
import statistics

import numpy as np
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


def percentile(values, percent):
    """Between the two nearest of the sorted values, in proportion."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    return ordered[below] + (ordered[min(below + 1, len(ordered) - 1)] - ordered[below]) * (place - below)


def combined_by_hand(terms, clock):
    """The measurement, in plain numbers."""
    rounds = range(len(terms[0][1]))

    def median_of_sums(value):
        return statistics.median(sum(weight * value(samples[r]) for weight, samples in terms) for r in rounds)

    units = [sum(weight * samples[r].low_ms / samples[r].reference_ms for weight, samples in terms) for r in rounds]
    middle = statistics.median(units)
    medians = [statistics.median(drawn) for drawn in np.random.default_rng(0).choice(units, (400, len(units))).tolist()]
    cpu, wall = median_of_sums(lambda s: s.cpu_ms), median_of_sums(lambda s: s.wall_ms)
    longest = max((samples for weight, samples in terms if weight > 0), key=lambda samples: samples[0].cpu_ms)
    least = min(s.low_ms for s in longest) / 1000
    least_units = least / statistics.median(s.reference_ms for s in longest)
    flags = ["unsteady"] if statistics.median(s.drift for _, samples in terms for s in samples) > 0.05 else []
    if cpu < least or wall < least or middle < least_units:
        flags.append("unresolved")
        cpu, wall, middle = max(cpu, least), max(wall, least), max(middle, least_units)
    ends = [
        statistics.median(s.quantiles[i] / (s.cpu_ms if clock == "cpu" else s.wall_ms) for s in longest) * (cpu if clock == "cpu" else wall)
        for i in range(4)
    ]
    spread = (percentile(units, 75) - percentile(units, 25)) / middle
    low, high = (max(percentile(medians, percent), least_units) for percent in (5, 95))
    return [cpu, wall, middle, low, high, spread, *ends, sum(s.runs for _, samples in terms for s in samples)], "+".join(flags)


@pytest.mark.parametrize("clock", ["cpu", "wall"])
@pytest.mark.parametrize(
    "weights, drift, flag",
    [
        ((1.0,), 0.0, ""),
        ((0.5, -0.5), 0.0, ""),
        ((0.25, 0.75, -1.0), 0.0, ""),
        ((0.0, 1.0), 0.0, ""),  # what does not count is not the longest either
        ((0.5, -0.5), 0.1, "unsteady"),
        ((1.0, -30.0), 0.0, "unresolved"),
        ((1.0, -30.0), 0.1, "unsteady+unresolved"),
    ],
)
def test_a_weighted_sum_of_models_by_hand(rng, clock, weights, drift, flag):
    """The first model takes some 10 ms, those that follow some 4, 2.5 and so on."""
    terms = []
    for number, weight in enumerate(weights):
        drawn = []
        for _ in range(60):
            ms, (cpu, wall) = 10 / (1 + 1.5 * number), rng.uniform(0.9, 1.1, 2)
            quantiles = tuple(ms * q for q in sorted(rng.uniform(0.8, 1.2, 4)))
            low, reference = ms * rng.uniform(0.85, 0.95), rng.uniform(0.8, 1.2)
            drawn.append(Sample(ms * cpu, ms * wall, low, quantiles, int(rng.integers(5, 15)), reference, drift * rng.uniform(0.6, 1)))
        terms.append((weight, drawn))
    measured, (numbers, flags) = combine(terms, clock), combined_by_hand(terms, clock)
    assert list(dataclasses.astuple(measured))[: len(numbers)] == pytest.approx(numbers)
    assert measured.flag == flags == flag


def test_reference_units_alone_may_be_unresolved():
    """The times differ by 1 ms, but the low quantiles do not: the operator takes at least a thousandth of the longest chain's 4 ms."""
    a = [Sample(5.0, 5.0, 4.0, (4.0, 4.5, 5.5, 6.0), 10, 2.0)] * 3
    b = [Sample(4.0, 4.0, 4.0, (4.0, 4.0, 4.0, 4.0), 10, 2.0)] * 3
    measured = combine([(1, a), (-1, b)], "cpu")
    assert measured.flag == "unresolved" and (measured.cpu_ms, measured.wall_ms) == (1, 1)
    assert measured.reference_units == measured.low_units == measured.high_units == pytest.approx(4 / 1000 / 2)


@pytest.mark.parametrize("cpu, wall, flag", [(4.0, 4.0, ""), (4.0, 5.0, "unresolved"), (5.0, 4.0, "unresolved")])
def test_either_clock_may_leave_it_unresolved(cpu, wall, flag):
    """Times of 5 ms that differ by 1 ms or by nothing; the least that 4.5 ms resolve is a thousandth of them."""
    a = [Sample(5.0, 5.0, 4.5, (4.0, 4.5, 5.5, 6.0), 10, 2.0)] * 3
    b = [Sample(cpu, wall, 3.5, (4.0, 4.0, 4.0, 4.0), 10, 2.0)] * 3
    measured = combine([(1, a), (-1, b)], "cpu")
    assert (measured.flag, measured.cpu_ms, measured.wall_ms) == (flag, max(5 - cpu, 0.0045), max(5 - wall, 0.0045))
    assert measured.reference_units == 0.5


@pytest.mark.parametrize("drift, flag", [(0.049, ""), (0.05, ""), (0.051, "unsteady")])
def test_five_percent_of_drift_are_steady(drift, flag):
    assert combine([(1, samples(3, 3, drift=drift))], "cpu").flag == flag


def test_a_sample_keeps_quantiles_of_the_clock_that_ranks():
    """101 runs of 0 to 100 ms of CPU time, so that a quantile is its percentage; twice that on the wall."""
    runs = list(range(101))
    times = {"cpu_ms": runs[::-1], "wall_ms": [2 * ms for ms in runs]}
    by_cpu, by_wall = summarise(times, "cpu"), summarise(times, "wall")
    assert (by_cpu.cpu_ms, by_cpu.wall_ms, by_cpu.runs) == (by_wall.cpu_ms, by_wall.wall_ms, by_wall.runs) == (50, 100, 101)
    assert by_cpu.quantiles == pytest.approx((5, 25, 75, 95)) and by_cpu.low_ms == pytest.approx(10)
    assert by_wall.quantiles == pytest.approx((10, 50, 150, 190)) and by_wall.low_ms == pytest.approx(20)
    assert by_cpu.drift == 0 and np.isnan(by_cpu.reference_ms)


def test_half_of_the_samples_decide_whether_it_is_unsteady():
    """The mean of these drifts would be 0.1."""
    three = [dataclasses.replace(sample, drift=drift) for sample, drift in zip(samples(3, 3, 3), (0.0, 0.0, 0.3), strict=True)]
    assert combine([(1, three)], "cpu").flag == ""


def test_the_longest_model_is_that_of_the_first_round():
    """Its runs spread from 0.8 to 1.1 of the median, those of the other from 0.5 to 2."""
    other = [dataclasses.replace(sample, quantiles=(2.0, 3.0, 6.0, 8.0)) for sample in samples(4, 4, 4)]
    measured = combine([(1, samples(5, 3, 3)), (1, other)], "cpu")
    assert (measured.p05_ms, measured.p95_ms) == pytest.approx((0.8 * 7, 1.1 * 7))


def test_exactly_a_thousandth_is_resolved():
    measured = combine([(0.001, [Sample(4.0, 4.0, 4.0, (4.0, 4.0, 4.0, 4.0), 10, 2.0)] * 3)], "cpu")
    assert (measured.flag, measured.cpu_ms, measured.reference_units) == ("", 0.004, 0.002)
