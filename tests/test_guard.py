import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, get_type_hints

import pytest

import chiptrack
from tracking.files.guard import Reads, Writes, declared, guarded


@dataclass(frozen=True)
class Options:
    data: Annotated[str, Reads()] = "nothing"
    steps: int = 1


@guarded
def work(
    source: Annotated[str, Reads()],
    *,
    more: Annotated[list[Path] | None, Reads()] = None,
    root: Annotated[Path | None, Reads(beside=True)] = None,
    out: Annotated[Path | None, Writes()] = None,
    copy: Annotated[Path | None, Writes(lambda path: [path, Path(f"{path}.part")] if path else [])] = None,
    folder: Annotated[Path | None, Writes(folder=True)] = None,
    options: Options = Options(),
) -> str:
    """Does something."""
    return "done"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seq/img").mkdir(parents=True)
    for name in ("seq/truth.txt", "seq/img/1.jpg", "file", "other"):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_what_is_new_or_old_elsewhere_may_be_written(place):
    for name in ("new", "deep/new", "other", "seq.txt"):
        assert work("seq", more=[Path("file")], out=Path(name)) == "done"
    assert work("file", folder=Path("results")) == work("no such file", out=Path("file")) == work("0", out=None) == "done"
    assert work("x" * 300, out=Path("new")) == "done"  # a name that no file can have
    assert sorted(path.name for path in place.iterdir()) == ["file", "other", "seq"]


@pytest.mark.parametrize(
    "given",
    [
        {"source": "file", "out": "file"},
        {"source": "seq", "out": "seq/truth.txt"},
        {"source": "seq", "out": "seq/img/1.jpg"},
        {"source": "seq", "out": "seq/img/new.jpg"},
        {"source": "seq", "out": "seq/../seq/new/deep.txt"},
        {"source": "nothing", "more": ["other", "file"], "out": "file"},
        {"source": "nothing", "options": Options("file"), "out": "file"},
        {"source": "other.part", "copy": "other"},
        {"source": "seq", "folder": "seq"},
        {"source": "seq/img", "folder": "seq"},
        {"source": "file", "folder": "."},
        {"source": "nothing", "root": "seq", "folder": "seq"},
        {"source": "nothing", "root": "seq", "folder": "."},
    ],
)
def test_what_is_read_is_not_written(place, given):
    (place / "other.part").write_text("x")
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    given = {name: [Path(each) for each in value] if name == "more" else value for name, value in given.items()}
    with pytest.raises(ValueError, match="what is written must not"):
        work(**{name: Path(value) if name in ("out", "copy", "folder", "root") else value for name, value in given.items()})
    assert before == {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_results_may_lie_beside_the_sequences_of_a_data_set(place):
    assert work("file", root=Path("seq"), folder=Path("seq/results")) == "done"


def test_links_are_followed(place):
    (place / "link").symlink_to("file")
    (place / "folder").symlink_to("seq")
    os.link(place / "seq/truth.txt", place / "hard")
    (place / "far").mkdir()
    (place / "far/2.jpg").write_text("x")
    (place / "seq/more").symlink_to(place / "far")
    (place / "loop").mkdir()
    (place / "loop/again").symlink_to(place / "loop")
    for source, out in (
        ("file", "link"),
        ("link", "file"),
        ("seq", "folder/truth.txt"),
        ("folder", "seq/new"),
        ("seq", "hard"),
        ("hard", "seq/truth.txt"),
        ("seq", "far/2.jpg"),
        ("seq", "far/new.jpg"),
    ):
        with pytest.raises(ValueError, match="what is written must not"):
            work(source, out=Path(out))
    with pytest.raises(ValueError, match="what is written must not"):
        work("folder", folder=place)
    assert work("loop", out=Path("file")) == "done"


def test_names_are_compared_by_what_they_lead_to(place, monkeypatch):
    """As on a file system that takes capital letters for small ones."""
    plain = Path.stat
    monkeypatch.setattr(Path, "stat", lambda path, **how: plain(Path(str(path).replace("FILE", "file")), **how))
    monkeypatch.setattr(os.path, "exists", lambda path: Path(path).exists())
    with pytest.raises(ValueError, match="what is written must not"):
        work("file", out=Path("FILE"))


def test_two_results_are_two_files(place):
    (place / "link").symlink_to("new")
    for out, copy in (("new", "new"), ("new", "deep/../new"), ("new.part", "new"), ("link", "new")):
        with pytest.raises(ValueError, match="two results"):
            work("file", out=Path(out), copy=Path(copy))


def test_devices_and_pipes_take_any_number_of_results(place):
    os.mkfifo("pipe")
    assert work("file", out=Path("/dev/null"), copy=Path("/dev/null")) == work("file", out=Path("pipe")) == "done"
    with pytest.raises(NotADirectoryError, match="device or a pipe"):
        work("file", folder=Path("pipe"))


def test_what_cannot_be_written_is_said_at_once(place, monkeypatch):
    for given, said in (({"out": "seq"}, "is a folder"), ({"out": "file/new"}, "file is none"), ({"folder": "file"}, "is a file")):
        with pytest.raises(OSError, match=said):
            work("nothing", **{name: Path(value) for name, value in given.items()})
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(NotADirectoryError, match="can be written"):
        work("nothing", out=Path("deep/new"))


@pytest.mark.parametrize("words", [[verb, action] for verb, one in chiptrack.VERBS.items() for action in one.actions or [""]], ids=" ".join)
def test_every_verb_declares_its_files(words):
    """Every parameter that is a path is read or written; what is written is guarded."""
    _, function, _ = chiptrack.chosen([word for word in words if word])
    hints = get_type_hints(function)
    marks = [mark for mark, _ in declared(function, {name: None if name != "setup" else hints[name]() for name in hints})]
    paths = [name for name, hint in hints.items() if name != "return" and "Path" in str(hint)]
    assert len(marks) >= len(paths)
    assert not any(isinstance(mark, Writes) for mark in marks) or hasattr(function, "__wrapped__")
    assert "out" not in hints or any(isinstance(mark, Writes) for mark in marks)
