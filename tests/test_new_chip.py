"""Chips imagined for a family, and predictors that follow from few networks; measured tables stand for the new chips."""

import dataclasses

import numpy as np
import pytest

from latency_tables.tables.profile import Profile
from latency_tables.tables.shipped import SHIPPED
from latency_tables.tables.table import LatencyTable
from predictors.load import load_predictor
from predictors.measured import measured_networks
from predictors.scores import score
from predictors.transfer.belief import Belief, condition, expected_error, leave_one_out
from predictors.transfer.imagined import imagined_chips, relative
from predictors.transfer.new_chip import Measured, NewChip, _relative_costs
from supernet.families import FAMILIES
from tests.made_up_family import Tokens

NANO = FAMILIES["nano"]
PROFILE = Profile("nano", "local", "openvino", "1", 1, "fp32", "", "cpu", "new", "os")


@pytest.fixture(scope="module")
def tables():
    return {name: LatencyTable.load(SHIPPED / f"nano-{name}-fp32.csv") for name in ("onnxruntime", "mnn", "openvino")}


@pytest.fixture(scope="module")
def chip(tables):
    return NewChip(NANO, [tables[name].operator_ms() for name in ("onnxruntime", "mnn")])


@pytest.fixture(scope="module")
def openvino(tables):
    search, template = (measured_networks(tables["openvino"], branch) for branch in ("search", "template"))
    return Measured(search.architectures, search.ms, template.ms)


def first(measured, count):
    """Evenly spread over what the table has, which lists the smallest first."""
    some = np.linspace(0, len(measured.search_ms) - 1, count).astype(int)
    return Measured(tuple(measured.architectures[i] for i in some), measured.search_ms[some], measured.template_ms[some])


def made_up(chip, architectures, operator_ms, call_ms=0.0):
    """What networks take where operators take these times."""
    sums = {
        branch: [sum(operator_ms[op.key] for op in NANO.operators(a) if op.branch == branch) + call_ms for a in architectures]
        for branch in ("search", "template")
    }
    return Measured(tuple(architectures), np.array(sums["search"]), np.array(sums["template"]))


def test_a_runtime_is_predicted_from_ten_networks_and_two_others(chip, openvino):
    some = first(openvino, 10)
    predictor = chip.fit(some, PROFILE, 1.0, {})
    others = [i for i, a in enumerate(openvino.architectures) if a not in some.architectures]
    asked = [openvino.architectures[i] for i in others]
    prediction = predictor.predict(asked)
    scores = score(prediction.value, openvino.search_ms[others])
    assert scores.mape < 3 and scores.spearman > 0.97
    inside = (prediction.low <= openvino.search_ms[others]) & (openvino.search_ms[others] <= prediction.high)
    assert 0.75 < inside.mean() <= 1
    assert score(predictor.template_ms(asked), openvino.template_ms[others]).mape < 6


def test_the_other_chips_and_not_only_the_networks_make_the_prediction(tables, chip, openvino):
    few = first(openvino, 4)
    errors = [
        score(c.fit(few, PROFILE, 1.0, {}).predict(openvino.architectures).value, openvino.search_ms).mape
        for c in (chip, NewChip(NANO, [], seed=0))
    ]
    assert errors[0] < 0.7 * errors[1]


def test_a_chip_ten_times_slower_is_as_easy(tables, chip):
    slow = {key: 10 * ms for key, ms in tables["mnn"].operator_ms().items()}
    measured = made_up(chip, chip.choose(5), slow, call_ms=0.4)
    asked = chip.candidates[50:100]
    assert chip.fit(measured, PROFILE, 1.0, {}).predict(asked).value == pytest.approx(made_up(chip, asked, slow, 0.4).search_ms, rel=0.05)


def test_an_engine_without_code_for_a_kernel_size_is_recognised(tables, chip):
    """As LiteRT and its 7x7 depthwise convolutions, at six times the usual cost."""
    ms = {op.key: tables["mnn"].operator_ms()[op.key] * (6 if op.option.get("kernel") == 7 else 1) for op in NANO.all_operators}
    asked = chip.candidates[50:150]
    truth = made_up(chip, asked, ms).search_ms
    predicted = chip.fit(made_up(chip, chip.choose(10), ms), PROFILE, 1.0, {}).predict(asked).value
    assert score(predicted, truth).mape < 4
    assert (
        score(chip.fit(made_up(chip, chip.choose(10), tables["mnn"].operator_ms()), PROFILE, 1.0, {}).predict(asked).value, truth).spearman
        < 0.9
    )


def test_the_file_is_an_ordinary_predictor(chip, openvino, tmp_path):
    predictor = chip.fit(first(openvino, 10), PROFILE, 1.0, {})
    predictor.save(tmp_path / "p.json")
    loaded = load_predictor(tmp_path / "p.json")
    assert loaded.complete and min(loaded.operator_ms.values()) > 0
    assert loaded.predict(chip.candidates[:5]).value == pytest.approx(predictor.predict(chip.candidates[:5]).value)
    fit = loaded.about["fit"]
    assert fit["networks"] == 10 and [point["networks"] for point in fit["learning"]] == list(range(3, 11))
    assert all(row["low_ms"] < row["predicted_ms"] < row["high_ms"] for row in fit["held_out"])
    assert fit["expected_mape"] == fit["learning"][-1]["expected_mape"] < fit["learning"][0]["expected_mape"]


