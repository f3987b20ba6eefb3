"""Tables of other projects: which rows are taken for which operators, and what hostile files meet."""

import csv
import hashlib
import json

import pytest

from latency_tables.tables.actions import import_table
from latency_tables.tables.foreign.nn_meter import NnMeter, kernels
from latency_tables.tables.foreign.once_for_all import OnceForAll
from latency_tables.tables.table import LatencyTable
from latency_tables.tables.validate import validate
from supernet.families import FAMILIES
from supernet.families.blocks import make_divisible
from supernet.operators import Operator
from tests import commands

NANO = FAMILIES["nano"]


def operator(kind, in_shape, out_shape, **options):
    """One that is only looked at, never built."""
    return Operator(kind, "search", in_shape, out_shape, tuple(options.items()), make=pytest.fail)


STEM = operator("stem", (3, 96, 96), (8, 48, 48))
FIRST = operator("dsconv", (8, 48, 48), (8, 48, 48))
DOWN = operator("mbconv", (8, 48, 48), (8, 24, 24), kernel=5, expansion=4, stride=2)
SAME = operator("mbconv", (8, 24, 24), (8, 24, 24), kernel=3, expansion=6, stride=1)
HEAD = operator("head", (32, 12, 12), (16, 12, 12), kernel=3)
CLS = operator("cls", (16, 12, 12), (1, 12, 12))
JOIN = operator("join", (16, 12, 12), (32, 12, 12), template=6)

DOWN_KEY = "expanded_conv-input:48x48x8-output:24x24x8-expand:4-kernel:5-stride:2-idskip:0"
SAME_KEY = "expanded_conv-input:24x24x8-output:24x24x8-expand:6-kernel:3-stride:1-idskip:1"


def run(capsys, *words):
    return commands.run(capsys, "tables", "import", *words)


def test_the_operators_of_these_tests_are_of_the_family():
    assert {STEM, FIRST, DOWN, SAME, HEAD, CLS, JOIN} <= set(NANO.all_operators)


# once-for-all and ProxylessNAS


@pytest.fixture
def blocks(tmp_path):
    def blocks(text):
        (tmp_path / "lut.yaml").write_text(text)
        return OnceForAll([tmp_path / "lut.yaml"])

    return blocks


@pytest.mark.parametrize(
    "op, key, lacks",
    [
        (STEM, "Conv-input:96x96x3-output:48x48x8", ()),
        (DOWN, DOWN_KEY, ("se", "swish")),
        (SAME, SAME_KEY, ("se", "swish")),
        (DOWN, DOWN_KEY.replace("expand:4", "expand:32") + "-se:1-hs:1", ()),  # there it is the number of channels
        (DOWN, DOWN_KEY + "-se:1-hs:1", ()),  # 4 cannot be the number of channels, there are 8 at the input
        (DOWN, DOWN_KEY.replace("expand:4", "expand:32") + "-se:0-hs:1", ("se",)),
        (FIRST, "expanded_conv-input:48x48x8-output:48x48x8-expand:1-kernel:3-stride:1-idskip:1", ("se", "swish")),
        (HEAD, "expanded_conv-input:12x12x32-output:12x12x16-expand:1-kernel:3-stride:1-idskip:0", ()),
        (JOIN, JOIN.key, ()),
    ],
)
def test_a_key_is_an_operator(blocks, op, key, lacks):
    cost = blocks(f"'{key}': {{mean: 1.5, count: 20, std: 3}}").cost(op)
    assert (cost.ms, cost.runs, cost.rows, cost.lacks) == (1.5, 20, {key}, lacks)


