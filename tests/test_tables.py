"""Tables as data: listing, comparing, merging and judging them, and the words that the verb takes."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest

from latency_tables.tables import actions
from latency_tables.tables import shipped as shipped_tables
from latency_tables.tables.actions import list_tables
from latency_tables.tables.agreement import rank_agreement
from latency_tables.tables.compare import compare
from latency_tables.tables.measurement import Measurement
from latency_tables.tables.merge import merge
from latency_tables.tables.profile import Profile
from latency_tables.tables.table import LatencyTable, manifest_path
from latency_tables.tables.validate import validate
from search.verbs.flags import Flags
from supernet.families import FAMILIES
from tests import commands

NANO = FAMILIES["nano"]
PROFILE = Profile("nano", "local", "onnxruntime", "1", 1, "fp32", "", "cpu", "chip", "os")
OPERATORS = NANO.all_operators
NETWORKS = [NANO.space.sample(np.random.default_rng(seed)) for seed in range(4)]


def row(units, flag="", runs=50, memory_mb=None, spread=0.01):
    return Measurement(units, units, units, 0.9 * units, 1.1 * units, spread, units, units, units, units, runs, memory_mb, flag=flag)


def work(op):
    """A plausible cost: grows with the multiply-adds."""
    return op.counts.macs / 1e6


def branch_sum(architecture, branch):
    return sum(work(op) for op in NANO.operators(architecture) if op.branch == branch)


WHOLE = LatencyTable(
    PROFILE,
    reference_ms=2.0,
    operators={op.key: row(work(op)) for op in OPERATORS},
    networks={(a.name, branch): row(branch_sum(a, branch)) for a in NETWORKS for branch in ("search", "template")},
    about={"date": "2026-01-02", "seed": 1},
)


def few(units, **changes):
    """A table whose operators cost these units, in order."""
    operators = {op.key: m if isinstance(m, Measurement) else row(m) for op, m in zip(OPERATORS, units, strict=False)}
    return dataclasses.replace(WHOLE, **{"operators": operators, "networks": {}, **changes})


@pytest.fixture
def save(tmp_path):
    def save(table, name):
        table.save(tmp_path / name)
        return tmp_path / name

    return save


def run(capsys, *words):
    return commands.run(capsys, "tables", *words)


# comparing


def test_the_same_table_agrees_with_itself():
    said = compare(WHOLE, WHOLE)
    assert said["profiles"] == {} and said["only_in_first"] == said["only_in_second"] == []
    for part in ("operators", "networks_search", "networks_template"):
        assert [said[part][name] for name in ("scale", "spearman", "kendall")] == pytest.approx([1, 1, 1])
        assert said[part]["off_median"] == said[part]["off_p90"] == 0
    assert said["operators"]["shared"] == len(OPERATORS) and said["networks_search"]["shared"] == 4


def test_scale_order_and_what_stands_out():
    other = dataclasses.replace(few([2, 4, 6, 40]), reference_ms=4.0, profile=dataclasses.replace(PROFILE, chip="b"))
    said = compare(few([1, 2, 3, 4, 5]), other)
    assert said["profiles"] == {"chip": ["chip", "b"]}
    part = said["operators"]
    assert (part["shared"], part["scale"], part["spearman"]) == (4, 4.0, 1.0)  # milliseconds: 2 4 6 8 and 8 16 24 160
    assert part["off_median"] == 0 and part["off_p90"] == pytest.approx(0.7 * 4)
    assert part["largest"][0] == {"row": OPERATORS[3].key, "first_ms": 8.0, "second_ms": 160.0, "ratio": 5.0}
    assert said["only_in_first"] == [OPERATORS[4].key] and said["only_in_second"] == []


def test_tables_without_common_networks_say_so():
    assert "nothing to compare" in compare(WHOLE, few([1, 2]))["networks_search"]["note"]


def test_families_are_not_mixed():
    other = dataclasses.replace(WHOLE, profile=dataclasses.replace(PROFILE, family="lighttrack"))
    with pytest.raises(ValueError, match="nano and lighttrack"):
        compare(WHOLE, other)


@pytest.mark.parametrize(
    "a, b, spearman, kendall",
    [
        ([1, 2, 3], [3, 2, 1], -1, -1),
        ([1, 2, 3], [1, 3, 2], 0.5, 1 / 3),
        ([1, 1, 1], [1, 2, 3], 0, 0),  # all equal: no order
        ([1, 2, 3], [1, 1, 1], 0, 0),
        ([1, 2, 3], [1, 1, 2], 3**0.5 / 2, 2 / 6**0.5),  # a tie: ranks 1.5, 1.5 and 3; two pairs of three in order, over sqrt(3 x 2)
        ([1, 1, 2], [1, 2, 3], 3**0.5 / 2, 2 / 6**0.5),
    ],
)
def test_rank_agreement(a, b, spearman, kendall):
    assert rank_agreement(a, b) == pytest.approx({"spearman": spearman, "kendall": kendall})


# merging


def merged(save, *several):
    return merge([save(table, f"{i}.csv") for i, table in enumerate(several)])


def test_rows_are_united_and_weighed_by_runs(save):
    first = few([row(1.0, runs=10, memory_mb=8.0), row(5.0)], about={"date": "2026-01-02", "seed": 1})
    second = few([row(2.0, runs=30), row(7.0), row(9.0)], about={"date": "2026-02-01", "seed": 2}, reference_ms=4.0)
    table = merged(save, first, second)
    a, b, c = (table.operators[op.key] for op in OPERATORS[:3])
    assert (a.reference_units, a.cpu_ms, a.p95_ms, a.runs, a.memory_mb) == (1.75, 1.75, 1.75, 40, 8.0)
    assert (a.low_units, a.high_units) == pytest.approx((0.9, 2.2))  # the intervals of both
    assert a.spread == pytest.approx(1 / 1.75)  # they lie further apart than either scatters
    assert (b.reference_units, c) == (6.0, row(9.0))
    assert table.reference_ms == pytest.approx((60 * 2 + 130 * 4) / 190)
    sha256 = hashlib.sha256((manifest_path(save(first, "0.csv")).with_suffix(".csv")).read_bytes()).hexdigest()
    assert table.about["merged"][0] == {"file": "0.csv", "sha256": sha256, "date": "2026-01-02"}
    assert "seed" not in table.about and table.about["date"] == "2026-02-01"


def test_rows_without_a_flag_win(save):
    table = merged(
        save,
        few([row(1, "unsteady"), row(1, "unsteady")]),
        few([row(2), row(2, "unresolved+unsteady")]),
        few([row(4), row(3, "unsteady")]),
    )
    assert [(m.reference_units, m.flag, m.runs) for m in table.operators.values()] == [(3, "", 100), (2, "unsteady+unresolved", 150)]


def test_measured_wins_over_unsupported(save):
    both, other, net = (OPERATORS[0].key, OPERATORS[0].branch), (OPERATORS[5].key, OPERATORS[5].branch), ("nano:x", "search")
    table = merged(save, few([], unsupported={both: "no", other: "no layer", net: "no"}), few([1.0], networks={net: row(2)}))
    assert table.unsupported == {other: "no layer"} and table.networks[net] == row(2)
    assert LatencyTable.load(save(table, "m.csv")) == table


def test_profiles_are_not_mixed(save):
    other = few([2.0], profile=dataclasses.replace(PROFILE, threads=4, chip="b"))
    with pytest.raises(ValueError, match=r"threads \(1 and 4\), chip \(chip and b\)"):
        merged(save, few([1.0]), other)


def test_a_table_counts_once(save):
    with pytest.raises(ValueError, match="once"):
        merged(save, few([1.0]), few([1.0]))


# judging


def test_a_whole_table_has_no_problems():
    said = validate(WHOLE)
    assert (said["complete"], said["problems"], said["excludes"]) == (True, [], {})
    assert said["rows"] == {"measured": len(OPERATORS) + 8, "simulated": 0, "imported": 0}
    assert said["sums"]["search"] == pytest.approx({"networks": 4, "bias": 0, "mape": 0, "spearman": 1, "kendall": 1}, abs=1e-9)


def problems(table):
    return {(problem["row"], problem["problem"].split(":")[0]) for problem in validate(table)["problems"]}


def test_every_problem_is_named():
    gap, lame, odd, steady = (op for op in OPERATORS if op.kind == "reg" or op.kind == "join" and op.in_shape[0] == 16)
    operators = {key: m for key, m in WHOLE.operators.items() if key not in (gap.key, lame.key)}
    operators |= {odd.key: row(1, "simulated+unsteady"), steady.key: row(1, "imported"), "search:new:": row(1)}
    table = dataclasses.replace(
        WHOLE,
        operators=operators,
        networks={("nano:x", "search"): row(1)},
        unsupported={(lame.key, "search"): "no layer", ("nano:y", "template"): "no layer"},
    )
    assert problems(table) == {
        (gap.key, "no row"),
        (lame.key, "the runtime cannot run it"),
        ("nano:y template", "the runtime cannot run it"),
        (odd.key, "flagged unsteady"),
        ("search:new:", "not an operator of nano"),
        ("nano:x", "not an architecture of nano"),
    }
    said = validate(table)
    assert not said["complete"] and said["operators"] == f"{len(OPERATORS) - 1} of {len(OPERATORS)}"
    assert said["rows"] == {"measured": len(operators) - 1, "simulated": 1, "imported": 1}
    assert said["excludes"]["operators"] == {lame.key: "no layer"} and 0 < said["excludes"]["share"] <= 1


def test_sums_far_from_networks_are_a_problem():
    networks = {network: row(2 * m.reference_units) for network, m in WHOLE.networks.items()}
    said = validate(dataclasses.replace(WHOLE, networks=networks))
    assert said["sums"]["search"]["bias"] == pytest.approx(-0.5) and said["sums"]["search"]["spearman"] == pytest.approx(1)
    assert {problem["row"] for problem in said["problems"]} == {"networks search", "networks template"}


def test_an_operator_far_cheaper_than_a_part_of_it_is_suspicious():
    smaller, larger = (
        next(op for op in OPERATORS if op.kind == "mbconv" and dict(op.options)["kernel"] == k and dict(op.options)["expansion"] == 4)
        for k in (3, 7)
    )
    assert smaller.in_shape == larger.in_shape
    for share, suspicious in ((0.79, True), (0.81, False)):
        table = few([])
        table = dataclasses.replace(table, operators={smaller.key: row(1.0), larger.key: row(share)})
        assert ((larger.key, "suspicious") in problems(table)) == suspicious


def test_an_unknown_family_is_refused():
    with pytest.raises(ValueError, match="nano, got 'huge'"):
        validate(dataclasses.replace(WHOLE, profile=dataclasses.replace(PROFILE, family="huge")))


# the verb


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A table that comes with chiptrack, in a folder of its own."""
    folder = tmp_path / "data"
    come_from(monkeypatch, folder)
    WHOLE.save(folder / "nano-ort.csv")
    return folder


