"""Every command in the README and docs is one that the program accepts."""

import re
import shlex
from pathlib import Path

import pytest

import chiptrack
from search.verbs.flags import Flags

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name != "extending.md"),
]  # of that, see test_extending


def commands() -> list[str]:
    found = []
    for page in PAGES:
        for block in re.findall(r"```(?:sh|console)\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
            lines = [line.strip() for line in block.replace("\\\n", " ").splitlines()]
            found += [line.removeprefix("$ ").split(" #")[0].strip() for line in lines if line.removeprefix("$ ").startswith("chiptrack ")]
    return found


def test_there_are_commands():
    assert {shlex.split(command)[1] for command in commands()} >= set(chiptrack.VERBS) - {"devices"}


@pytest.mark.parametrize("command", commands())
def test_command_is_accepted(command):
    _, *words = shlex.split(command)
    title, function, rest = chiptrack.chosen(words)
    Flags(title, function).parse(rest)


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^\s*make (\w+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target