@pytest.mark.parametrize(
    "op, key",
    [
        (DOWN, DOWN_KEY.replace("48x48x8", "48x48x16")),
        (DOWN, DOWN_KEY.replace("24x24x8", "24x24x9")),
        (DOWN, DOWN_KEY.replace("kernel:5", "kernel:3")),
        (DOWN, DOWN_KEY.replace("expand:4", "expand:6")),
        (DOWN, DOWN_KEY.replace("stride:2", "stride:1")),
        (DOWN, DOWN_KEY.replace("expand:4", "expand:9") + "-se:1-hs:1"),  # 9 channels
        (SAME, SAME_KEY.replace("idskip:1", "idskip:0")),
        (STEM, "Conv_1-input:96x96x3-output:48x48x8"),
        (HEAD, "expanded_conv-input:12x12x32-output:12x12x16-expand:32-kernel:3-stride:1-idskip:0-se:1-hs:0"),
        (HEAD, "expanded_conv-input:12x12x32-output:12x12x16-expand:32-kernel:3-stride:1-idskip:0-se:0-hs:1"),
        (CLS, "Conv-input:12x12x16-output:12x12x1"),
    ],
)
def test_a_key_is_not_an_operator(blocks, op, key):
    assert blocks(f"'{key}': 1").cost(op) is None


def test_the_nearest_block_is_taken(blocks):
    wide = DOWN_KEY.replace("expand:4", "expand:32")
    rows = [(DOWN_KEY, 1), (f"{wide}-se:0-hs:1", 2), (f"{wide}-se:1-hs:0", 3)]
    for count in (1, 2, 3):
        assert blocks("\n".join(f"{key}: {ms}" for key, ms in rows[:count])).cost(DOWN).ms == count
    assert blocks(f"{DOWN_KEY}: 1\n'{DOWN.key}': 9").cost(DOWN).ms == 9


def test_imported_blocks_are_a_table(tmp_path, capsys):
    source, out = tmp_path / "lut.yaml", tmp_path / "t.csv"
    source.write_text(f"{DOWN_KEY}: {{mean: 2.5, count: 7}}\nConv-input:96x96x3-output:48x48x8: 1\nLogits-input:7x7x320-output:1000: 4\n")
    status, printed, _ = run(capsys, source, "--family", "nano", "--out", out, "--chip", "Pixel 1", "--json")
    said = json.loads(printed)
    assert status == 0 and (said["rows"], said["used"], said["unused"], said["operators"]) == (3, 2, 1, 2)
    assert said["left_out"] == ["se", "swish"] and len(said["missing"]) == len(NANO.all_operators) - 2
    table = LatencyTable.load(out, "nano")
    assert table.operator_ms() == {DOWN.key: 2.5, STEM.key: 1.0} and table.networks == {}
    row = table.operators[DOWN.key]
    assert (row.runs, row.flag, row.spread) == (7, "imported+without_se+without_swish", 0)
    profile = table.profile
    assert (profile.chip, profile.device, profile.runtime, profile.runtime_version) == ("Pixel 1", "imported", "imported", "unknown")
    assert (profile.clock, table.reference_ms) == ("wall", 1.0)
    assert table.about["imported"] == [{"file": "lut.yaml", "sha256": hashlib.sha256(source.read_bytes()).hexdigest()}]
    judged = validate(table)
    assert judged["rows"] == {"measured": 0, "simulated": 0, "imported": 2} and not judged["complete"]


@pytest.mark.parametrize(
    "content, said",
    [
        (b"\xff\xfe\x00a", "UTF-8"),
        (b"", "begin with"),
        (b"- 1\n", "begin with"),
        (b"hello", "begin with"),
        (b"[" * 100_000, "begin with"),
        (b"a: " + b"[" * 100_000, "plain value"),
        (b"a: {b: {c: 1}}", "plain value"),
        (b"a: !!python/object/apply:os.system ['true']", "plain value"),
        (b"a: !!float 1", "plain value"),
        (b"a: &x {mean: 1}\nb: *x", "line 2 has"),
        (b"a: &a {mean: 1}\nb: &b {<<: [*a, *a]}\nc: {<<: [*b, *b]}", "line 2 has"),  # grows with every level
        (b"a: {mean: 1", "expected"),
        (b"a: 1\n---\nb: 1", "one document"),
        (b"a: 1\na: 2", "once"),
        (b"a: {mean: 1, mean: 2}", "twice"),
        (b"a: {min: 1}", "has min"),
        (b"a: -1", "positive"),
        (b"a: 0.0", "positive"),
        (b"a: .nan", "positive"),
        (b"a: nan", "positive"),
        (b"a: inf", "positive"),
        (b"a: fast", "positive"),
        (b"a:", "positive"),
        (b"a: {mean: 1, count: 0}", "count"),
        (b"a: {mean: 1, count: 1e9}", "count"),
        (b"a\x00: 1", "special characters"),
        (b"a: 1", "none of its 1 rows"),
    ],
)
def test_hostile_yaml_is_one_line_and_leaves_nothing(tmp_path, capsys, content, said):
    (tmp_path / "lut.yaml").write_bytes(content)
    status, out, err = run(capsys, tmp_path / "lut.yaml", "--family", "nano", "--out", tmp_path / "t.csv")
    assert (status, out, len(err.splitlines())) == (2, "", 1) and said in err and len(err) < 600
    assert [path.name for path in tmp_path.iterdir()] == ["lut.yaml"]