def come_from(monkeypatch, folder):
    for module in (actions, shipped_tables):
        monkeypatch.setattr(module, "SHIPPED", folder)


def test_list_knows_what_is_shipped_and_what_lies_in_folders(shipped, save, tmp_path):
    said = list_tables()
    assert said["folder"] == str(shipped)
    assert said["tables"] == [
        {
            "table": "nano-ort",
            "family": "nano",
            "chip": "chip",
            "runtime": "onnxruntime",
            "version": "1",
            "precision": "fp32",
            "threads": 1,
            "operators": len(OPERATORS),
            "networks": 4,
            "unsupported": 0,
            "flagged": 0,
            "date": "2026-01-02",
        }
    ]
    broken = save(few([1.0]), "broken.csv")
    broken.write_text("kind\n")
    (tmp_path / "no_table.csv").write_text("a,b\n")
    own, there = list_tables(["nano-ort", str(tmp_path)])["tables"]
    assert own["table"] == "nano-ort" and there["table"] == str(broken) and "checksum" in there["problem"]


def test_nothing_shipped_is_an_empty_list(monkeypatch, tmp_path):
    come_from(monkeypatch, tmp_path / "none")
    assert list_tables()["tables"] == []


def test_names_of_shipped_tables_stand_for_files(shipped, save, capsys):
    status, out, _ = run(capsys, "compare", "nano-ort", save(few([1.0, 2.0]), "mine.csv"), "--json")
    said = json.loads(out)
    assert status == 0 and said["first"] == "nano-ort" and said["operators"]["shared"] == 2
    assert json.loads(run(capsys, "validate", "nano-ort", "--json")[1])["nano-ort"]["complete"]
    assert "nano-ort:\n  family     nano\n  complete   True" in run(capsys, "validate", "nano-ort")[1]


