"""The ladder: a folder imports those below it, never above, and names that installing would shadow do not occur."""

import ast
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
