"""Predictors that are fitted again to further networks, of a device that is made up."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latency_tables.tables.shipped import SHIPPED
from latency_tables.tables.table import LatencyTable
from predictors.load import load_latency
from predictors.measured import measured_networks
from predictors.refit import least_certain, refit
from predictors.transfer.new_chip import Measured, NewChip
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
CHIP = load_latency(Path(__file__).parent / "data" / "predictor-3.json")
MACS = dict(zip((op.key for op in NANO.all_operators), (op.counts.macs for op in NANO.all_operators), strict=True))


def drawn(count, seed=0):
    rng = np.random.default_rng(seed)
    return list(dict.fromkeys(NANO.space.sample(rng) for _ in range(count)))


def real_ms(architectures) -> np.ndarray:
    """A device that is slower than the table says, the more so the more operators a network has."""
    return CHIP.predict(architectures).value * (1.1 + 0.02 * np.array([len(NANO.operators(each)) - 25 for each in architectures]))


def known(architectures):
    return dict(zip(architectures, map(float, real_ms(architectures)), strict=True))


def error(predictor, architectures) -> float:
    return float(np.abs(predictor.predict(architectures).value / real_ms(architectures) - 1).mean())


def test_a_handful_of_networks_removes_most_of_the_error():
    others = drawn(40, 1)
    errors = [error(CHIP, others), *(error(refit(CHIP, known(drawn(count))), others) for count in (4, 16))]
    assert errors[1] < 0.7 * errors[0] and errors[2] < 0.5 * errors[0]


def test_what_all_networks_share_is_learned_from_one():
    one, *others = drawn(5)
    again = refit(CHIP, {one: 1.25 * float(CHIP.predict([one]).value[0])})
    assert again.predict(others).value == pytest.approx(1.25 * CHIP.predict(others).value)
    assert again.template_ms(others) == pytest.approx(CHIP.template_ms(others))


def test_nothing_new_changes_nothing_and_a_file_without_record_will_do():
    assert refit(CHIP, {}) is CHIP
    assert error(refit(replace(CHIP, about={}), known(drawn(8))), drawn(20, 1)) < 0.7 * error(CHIP, drawn(20, 1))


def test_intervals_grow_where_networks_contradict_each_other():
    some = drawn(12)
    wild = {each: ms * (1.3 if i % 2 else 1.0) for i, (each, ms) in enumerate(known(some).items())}
    assert refit(CHIP, wild).interval.reach > 2 * CHIP.interval.reach


def test_the_least_certain_are_unlike_those_measured_and_unlike_each_other():
    near = drawn(6)
    alike = [NANO.space.mutate(each, np.random.default_rng(i), 0.0) for i, each in enumerate(near)]
    strange = drawn(3, 9)
    chosen = least_certain(CHIP, [*near, *alike, *strange], 4, known(near))
    assert len(set(chosen)) == 4 and not set(chosen) & set(range(6))
    assert least_certain(CHIP, near, 20, {}) and len(least_certain(CHIP, near, 20, {})) == 6
    assert least_certain(replace(CHIP, about={}), near, 2, {}) == [0, 1]
    assert least_certain(CHIP, [], 4, {}) == []


def test_an_adapted_predictor_is_conditioned_on_further_networks(tmp_path):
    tables = {name: LatencyTable.load(SHIPPED / f"nano-{name}-fp32.csv") for name in ("onnxruntime", "ncnn")}
    source = SHIPPED / "nano-onnxruntime-fp32.csv"
    search, template = (measured_networks(tables["ncnn"], branch) for branch in ("search", "template"))
    order = np.random.default_rng(0).permutation(len(search.ms))
    first, then, rest = order[:3], order[3:15], order[15:]
    chip = NewChip(NANO, [tables["onnxruntime"].operator_ms()])
    some = Measured(tuple(search.architectures[i] for i in first), search.ms[first], template.ms[first])
    predictor = chip.fit(some, tables["ncnn"].profile, tables["ncnn"].reference_ms, {"from": [str(source)]})
    further = {search.architectures[i]: float(search.ms[i]) for i in then}
    asked, truth = [search.architectures[i] for i in rest], search.ms[rest]

    def miss(by):
        return float(np.abs(by.predict(asked).value / truth - 1).mean())

    again = refit(predictor, further)
    assert miss(again) < 0.5 * miss(predictor) and again.about["fit"]["networks"] == 15
    again.save(tmp_path / "again.json")
    assert load_latency(tmp_path / "again.json").predict(asked).value == pytest.approx(again.predict(asked).value)
    gone = replace(predictor, about={"fit": {**predictor.about["fit"], "from": [str(tmp_path / "gone.csv")]}})
    assert miss(refit(gone, further)) < 0.5 * miss(predictor)