def test_each_measurement_is_expected_to_help_where_the_chip_is_as_believed(chip, tables):
    errors = chip.expected_errors(made_up(chip, chip.choose(10), tables["onnxruntime"].operator_ms()))
    assert len(errors) == 10 and errors[0] > 2 * errors[-1]
    like, strange = chip.forecast(10)
    assert like < strange and like == pytest.approx(errors[-1], rel=0.5)


def test_chosen_networks_are_fixed_by_the_seed_and_differ(tables, chip):
    known = [tables[name].operator_ms() for name in ("onnxruntime", "mnn")]
    chosen = chip.choose(10)
    assert chosen == NewChip(NANO, known, seed=0).choose(10) and chosen != NewChip(NANO, known, seed=1).choose(10)
    assert len(set(chosen)) == 10 and chip.choose(4) == chosen[:4]


def test_gaps_of_another_chip_are_filled_by_its_multiply_adds(tables, openvino):
    known = tables["mnn"].operator_ms()
    holes = {key: ms for i, (key, ms) in enumerate(known.items()) if i % 10}
    whole, holey = (NewChip(NANO, [times]).fit(first(openvino, 10), PROFILE, 1.0, {}) for times in (known, holes))
    assert holey.complete
    assert holey.predict(openvino.architectures).value == pytest.approx(whole.predict(openvino.architectures).value, rel=0.1)


@pytest.mark.parametrize("count, repeats", [(2, 1), (1, 10)])
def test_too_few_different_networks_are_refused(chip, openvino, count, repeats):
    few = first(openvino, count)
    again = Measured(few.architectures * repeats, np.tile(few.search_ms, repeats), np.tile(few.template_ms, repeats))
    with pytest.raises(ValueError, match=f"at least 3 different measured networks, got {count}; use --networks 10"):
        chip.fit(again, PROFILE, 1.0, {})


def test_imagined_chips_cost_a_usual_network_one_and_differ(rng):
    operators = NANO.all_operators
    usual = np.array([op.branch == "search" for op in operators], float)
    known = relative(np.array([op.counts.macs for op in operators], float), usual)[:, None]
    hypotheses = imagined_chips(operators, usual, known, rng)
    assert len(hypotheses) == 4
    spreads = []
    for costs in hypotheses:
        assert costs.shape[0] == len(operators) and (costs > 0).all()
        assert usual @ costs == pytest.approx(np.ones(costs.shape[1]))
        spreads.append(np.log(costs).std(axis=1).mean())
    assert spreads[0] < spreads[1] < spreads[2]


def test_a_family_of_other_operators_and_without_a_template_branch_is_known_as_well(monkeypatch):
    tokens = Tokens()
    monkeypatch.setitem(FAMILIES, "tokens", tokens)
    chip, costs = NewChip(tokens, []), {op.key: ms for op, ms in zip(tokens.all_operators, (1.0, 2.0, 4.0, 8.0), strict=True)}
    every = tuple(tokens.architecture({"mlp.0": a, "mlp.1": b}) for a in tokens.choices["mlp.0"] for b in tokens.choices["mlp.1"])
    ms = np.array([sum(costs[op.key] for op in tokens.operators(architecture)) for architecture in every])
    predictor = chip.fit(
        Measured(every[:5], ms[:5], np.empty(0)), dataclasses.replace(PROFILE, family="tokens"), 1.0, {"from": ["nothing"]}
    )
    assert predictor.predict(every).value == pytest.approx(ms, rel=0.05)
    assert predictor.template_ms(every).tolist() == [0.0] * 6 and predictor.about["fit"]["from"] == ["nothing"]


@pytest.fixture
def tokens(monkeypatch):
    """A family of four operators, of which each network has three or four; every one of its six networks is drawn as reference."""
    family = Tokens()
    monkeypatch.setitem(FAMILIES, "tokens", family)
    return family


TOKEN_MS = (1.0, 2.0, 4.0, 8.0)


def every(tokens):
    """All six architectures, how often each has each operator, and what they take if a call takes 0.5 ms and operators `TOKEN_MS`."""
    all_ = [tokens.architecture({"mlp.0": a, "mlp.1": b}) for a in tokens.choices["mlp.0"] for b in tokens.choices["mlp.1"]]
    keys = [op.key for op in tokens.all_operators]
    counts = np.array([np.bincount([keys.index(op.key) for op in tokens.operators(a)], minlength=len(keys)) for a in all_], float)
    return all_, counts, 0.5 + counts @ TOKEN_MS


def by_hand(chip, counts, calls=1.0):
    """Beliefs about networks of these counts, one for each hypothesis."""
    return [Belief.of(counts @ chip._known, counts @ costs, calls=calls) for costs in chip._imagined]