# nn-Meter

COLUMNS = ("HW", "CIN", "COUT", "KERNEL_SIZE", "STRIDES", "latency")
OF_DOWN = {
    "conv-bn-relu": [(48, 8, 32, 1, 1, 1.0), (24, 32, 8, 1, 1, 8.0)],
    "dwconv-bn-relu": [(48, 32, 32, 5, 2, 2.0)],
    "hswish": [(48, 32, "", "", "", 0.1), (24, 32, "", "", "", 0.2)],
    "se": [(24, 32, "", "", "", 4.0)],
}


@pytest.fixture
def write(tmp_path):
    def write(rows, name="kernels.csv", columns=("kernel", *COLUMNS)):
        with (tmp_path / name).open("w", newline="") as file:
            csv.writer(file).writerows([columns, *rows])
        return tmp_path / name

    return write


def lines(tables):
    return [(kernel, *row) for kernel, rows in tables.items() for row in rows]


def test_an_operator_is_the_sum_of_its_kernels(write):
    cost = NnMeter([write(lines(OF_DOWN))]).cost(DOWN)
    assert cost.ms == pytest.approx(1 + 0.1 + 2 + 0.2 + 4 + 8) and cost.lacks == () and len(cost.rows) == 6


def test_files_as_nn_meter_names_them(write):
    paths = [write(rows, f"Data_{kernel}_prior.csv", COLUMNS) for kernel, rows in OF_DOWN.items()]
    assert NnMeter(paths).cost(DOWN).ms == pytest.approx(15.3)


def test_kinds_that_are_not_there_are_left_out(write):
    rows = lines({kernel: rows for kernel, rows in OF_DOWN.items() if "conv" in kernel})
    cost = NnMeter([write(rows)]).cost(DOWN)
    assert cost.ms == 11 and cost.lacks == ("swish", "se")
    other = ("se", 1, 1, "", "", "", 5.0)  # some sizes are there, not this one: nothing is left out
    assert NnMeter([write([*rows, other])]).cost(DOWN) is None
    assert NnMeter([write(rows[1:])]).cost(DOWN) is None


def test_a_fused_swish_needs_none_behind(write):
    rows = [("dwconv-bn-hswish", *row[1:]) if row[0] == "dwconv-bn-relu" else row for row in lines(OF_DOWN)]
    assert NnMeter([write(rows)]).cost(DOWN).ms == pytest.approx(15.1)


@pytest.mark.parametrize(
    "op, sides",
    [
        (operator("mbconv", (8, 25, 25), (8, 13, 13), kernel=5, expansion=4, stride=2), [25, 13]),
        (operator("stem", (3, 25, 25), (8, 13, 13)), [13]),
        (DOWN, [48, 24]),
    ],
)
def test_a_swish_is_as_large_as_the_output_of_its_convolution(op, sides):
    assert [swish.hw for _, swish in kernels(op) if swish] == sides


def test_kernels_that_count_as_the_same_are_averaged(write):
    source = NnMeter([write([*lines(OF_DOWN), ("conv-bn", 48, 8, 32, 1, 1, 3.0), ("maxpool", 9, 9, 9, 9, 9, 9.0)])])
    assert source.cost(DOWN).ms == pytest.approx(16.3) and source.size == 8


