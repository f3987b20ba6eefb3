import json
import re

import pytest

from benchmarks.record import Record, machine, table


def test_rows_are_made_once_and_kept(tmp_path):
    made = []

    def make():
        made.append(1)
        return {"ao": 0.5, "each": {"a": 1}}

    path = tmp_path / "results/x.json"
    first = Record(path, "x.py", {"seed": 0, "limits": (1, 2)}).row("a", make)
    again = Record(path, "x.py", {"seed": 0, "limits": (1, 2)})
    assert again.row("a", make) == first and again.rows == {"a": first} and len(made) == 1
    again.row("b", make)
    kept = json.loads(path.read_text())
    assert kept["script"] == "benchmarks/x.py" and kept["terms"] == {"seed": 0, "limits": [1, 2]} and list(kept["rows"]) == ["a", "b"]
    assert kept["rows"]["a"]["ao"] == 0.5 and kept["rows"]["a"]["seconds"] >= 0 and kept["minutes"] >= 0 and kept["machine"] == machine()


def test_rows_of_other_terms_are_never_mixed_in(tmp_path):
    Record(tmp_path / "x.json", "x.py", {"clips": 8}).row("a", dict)
    with pytest.raises(ValueError, match="must keep its terms.*clips was 8, is 9.*or choose another --out"):
        Record(tmp_path / "x.json", "x.py", {"clips": 9})


def test_a_machine_is_told_in_plain_words():
    assert re.fullmatch(r"\d+ \w+ cores( at \d+\.\d GHz)?", machine())


def test_a_table_aligns_figures_to_the_right():
    rows = [{"name": "a", "ao": 0.12345, "steps": 4000}, {"name": "b", "ao": None, "steps": 1}]
    assert table({"name": "who", "ao": "AO", "steps": "steps", "macs": "MACs"}, rows).splitlines() == [
        "| who | AO | steps | MACs |",
        "|---|--:|--:|--:|",
        "| a | 0.123 | 4,000 | - |",
        "| b | - | 1 | - |",
    ]
