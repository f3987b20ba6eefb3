import numpy as np

from benchmarks.chips import MACS, Remembering, chip_winner, evaluated, gains, macs_winner, measure_on, show, winners
from benchmarks.record import Record
from latency_tables.measuring.setup import Setup
from search.judging.judge import Job, Outcome
from search.metrics.counted import multiply_adds
from search.metrics.metric import Metric, Objective
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
ARCHS = sorted((NANO.space.sample(np.random.default_rng(i)) for i in range(6)), key=lambda arch: NANO.counts(arch, "search").macs)
SIZES = [NANO.counts(arch, "search").macs for arch in ARCHS]
FITS = dict(zip((arch.name for arch in ARCHS), (0.2, 0.5, 0.4, 0.7, 0.6, 0.9), strict=True))
PLACES = {arch.key: i for i, arch in enumerate(ARCHS)}


def latency(ms):
    """Predicted latencies of `ARCHS`."""
    return Objective(Metric("latency", "ms"), lambda choices: np.array([ms[PLACES[NANO.space.at(row).key]] for row in choices], float))


def test_the_macs_aware_winner_fits_best_within_the_limit():
    assert macs_winner(FITS, NANO, SIZES[2]) == (ARCHS[1], 0.5)
    assert macs_winner(FITS, NANO, SIZES[3]) == (ARCHS[3], 0.7)
    assert macs_winner(FITS, NANO, SIZES[0] - 1) is None


def test_a_chips_winner_is_the_fastest_measured_of_those_predicted_fastest():
    asked = []

    def measured(archs):
        asked.extend(PLACES[arch.key] for arch in archs)
        return {arch.key: {1: 9.0, 3: 5.0, 4: 4.0, 5: 1.0}[PLACES[arch.key]] for arch in archs}

    predicted = latency([0, 1, 0, 2, 3, 4])
    assert chip_winner(FITS, 0.5, predicted, NANO, measured) == ARCHS[4]  # the fastest, 5, is not among the three predicted fastest
    assert asked == [1, 3, 4]
    assert chip_winner(FITS, 0.95, predicted, NANO, measured) is None


def test_a_gain_is_a_ratio_of_measured_times():
    fits = {MACS: FITS, "a": FITS, "b": {ARCHS[0].name: 0.2}}
    ms = [10.0, 8.0, 6.0, 5.0, 2.0, 4.0]
    chosen = winners(
        fits, NANO, [1.0, SIZES[1]], {"a": latency(ms), "b": latency(ms)}, lambda _, archs: {a.key: ms[PLACES[a.key]] for a in archs}
    )
    (some,) = chosen.values()
    assert some == {MACS: ARCHS[1], "a": ARCHS[4]}  # nothing meets the first limit, and the search for b found nothing as good
    assert gains({"a": {arch.key: each for arch, each in zip(ARCHS, ms, strict=True)}}, some) == {"a": 4.0}


def test_searches_share_what_was_judged(tmp_path):
    judged = []

    def judge(job):
        judged.append(job.architecture.key)
        return Outcome({"fit": (0.5, 0.5)}, 1.0)

    remembering = Remembering(judge)
    job = Job(ARCHS[0], range(0), pairs=range(2))
    assert remembering(job) == remembering(job) and len(judged) == 1
    fits = evaluated(NANO, multiply_adds(NANO), SIZES[-1], remembering, tmp_path / "s", 4, range(2), "random")
    assert len(fits) == 4 and set(fits.values()) == {0.5}
    before = len(judged)
    assert evaluated(NANO, multiply_adds(NANO), SIZES[-1], remembering, tmp_path / "s", 4, range(2), "random") == fits
    assert len(judged) == before


def test_networks_are_measured_side_by_side():
    ms = measure_on(Setup(), NANO, ARCHS[:2])
    assert set(ms) == {arch.key for arch in ARCHS[:2]} and all(0 < each < 1000 for each in ms.values())


def test_the_cross_table_has_a_row_for_each_winner(tmp_path):
    record = Record(tmp_path / "x.json", "chips.py", {})
    line = {"winner": MACS, "fit": 0.5, "fit_new": 0.49, "macs": 5_000_000, "ncnn fp32": 1.5, "gain": None}
    record.row("chosen", dict)
    record.row("ms:ncnn fp32", dict)
    record.row("winners:5M", lambda: {"lines": [line, {**line, "winner": "ncnn fp32", "ncnn fp32": 1.2, "gain": 1.25}]})
    assert show(record.rows).splitlines()[2:] == [
        "| winner for | fit | fit, new pairs | multiply-adds | ms, ncnn fp32 | faster than macs |",
        "|---|--:|--:|--:|--:|--:|",
        "| macs | 0.500 | 0.490 | 5,000,000 | 1.500 | - |",
        "| ncnn fp32 | 0.500 | 0.490 | 5,000,000 | 1.200 | 1.250 |",
    ]
