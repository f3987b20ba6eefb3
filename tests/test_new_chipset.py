import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import new_chipset
from benchmarks.chip_table import Table, read, siblings
from benchmarks.nas_bench_201 import EDGES, OPERATORS, RULES, TERMS, counts, executed, features, imagine, parse, terms
from benchmarks.new_chipset import METHODS, judge, split, usable

SHORT = {"n": "none", "s": "skip_connect", "1": "nor_conv_1x1", "3": "nor_conv_3x3", "p": "avg_pool_3x3"}


def text(short: str) -> str:
    """`333333` -> the notation, edges in the order of EDGES."""
    a, b, c, d, e, f = (SHORT[letter] for letter in short)
    return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"


def cells(*shorts: str) -> np.ndarray:
    return np.array([parse(text(short)) for short in shorts])


any_cell = st.text("ns13p", min_size=6, max_size=6)


def test_a_cell_is_read_edge_by_edge():
    assert [OPERATORS[i] for i in parse(text("ns13p3"))] == [SHORT[letter] for letter in "ns13p3"]


@pytest.mark.parametrize(
    "bad, named",
    [
        ("|none~0|+|none~0|none~1|", "four nodes"),  # three nodes
        (text("333333") + "+|none~0|none~1|none~2|none~3|", "four nodes"),  # five
        (text("333333").replace("~2", "~1"), "four nodes"),  # an edge twice
        ("", "four nodes"),
        (None, "four nodes"),
        (text("333333").replace("3x3", "7x7"), "nor_conv_7x7"),
    ],
)
def test_other_cells_are_refused_in_one_line(bad, named):
    with pytest.raises(ValueError, match=named) as caught:
        parse(bad)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "short, needed, live",
    [
        ("333333", "111111", "111111"),  # nothing is dead
        ("333nnn", "000000", "000000"),  # nothing reaches the output
        ("3nn3nn", "000100", "000100"),  # node 1 leads nowhere
        ("nn3333", "001111", "000100"),  # nodes 1 and 2 are zeros: needed, but not live
        ("3n3nn3", "101001", "101001"),  # a chain
        ("33n33n", "100110", "100110"),  # node 2 leads nowhere
    ],
)
def test_what_is_executed(short, needed, live):
    masks = {rule: "".join(str(int(runs)) for runs in executed(cells(short), rule)[0]) for rule in RULES}
    assert masks == {"all": "111111", "needed": needed, "live": live}


@pytest.mark.parametrize(
    "short, rule, expected",
    [
        ("3nnsnn", "live", {"skip_connect": 1}),
        ("3nnsnn", "needed", {"skip_connect": 1}),
        ("3nnsnn", "all", {"none": 4, "skip_connect": 1, "nor_conv_3x3": 1, "addition": 3, "open addition": 3, "fan-out": 1}),
        ("3nn33n", "live", {"nor_conv_3x3": 3, "addition": 1, "twin 3x3": 1}),  # edges 0-1 and 0-3 are the same convolution
        ("snnspn", "live", {"skip_connect": 2, "avg_pool_3x3": 1, "addition": 1, "open addition": 1}),  # no convolution can add
        ("1n1n11", "live", {"nor_conv_1x1": 4, "addition": 1, "fan-out": 1, "twin 1x1": 1}),  # node 1 is read twice, by equals
    ],
)
def test_terms(short, rule, expected):
    total, _ = terms(cells(short), rule)
    assert dict(zip(TERMS, total[0].tolist(), strict=True)) == {**dict.fromkeys(TERMS, 0), **expected}


def test_ways_to_the_output():
    _, along = terms(cells("3n1pns"), "live")
    direct, over_1, over_2, over_both = along[:, 0].tolist()
    assert (over_1, over_2) == ([0] * 6, [0] * 6)
    assert direct == [0, 0, 0, 0, 1, 1]  # the pooling, and the addition at the output
    assert over_both == [0, 1, 1, 1, 0, 1]


@given(st.lists(any_cell, min_size=1, max_size=20))
def test_chips_that_execute_less_take_less(shorts):
    full, needed, live = (executed(cells(*shorts), rule) for rule in RULES)
    assert (live <= needed).all() and (needed <= full).all()
    by_rule = {rule: imagine(cells(*shorts), rule, 30, np.random.default_rng(0)) for rule in RULES}
    assert by_rule["all"].shape == (len(shorts), 30) and all((ms > 0).all() for ms in by_rule.values())
    assert (by_rule["live"] <= by_rule["needed"] + 1e-9).all()


