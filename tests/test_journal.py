import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_tables.measuring.journal import Journal

SETTINGS = {"seed": 1, "threads": 1}


def test_goes_on_where_it_ended(tmp_path):
    path = tmp_path / "j"
    with Journal(path, SETTINGS, resume=False) as journal:
        journal.write({"n": 1})
    with Journal(path, SETTINGS, resume=True) as journal:
        journal.write({"n": 2})
    with Journal(path, SETTINGS, resume=True) as journal:
        assert journal.records == [{"n": 1}, {"n": 2}]


@given(st.integers(0, 200))
def test_whatever_a_killed_process_leaves_whole_records_stay(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("j") / "j"
    with Journal(path, SETTINGS, resume=False) as journal:
        for n in range(5):
            journal.write({"n": n})
    content = path.read_bytes()[:cut]
    path.write_bytes(content)
    whole = max(0, content.count(b"\n") - 1)
    with Journal(path, SETTINGS, resume=True) as journal:
        assert [record["n"] for record in journal.records] == list(range(whole))
        journal.write({"n": "next"})
    with Journal(path, SETTINGS, resume=True) as journal:
        assert [record["n"] for record in journal.records] == [*range(whole), "next"]


def test_an_old_one_is_not_overwritten(tmp_path):
    with Journal(tmp_path / "j", SETTINGS, resume=False) as journal:
        journal.write({"kind": "time"})
    with pytest.raises(ValueError, match="add --resume or choose another --out"):
        Journal(tmp_path / "j", SETTINGS, resume=False)


@pytest.mark.parametrize("line", [b"[1]", b"{torn", b'"text"', b"\xff"])
@pytest.mark.parametrize("place", [0, 1])
def test_what_is_no_journal_is_refused(tmp_path, line, place):
    path = tmp_path / "j"
    Journal(path, SETTINGS, resume=False).__exit__(None)
    lines = [path.read_bytes(), path.read_bytes()]
    lines[place] = line + b"\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(ValueError, match=r"a JSON object in each line, .*/j has not .* remove it"):
        Journal(path, SETTINGS, resume=True)


def test_one_of_another_version_is_refused(tmp_path):
    (tmp_path / "j").write_text(json.dumps(SETTINGS) + "\n")
    with pytest.raises(ValueError, match="journal was None, is 1"):
        Journal(tmp_path / "j", SETTINGS, resume=True)


def test_other_settings_are_refused_and_named(tmp_path):
    with Journal(tmp_path / "j", SETTINGS, resume=False) as journal:
        journal.write({"kind": "time"})
    with pytest.raises(ValueError, match="seed was 1, is 2"):
        Journal(tmp_path / "j", {**SETTINGS, "seed": 2}, resume=True)


def test_a_start_that_failed_leaves_nothing_behind(tmp_path):
    path = tmp_path / "j"
    for kind, stays in (("unsupported", False), ("time", True)):
        with pytest.raises(OSError), Journal(path, SETTINGS, resume=False) as journal:
            journal.write({"kind": kind})
            raise OSError
        assert path.exists() == stays


@pytest.mark.parametrize("resume", [False, True])
def test_a_start_that_was_killed_blocks_nothing(tmp_path, resume):
    path = tmp_path / "j"
    with Journal(path, SETTINGS, resume=False) as journal:
        journal.write({"kind": "unsupported"})
    with Journal(path, {**SETTINGS, "threads": 2}, resume) as journal:
        assert journal.records == []
    assert json.loads(path.read_text())["threads"] == 2


def test_a_kind_that_is_no_text_is_no_figure(tmp_path):
    path = tmp_path / "j"
    with Journal(path, SETTINGS, resume=False) as journal:
        journal.write({"kind": ["time"]})
    with Journal(path, SETTINGS, resume=False) as journal:
        assert journal.records == []
