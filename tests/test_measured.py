"""Tables that a predictor must not be fitted on, as files on disk: each is refused with one line, and nothing is written."""

import csv
import dataclasses
import hashlib
import json
import re
import shutil

import numpy as np
import pytest

import chiptrack
from latency_tables.tables.shipped import SHIPPED
from latency_tables.tables.table import LatencyTable, manifest_path
from predictors.fit import fit, fit_predictor
from predictors.load import load_predictor
from predictors.measured import measured_networks
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
WHOLE = SHIPPED / "nano-mnn-fp32.csv"
ROWS = WHOLE.read_text().splitlines(keepends=True)
NETWORK = next(line for line in ROWS if line.startswith("network,") and ",search," in line)
NAME = NETWORK.split(",")[1]
ALIEN = FAMILIES["lighttrack"].all_operators[0].key


@pytest.fixture
def path(tmp_path):
    for suffix in (".csv", ".json"):
        shutil.copy(WHOLE.with_suffix(suffix), tmp_path / f"t{suffix}")
    return tmp_path / "t.csv"


def edited(path, text):
    """Change the rows as somebody would who keeps the checksum right."""
    path.write_text(text)
    manifest = json.loads(manifest_path(path).read_text())
    manifest_path(path).write_text(json.dumps({**manifest, "sha256": hashlib.sha256(text.encode()).hexdigest()}))
    return path


def only(names):
    """The rows of operators, and of one network under several names, both branches."""
    of_network = [line for line in ROWS if line.startswith(f"network,{NAME},")]
    operators = [line for line in ROWS if not line.startswith("network,")]
    return "".join(operators + [line.replace(NAME, name) for name in names for line in of_network])


def some(networks):
    """All operators, and the first of the networks."""
    return "".join(line for line in ROWS if not line.startswith("network,") or line.split(",")[1] in list(by_name())[:networks])


def by_name():
    return dict.fromkeys(line.split(",")[1] for line in ROWS if line.startswith("network,"))


def cell(column, value):
    """The table with another value in one network's row."""
    cells = NETWORK.split(",")
    cells[ROWS[0].split(",").index(column)] = value
    return "".join(ROWS).replace(NETWORK, ",".join(cells))


def without(pattern):
    return "".join(line for line in ROWS if not re.match(pattern, line))


EARLY = "nano:back_0000{}0000000000000+cls_211000022+reg_100000111_ops_10"
"""Exit 10 leaves after three layers: digits behind the third change nothing."""
SPELLINGS = [EARLY.format(f"{i // 5}{i % 5}0") for i in range(10)]
SHUFFLED = [f"nano:back_00000000000000000000+cls_20{'0' * i}1{'0' * (6 - i)}+reg_100000111_ops_10" for i in range(7)]
"""Seven networks with the same layers in another order."""


@pytest.mark.parametrize(
    "text, words",
    [
        (without("operator,search:stem"), r"1 that 40 of 40 networks have are missing \('search:stem:3x96x96>8x48x48:'\); measure"),
        (without('operator,"template:mbconv'), r"\d\d that 40 of 40 networks have are missing \(('template:\S+' ){3}\.\.\.\); measure"),
        (without("operator,"), "that 40 of 40 networks have are missing"),
        ("".join(ROWS)[:-100], "cells, line .* has more or fewer"),
        (without("network,"), r"at least 3 different measured networks, the table has 0 .*30 .*1 to 9 % too low"),
        (some(1), "the table has 1 .*1 to 9 % too low"),
        (some(2), "the table has 2 .*1 to 9 % too low"),
        (without("network,.*,template,"), r"the table has 0 \(template branch\)"),
        (only(SPELLINGS), r"the table has 1 under 10 names \(search branch\)"),
        (only(SHUFFLED), r"networks that differ in cost, the operators of all 7 add up to 0\.\d+ ms"),
        (cell("reference_units", ""), "reference_units must be a number, got ''"),
        (cell("reference_units", "nan"), "reference_units must be positive and finite, got nan in line"),
        (cell("reference_units", "inf"), "must be positive and finite, got inf"),
        (cell("reference_units", "-1"), "must be positive and finite, got -1"),
        (cell("reference_units", "0"), "must be positive and finite, got 0"),
        (cell("name", ""), r"family nano, 1 are not \(''\)"),
        ("".join([*ROWS, NETWORK]), "repeats"),
        ("".join(ROWS * 2), "must have one header, line .* is another; join tables with chiptrack tables merge"),
        ("".join(ROWS).replace(NAME, NAME.removeprefix("nano:")), r"family nano, 1 are not \('back_"),
        ("".join([*ROWS, ROWS[1].replace(ROWS[1].split(",")[1], ALIEN)]), rf"family nano, 1 are not \('{ALIEN}'\); keep"),
        (
            "".join([*ROWS, *(SHIPPED / "lighttrack-mnn-fp32.csv").read_text().splitlines(keepends=True)[1:]]),
            r"\d{3} are not \(.* \.\.\.\)",
        ),
        ("".join(ROWS).replace("operator,search:stem", "operator,template:stem", 1), "begin with its branch|one row for each"),
    ],
)
def test_unfit_tables_are_refused_with_one_line(path, text, words):
    edited(path, text)
    before = sorted(path.parent.iterdir())
    with pytest.raises(ValueError, match=words) as error:
        fit_predictor(path, out=path.parent / "p.json")
    assert "\n" not in str(error.value) and len(str(error.value)) < 500
    assert sorted(path.parent.iterdir()) == before