@given(st.text("s13p", min_size=6, max_size=6))
def test_rules_agree_where_nothing_is_dead(short):
    chips = [imagine(cells(short), rule, 30, np.random.default_rng(0)) for rule in RULES]
    np.testing.assert_allclose(chips[1], chips[0])
    np.testing.assert_allclose(chips[2], chips[0])


@given(any_cell, any_cell)
def test_features_tell_cells_apart(a, b):
    x = features(cells(a, b))
    assert (a == b) == bool((x[0] == x[1]).all())


def networks(count: int) -> list[str]:
    rng = np.random.default_rng(0)
    return list(dict.fromkeys(text("".join(rng.choice(list("ns13p"), len(EDGES)))) for _ in range(count)))


def frame(count: int = 80) -> pd.DataFrame:
    """Three chips whose operators differ in cost; the last runs everything and was measured on most of the networks."""
    names, rng = networks(count), np.random.default_rng(1)
    known = np.array([parse(name) for name in names])
    costs = {"kryo_485": ("live", [0.2, 1, 3, 1]), "mali_g76": ("live", [0.5, 1, 1, 2]), "grid_simulated": ("all", [0.1, 1, 2, 1])}
    ms = {chip: (5 + counts(known, rule) @ cost) * rng.normal(1, 0.01, len(names)) for chip, (rule, cost) in costs.items()}
    table = pd.DataFrame({"arch_str": names, **ms}).astype({"mali_g76": "float32"})
    table.loc[::7, "grid_simulated"] = np.nan
    return table


def written(folder: Path, table: pd.DataFrame) -> Path:
    path = folder / "table.csv"
    table.to_csv(path, index=False)
    return path


def run(capsys, monkeypatch, *words) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["new_chipset", *map(str, words)])
    status = 0
    try:
        new_chipset.main()
    except SystemExit as stopped:
        status = stopped.code
    out, err = capsys.readouterr()
    return status, out, err


def test_the_script_judges_every_chip(tmp_path, capsys, monkeypatch):
    path = tmp_path / "table.parquet"
    frame().to_parquet(path)
    status, out, _ = run(capsys, monkeypatch, path, "--samples", 10, 20, "--seeds", 1, "--json")
    result = json.loads(out)
    assert status == 0 and list(result["samples"]) == ["10", "20"] and list(result["samples"]["20"]) == list(METHODS)
    transfer, proxy = (result["samples"]["20"][method] for method in ("transfer", "proxy"))
    assert list(transfer["chips"]) == ["kryo_485", "mali_g76", "grid_simulated"]
    assert all(figures["within_10"] > 90 for figures in transfer["chips"].values())
    assert transfer["mean_not_simulated"]["mape"] == pytest.approx(
        np.mean([transfer["chips"][c]["mape"] for c in ("kryo_485", "mali_g76")]), abs=1e-3
    )
    assert transfer["mean"]["mape"] < proxy["mean"]["mape"]
    shown = new_chipset.show(result).splitlines()
    assert any(line.startswith("mean without simulated") for line in shown) and shown[-1].endswith("none")


def test_one_chip_is_judged_without_others():
    table = Table(np.array([parse(name) for name in frame()["arch_str"]]), frame()[["kryo_485"]])
    result = judge(table, [15], 1)["samples"]["15"]
    assert result["transfer"]["mean"]["within_10"] > 80
    assert result["proxy"] == {"chips": {"kryo_485": None}, "mean": None, "mean_not_simulated": None}
    assert "coverage" in result["transfer_random"]["mean"] and "coverage" not in result["additive"]["mean"]


def test_additive_table_and_scaled_proxy_are_exact_where_they_are_true():
    known = np.array([parse(name) for name in networks(60)])
    ms = 2 + counts(known, "live") @ [0.2, 1.0, 4.0, 1.0]
    others = new_chipset.Others(Table(known, pd.DataFrame({"a": ms})), np.column_stack([np.linspace(1, 2, len(ms)), 3 * ms]))
    rows, asked = np.arange(20), np.arange(20, len(ms))
    for baseline in ("additive", "proxy"):
        np.testing.assert_allclose(new_chipset.BASELINES[baseline](others, rows, ms[rows], asked), ms[asked], rtol=1e-6)