def test_merge_writes_a_table(save, capsys, tmp_path):
    a, b, out = save(few([1.0]), "a.csv"), save(few([3.0]), "b.csv"), tmp_path / "c.csv"
    assert run(capsys, "merge", a, "--out", out, b)[0] == 0  # files on both sides of a flag
    assert LatencyTable.load(out).operators[OPERATORS[0].key].reference_units == 2
    before = out.read_bytes()
    for words, said in (
        (("merge", a, b, "--out", out), "must not replace"),
        (("merge", a, b, "--out", a), "must not replace"),
        (("merge", a, "--out", tmp_path / "d.csv"), "at least 2"),
        (("merge", a, b, "--out", tmp_path / "d.txt"), "must end in .csv"),
        (("merge", a, b), "--out"),
    ):
        status, _, err = run(capsys, *words)
        assert status == 2 and said in err and len(err.splitlines()) == 1
    assert out.read_bytes() == before and not (tmp_path / "d.csv").exists()


@pytest.mark.parametrize(
    "words, said",
    [
        (("paint",), "must be followed by one of list, compare, merge, validate, import, got 'paint'"),
        ((), "must be followed by one of list, compare, merge, validate, import; see"),
        (("list", "none"), "'none'"),
        (("list", "{}/none.csv"), "none.csv"),
        (("list", "--family", "nano"), "unrecognized arguments: --family"),
        (("compare", "{}/a.csv"), "required: second"),
        (("compare", "{}/a.csv", "{}/a.csv", "{}/a.csv"), "unrecognized arguments: {}/a.csv"),
        (("compare",), "required: first, second"),
        (("validate",), "required: files"),
        (("merge", "--out", "{}/new.csv"), "required: files"),
        (("compare", "{}/a.csv", "{}/torn.csv"), "checksum"),
        (("validate", "{}/torn.csv"), "checksum"),
        (("validate", "{}/bytes.csv"), "readable text"),
        (("validate", "{}"), "no '"),
        (("import", "{}/a.csv", "--out", "{}/new.csv"), "required: --family"),
        (("import", "{}/a.csv", "--family", "nano"), "required: --out"),
        (("import", "--family", "nano", "--out", "{}/new.csv"), "required: files"),
    ],
)
def test_bad_words_are_one_line(capsys, save, tmp_path, words, said):
    save(few([1.0, 2.0]), "a.csv")
    save(few([1.0, 3.0]), "torn.csv").write_text("kind,name\n")
    save(few([1.0]), "bytes.csv").write_bytes(b"\xff\xfe")
    before = sorted(tmp_path.rglob("*"))
    status, out, err = run(capsys, *(word.replace("{}", str(tmp_path)) for word in words))
    assert (status, out, len(err.splitlines())) == (2, "", 1) and said.replace("{}", str(tmp_path)) in err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("words, said", [((), "usage: chiptrack tables {list,compare,merge,validate,import}"), (("merge",), "--out")])
def test_help_of_the_verb_and_of_an_action(capsys, words, said):
    status, out, err = run(capsys, *words, "--help")
    assert status == 0 and said in out and err == ""


def test_a_positional_with_a_default_may_be_left_out():
    def verb(first: str, rest: list[str] | None = None, *, flag: int = 1) -> None:
        """Do.

        Args:
            first: One.
            rest: More.
            flag: A number.
        """

    flags = Flags("chiptrack verb", verb)
    for words, rest in ((["a"], []), (["a", "b", "--flag", "2", "c"], ["b", "c"])):
        positional, given, _ = flags.parse(words)
        assert positional == ["a", rest] and given == {"flag": 2 if rest else 1}