@pytest.mark.parametrize(
    "text, said", [(only(SPELLINGS), "under 10 names"), ("".join(ROWS * 2), "one header"), (without("operator,search:cls"), "missing")]
)
def test_the_command_line_refuses_them_too(path, capsys, text, said):
    out = path.parent / "p.json"
    with pytest.raises(SystemExit) as end:
        chiptrack.main(["fit-predictor", str(edited(path, text)), "--out", str(out)])
    captured = capsys.readouterr()
    assert end.value.code == 2 and captured.out == "" and not out.exists()
    assert captured.err.startswith("chiptrack: error: ") and said in captured.err and captured.err.count("\n") == 1


def test_a_table_that_was_cut_is_refused(path):
    path.write_text("".join(ROWS)[:-100])
    with pytest.raises(ValueError, match="was changed or cut; measure it again"):
        fit_predictor(path, out=path.parent / "p.json")


def test_gaps_that_no_network_meets_do_no_harm(path):
    used = {op.key for name in list(by_name())[:3] for op in NANO.operators(NANO.parse(name))}
    kept = [line for line in some(3).splitlines(keepends=True) if not line.startswith("operator,") or next(csv.reader([line]))[1] in used]
    fit_predictor(edited(path, "".join(kept)), out=path.parent / "p.json")
    predictor = load_predictor(path.parent / "p.json")
    assert not predictor.complete and predictor.missing([NANO.parse(name) for name in by_name()]).max() > 0


def test_a_network_under_two_names_counts_once():
    table = LatencyTable.load(WHOLE)
    units = (1.0, 2.0)
    row = table.networks[NAME, "search"]
    spelled = {(name, "search"): dataclasses.replace(row, reference_units=u) for name, u in zip(SPELLINGS, units, strict=False)}
    networks = measured_networks(dataclasses.replace(table, networks={**table.networks, **spelled}), "search")
    assert len(networks.architectures) == 41
    assert networks.architectures[-1].name == SPELLINGS[0] and networks.ms[-1] == pytest.approx(1.5 * table.reference_ms)


def test_networks_with_operators_that_cannot_be_summed_are_left_out_and_named():
    table = LatencyTable.load(WHOLE)
    key = "search:cls:16x12x12>1x12x12:"
    rest = {name: m for name, m in table.operators.items() if name != key}
    table = dataclasses.replace(table, operators=rest, unsupported={(key, "search"): "no such layer"})
    narrow = [name for name in by_name() if key in {op.key for op in NANO.operators(NANO.parse(name))}]
    assert 0 < len(narrow) < 37
    fitted = fit(table).about["fit"]
    assert fitted["left_out"] == narrow and fitted["networks"] == 40 - len(narrow)
    assert len(measured_networks(table, "template").architectures) == 40
    assert np.isfinite([row["predicted_ms"] for row in fitted["held_out"]]).all()