def test_the_reference_are_300_random_networks_which_cost_one_on_average(chip):
    assert len(chip.candidates) == 300 and len(chip.choose(60)) == 50
    assert [belief.mean.mean() for belief in chip._random] == pytest.approx([1] * 4)


def test_networks_are_chosen_from_candidates(tokens):
    all_, _, _ = every(tokens)
    chip = NewChip(tokens, [], candidates=all_[1:5])
    assert sorted(map(str, chip.choose(9))) == sorted(map(str, all_[1:5]))


def test_costs_of_known_chips_are_relative_and_gaps_go_by_multiply_adds(tokens):
    """Multiply-adds of 64, 256, 256 and 32; the second operator has no time, and the others take 13 ms for 1 x 64 + 2 x 256 + 1 x 32."""
    operators = tokens.all_operators
    macs = [op.counts.macs for op in operators]
    assert sorted(macs) == [32, 64, 256, 256]
    usual = np.array([1.0, 3, 2, 1])
    times = {op.key: ms for op, ms in zip(operators, TOKEN_MS, strict=True)}
    whole = _relative_costs(operators, usual, [times])
    assert whole[:, 0] == pytest.approx(np.array(TOKEN_MS) / (1 + 6 + 8 + 8))
    del times[operators[1].key]
    there = usual * [1, 0, 1, 1]
    gap = macs[1] * (there @ TOKEN_MS) / (there @ macs)
    both = _relative_costs(operators, usual, [dict.fromkeys(times, 1.0), times])
    assert both[:, 1] == pytest.approx(np.array([1, gap, 4, 8]) / (1 + 3 * gap + 8 + 8))
    assert _relative_costs(operators, usual, []).shape == (4, 0)


def test_the_predictor_is_the_posterior_as_a_table(tokens):
    all_, counts, ms = every(tokens)
    chip = NewChip(tokens, [{op.key: 1.0 for op in tokens.all_operators}])
    some = [0, 1, 3, 5]
    measured = Measured(tuple(all_[i] for i in some), ms[some], np.empty(0))
    predictor = chip.fit(measured, dataclasses.replace(PROFILE, family="tokens"), 1.0, {})
    beliefs = by_hand(chip, counts)
    posterior = condition([belief[some] for belief in beliefs], ms[some])
    assert min(predictor.operator_ms.values()) > 1e-6
    assert predictor.predict(all_).value == pytest.approx(posterior.mean(beliefs))
    operators = posterior.mean(by_hand(chip, np.eye(4), calls=0.0))
    assert [predictor.operator_ms[op.key] for op in tokens.all_operators] == pytest.approx(operators)
    # 90 % of a normal distribution lie within 1.645 standard deviations; those of the reference networks count as squares
    deviation = posterior.predict(chip._random)[1]
    assert predictor.interval.reach == pytest.approx(1.6448536 * np.sqrt(np.mean(deviation**2)))
    fit = predictor.about["fit"]
    held_out, spread = leave_one_out([belief[some] for belief in beliefs], ms[some])
    ends = [[row[name] for name in ("predicted_ms", "low_ms", "high_ms")] for row in fit["held_out"]]
    expected = np.column_stack([held_out, held_out * np.exp(-1.6448536 * spread), held_out * np.exp(1.6448536 * spread)])
    np.testing.assert_allclose(ends, expected, rtol=1e-4)
    # with three networks, then with four
    errors = chip.expected_errors(measured)
    assert errors[2:] == [point["expected_mape"] for point in fit["learning"]] and fit["expected_mape"] == errors[3]
    for n in range(1, 5):
        first_ones = condition([belief[some[:n]] for belief in beliefs], ms[some[:n]])
        assert errors[n - 1] == pytest.approx(expected_error(first_ones.predict(chip._random)[1]))
    three, _ = leave_one_out([belief[some[:3]] for belief in beliefs], ms[some[:3]])
    assert fit["learning"][0]["mape"] == pytest.approx(100 * np.abs(three / ms[some[:3]] - 1).mean())


def test_what_is_forecast_is_the_least_and_the_largest_over_the_hypotheses(tokens):
    chip = NewChip(tokens, [])
    all_, counts, _ = every(tokens)
    chosen = [all_.index(a) for a in chip.choose(3)]
    errors = []
    for belief, reference in zip(by_hand(chip, counts), chip._random, strict=True):
        alone = belief[chosen]
        errors.append(expected_error(condition([alone], alone.mean).predict([reference])[1]))
    assert chip.forecast(3) == pytest.approx((min(errors), max(errors))) and min(errors) < max(errors)


def test_three_networks_are_enough_and_no_operator_takes_less_than_a_nanosecond(tokens):
    """The third network lacks an operator of the first two and takes longer, so that this operator comes out below zero."""
    all_, _, _ = every(tokens)
    ms = np.array([1.0, 1.0, 1.4])
    predictor = NewChip(tokens, []).fit(Measured(tuple(all_[:3]), ms, np.empty(0)), dataclasses.replace(PROFILE, family="tokens"), 1.0, {})
    assert min(predictor.operator_ms.values()) == 1e-6