@pytest.mark.parametrize("op", NANO.all_operators, ids=lambda op: op.key)
def test_kernels_do_the_work_of_the_operator(op):
    work = {
        "conv": lambda k: k.cin * k.cout * (k.size * k.hw // k.stride) ** 2,
        "dwconv": lambda k: k.cin * (k.size * k.hw // k.stride) ** 2,
        "se": lambda k: 2 * k.cin * make_divisible(k.cin / 4),
        "fc": lambda k: k.cin * k.cout,
    }
    assert sum(work[kernel.kind](kernel) for kernel, _ in kernels(op) if kernel.kind in work) == op.counts.macs


def test_adding_is_for_blocks_with_a_residual():
    assert [op.key for op in (FIRST, DOWN, SAME) if "add" in {kernel.kind for kernel, _ in kernels(op)}] == [FIRST.key, SAME.key]


def test_imported_kernels_are_a_table(write, tmp_path):
    answer = import_table([str(write(lines(OF_DOWN)))], family="nano", out=tmp_path / "t.csv")
    assert (answer["rows"], answer["unused"], answer["operators"], answer["left_out"]) == (6, 0, 1, [])
    table = LatencyTable.load(tmp_path / "t.csv")
    assert table.operators[DOWN.key].flag == "imported" and table.profile.chip == "unknown"


HEADER = b"kernel,HW,CIN,COUT,KERNEL_SIZE,STRIDES,latency\n"


@pytest.mark.parametrize(
    "content, said",
    [
        (b"\xff\xfe", "UTF-8"),
        (b"", "lacks latency"),
        (b"kernel,HW\n", "lacks latency"),
        (HEADER + b",1,1,1,1,1,1\n", "must have a name"),
        (HEADER + b"conv-bn-relu,1,1,1,1,1,-1\n", "positive"),
        (HEADER + b"conv-bn-relu,1,1,1,1,1,nan\n", "positive"),
        (HEADER + b"conv-bn-relu,1,1,1,1,1\n", "positive"),
        (HEADER + b"conv-bn-relu,1,1,1,1.5,1,1\n", "KERNEL_SIZE"),
        (HEADER + b"conv-bn-relu,1,inf,1,1,1,1\n", "CIN"),
        (HEADER + b"se,0,8,,,,1\n", "HW"),
        (HEADER + b"se,8,8,,,,1\nse,8,8,,,,2\n", "repeats se"),
        (HEADER + b"a" * 200_000, "CSV"),
        (HEADER + b"a\x00,1\n", "positive"),
        (HEADER, "none of its 0 rows"),
        (HEADER + b"maxpool,1,1,1,1,1,1\n", "none of its 1 rows"),
    ],
)
def test_hostile_csv_is_one_line_and_leaves_nothing(tmp_path, capsys, content, said):
    (tmp_path / "kernels.csv").write_bytes(content)
    status, out, err = run(capsys, tmp_path / "kernels.csv", "--family", "nano", "--out", tmp_path / "t.csv")
    assert (status, out, len(err.splitlines())) == (2, "", 1) and said in err
    assert [path.name for path in tmp_path.iterdir()] == ["kernels.csv"]


@pytest.mark.parametrize(
    "words, said",
    [
        (("{}/none.yaml", "--family", "nano", "--out", "{}/t.csv"), "none.yaml"),
        (("{}/a.yaml", "--family", "huge", "--out", "{}/t.csv"), "huge"),
        (("{}/a.yaml", "--family", "nano", "--out", "{}/t.txt"), ".csv"),
        (("{}/k.csv", "--family", "nano", "--out", "{}/k.csv"), "replace"),
        (("{}/a.yaml", "--family", "nano", "--out", "{}/k.csv"), "replace"),
        (("{}/a.yaml", "{}/k.csv", "--family", "nano", "--out", "{}/t.csv"), "all YAML"),
        (("{}/a.yaml", "{}/a.yaml", "--family", "nano", "--out", "{}/t.csv"), "once"),
        (("{}", "--family", "nano", "--out", "{}/../t.csv"), "directory"),
    ],
)
def test_bad_words_are_one_line(tmp_path, capsys, words, said):
    (tmp_path / "a.yaml").write_text(f"{DOWN_KEY}: 1")
    (tmp_path / "k.csv").write_bytes(HEADER)
    before = sorted(tmp_path.iterdir())
    status, _, err = run(capsys, *(word.replace("{}", str(tmp_path)) for word in words))
    assert status == 2 and len(err.splitlines()) == 1 and said in err
    assert sorted(tmp_path.iterdir()) == before
