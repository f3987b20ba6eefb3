"""The ladder: a folder imports those below it, never above, and names that installing would shadow do not occur."""

import ast
import graphlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LADDER = ("tracking", "supernet", "latency_tables", "predictors", "search")
MAY_IMPORT = {
    "tracking": set(),
    "supernet": {"tracking"},
    "latency_tables": {"supernet", "tracking"},
    "predictors": {"latency_tables", "supernet", "tracking"},
    "search": {"predictors", "latency_tables", "supernet", "tracking"},
}
FILES = sorted(path for folder in LADDER for path in (ROOT / folder).rglob("*.py"))
INITS = [path for path in FILES if path.name == "__init__.py"]


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_import_goes_up_the_ladder(path):
    folder = path.relative_to(ROOT).parts[0]
    assert imported(path) & {*LADDER, "chiptrack"} <= MAY_IMPORT[folder] | {folder}


def dotted(path: Path) -> str:
    """The name by which a file is imported."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported_modules(path: Path, known: set[str]) -> set[str]:
    """Files of the project that a file imports anywhere, inside functions and for types alone included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {name if (name := f"{node.module}.{alias.name}") in known else node.module for alias in node.names}
    return found & known


def test_no_import_runs_in_a_circle():
    known = {dotted(path) for path in FILES}
    graph = {dotted(path): imported_modules(path, known) - {dotted(path)} for path in FILES}
    graphlib.TopologicalSorter(graph).prepare()  # raises a CycleError that names the circle


def test_files_and_folders_can_be_taken_in_at_a_glance():
    long = {str(path.relative_to(ROOT)): n for path in FILES if (n := len(path.read_text(encoding="utf-8").splitlines())) > 310}
    assert not long, "a file has at most about 300 lines"
    folders = {path.parent for path in FILES}
    full = {str(folder.relative_to(ROOT)): n for folder in folders if (n := len(list(folder.glob("*.py")))) > 16}
    assert not full, "a folder has at most about 15 files"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_top_level_module_shadows_the_standard_library(path):
    assert path.relative_to(ROOT).parts[0] not in sys.stdlib_module_names
    assert path.stem not in ("utils", "helpers", "common", "misc")


@pytest.mark.parametrize("path", INITS, ids=lambda path: str(path.relative_to(ROOT)))
def test_packages_only_hand_names_on(path):
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        assert isinstance(node, ast.Expr | ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign), f"{path} does more than name things"


def test_every_package_is_listed_for_installation():
    import tomllib

    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"])
    assert listed == {".".join(path.parent.relative_to(ROOT).parts) for path in INITS}