def test_siblings_share_a_name_or_an_order():
    table = frame(80)[["arch_str", "kryo_485"]].rename(columns={"kryo_485": "mali_g76_fp32"})
    rng = np.random.default_rng(2)
    table["mali_g76_fp16"] = rng.uniform(1, 2, len(table))  # a name in common
    table["copy"] = 3 * table["mali_g76_fp32"]  # an order in common
    known = Table(np.array([parse(name) for name in table["arch_str"]]), table.drop(columns="arch_str"))
    assert siblings(known) == {"mali_g76_fp32": ["mali_g76_fp16", "copy"], "mali_g76_fp16": ["mali_g76_fp32"], "copy": ["mali_g76_fp32"]}


def test_repeated_cells_become_one(tmp_path):
    table = frame(60)
    again = table.iloc[:30].assign(kryo_485=lambda t: 3 * t["kryo_485"])
    known = read(written(tmp_path, pd.concat([table, again])))
    assert len(known.cells) == len(table)
    row = {tuple(cell): i for i, cell in enumerate(known.cells.tolist())}[parse(table["arch_str"][0])]
    assert known.ms["kryo_485"][row] == pytest.approx(2 * table["kryo_485"][0])


def test_a_chip_that_few_networks_were_measured_on_uses_all_that_it_has():
    ms = np.full(5000, np.nan)
    ms[::100] = 1.0
    training, _ = split(Table(np.zeros((5000, 6), int), pd.DataFrame()), 0)
    assert set(usable(ms, training).tolist()) == {row for row in training.tolist() if row % 100 == 0}
    assert len(usable(np.ones(5000), training)) == 800


@pytest.mark.parametrize("count, trained, asked", [(60, 30, 30), (61, 30, 31)])
def test_halves_have_no_network_in_common(count, trained, asked):
    table = Table(np.zeros((count, 6), int), pd.DataFrame())
    training, rest = split(table, 3)
    assert (len(training), len(rest), len({*training.tolist()} & {*rest.tolist()})) == (trained, asked, 0)


@pytest.mark.parametrize(
    "spoil, named",
    [
        (lambda t: t.rename(columns={"arch_str": "arch"}), "column arch_str"),
        (lambda t: t.assign(note="fast"), "'note' holds"),
        (lambda t: t.assign(mali_g76=-1.0), "must be positive, 'mali_g76' has -1"),
        (lambda t: t.assign(mali_g76=np.inf), "must be positive"),
        (lambda t: t[["arch_str"]], "at least one chip"),
        (lambda t: t.iloc[:0], "must have networks"),
        (lambda t: t.iloc[:12], "at least 20 different measured networks, 'grid_simulated'"),
        (lambda t: t.assign(arch_str="|none~0|"), "four nodes"),
    ],
)
def test_unsound_tables_are_refused_in_one_line(tmp_path, capsys, monkeypatch, spoil, named):
    status, out, err = run(capsys, monkeypatch, written(tmp_path, spoil(frame())))
    assert (status, out, err.count("\n")) == (2, "", 1) and named in err


@pytest.mark.parametrize(
    "flags, named",
    [
        (["--samples", "10", "200"], "at most the"),
        (["--samples", "1"], "at least 2"),
        (["--samples", "many"], "see --help"),
        (["--seeds", "0"], "--seeds 5"),
        (["--chips", "kryo_486"], "known|one of kryo_485"),
    ],
)
def test_unsound_flags_are_refused_in_one_line(tmp_path, capsys, monkeypatch, flags, named):
    status, out, err = run(capsys, monkeypatch, written(tmp_path, frame()), *flags)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert any(words in err for words in named.split("|"))


@pytest.mark.parametrize(
    "name, content", [("missing.parquet", None), ("torn.parquet", b"PAR1 torn"), ("table.txt", b""), ("empty.csv", b"")]
)
def test_unreadable_files_are_refused_in_one_line(tmp_path, capsys, monkeypatch, name, content):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    status, out, err = run(capsys, monkeypatch, path)
    assert (status, out, err.count("\n")) == (2, "", 1) and name in err


@pytest.mark.slow
@pytest.mark.parity
def test_real_chips_are_told_from_twenty_networks(shared):
    result = judge(read(shared / "latency" / "nas_bench_201_devices.parquet"), [20], 1, ["adreno_640_tflite", "raspberry_pi_4"])
    assert result["siblings"]["adreno_640_tflite"] == ["adreno_630_tflite", "adreno_640_sd855"]
    phone, board = result["samples"]["20"]["transfer"]["chips"].values()
    assert phone["within_10"] > 95 and board["within_10"] > 80 and min(phone["spearman"], board["spearman"]) > 0.92
