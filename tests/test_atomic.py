import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import chiptrack
from tracking.files.atomic import new_file, new_folder, sole_writer, write_text


def test_text_replaces(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    write_text(path, "one")
    write_text(path, "two")
    assert path.read_text() == "two"
    assert [child.name for child in path.parent.iterdir()] == ["a.txt"]


def test_failed_text_leaves_nothing(tmp_path):
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "a.txt", "\ud800")
    assert not list(tmp_path.iterdir())


def test_folder_appears_at_the_end(tmp_path):
    with new_folder(tmp_path / "a") as temporary:
        (temporary / "file").write_text("x")
        assert not (tmp_path / "a").exists()
    assert (tmp_path / "a" / "file").read_text() == "x"


def test_failed_folder_leaves_nothing(tmp_path):
    with pytest.raises(KeyError), new_folder(tmp_path / "a"):
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_folder_must_be_new(tmp_path):
    with pytest.raises(FileExistsError, match=str(tmp_path)), new_folder(tmp_path):
        pass


def test_a_file_appears_at_the_end_with_ordinary_permissions(tmp_path):
    (tmp_path / "a").write_text("old")
    with new_file(tmp_path / "a", ".mp4") as temporary:
        temporary.write_text("new")
        assert temporary.suffix == ".mp4" and (tmp_path / "a").read_text() == "old"
        temporary.chmod(0o600)
    assert (tmp_path / "a").read_text() == "new" and (tmp_path / "a").stat().st_mode & 0o444 == 0o444
    with pytest.raises(KeyError), new_file(tmp_path / "a") as temporary:
        temporary.write_text("half")
        raise KeyError
    assert (tmp_path / "a").read_text() == "new" and len(list(tmp_path.iterdir())) == 1


def test_what_is_no_plain_file_stays_what_it_is(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "new"
    (tmp_path / "dangling").symlink_to("later")
    write_text(tmp_path / "dangling", "new")
    assert (tmp_path / "dangling").is_symlink() and (tmp_path / "later").read_text() == "new"

    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        read = pool.submit((tmp_path / "pipe").read_text)
        write_text(tmp_path / "pipe", "through")
        assert read.result(10) == "through" and (tmp_path / "pipe").is_fifo()
    write_text("/dev/null", "gone")
    assert Path("/dev/null").is_char_device()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "later", "link", "pipe", "real"]


def test_a_long_name_leaves_room_for_the_temporary_one(tmp_path):
    write_text(tmp_path / ("a" * 250), "x")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_result_has_one_writer(tmp_path):
    with sole_writer(tmp_path / "deep" / "out"), pytest.raises(BlockingIOError, match="one writer"), sole_writer(tmp_path / "deep" / "out"):
        pass
    with sole_writer(tmp_path / "deep" / "out"):
        pass
    assert not list((tmp_path / "deep").iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--family", "nano", "--out", "out"],
        ["retrain", "lighttrack-mobile", "--out", "out"],
        ["measure", "--family", "nano", "--out", "out.csv"],
        ["demo", "--out", "out"],
    ],
)
def test_long_work_refuses_a_second_writer(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHIPTRACK_SHARED", str(tmp_path))
    with sole_writer(words[-1]), pytest.raises(SystemExit):
        chiptrack.main(words)
    assert "one writer" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_a_killed_writer_left_is_removed(tmp_path):
    """Its next writer does it; what a living one writes, and files of others, stay."""
    script = (
        "import os, sys; from tracking.files.atomic import new_file, new_folder\n"
        "with new_file(sys.argv[1] + '/out/a.txt') as file, new_folder(sys.argv[1] + '/out/b') as folder:\n"
        "    file.write_text('half'); (folder / 'c').touch(); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path], cwd=Path(__file__).parents[1])
    assert len(list((tmp_path / "out").iterdir())) == 2
    (tmp_path / "out/.theirs").touch()
    with new_file(tmp_path / "out/d.txt") as living:
        living.touch()
        with sole_writer(tmp_path / "out"):
            assert {path.name for path in (tmp_path / "out").iterdir()} == {".theirs", living.name}
        (tmp_path / "out/.a.txt.999999999.new").touch()
        with sole_writer(tmp_path / "out/table.csv"):
            assert not (tmp_path / "out/.a.txt.999999999.new").exists() and living.exists()
