"""Mutation testing: changes the modules that compute numbers, one small change at a time, and counts the changes that the tests notice.

A mutant is a module with one change: another operator, comparison or number, a minimum in place of a maximum, a condition turned round.
Each mutant is tried against the test files of its module (`TESTS`) and the examples in it. It is killed if a test fails, or if the tests
take five times as long as usual. Mutants that compute the same as the original are listed in data/mutants_that_change_nothing.toml, each
with the reason, and are not tried. The changes are made in a temporary copy of the tree.

    python -m benchmarks.mutants                          # a sample of 15 to 25 mutants a module
    python -m benchmarks.mutants --all --only pareto      # every mutant of the modules whose path contains a text
    python -m benchmarks.mutants --journal killed.txt     # goes on where it stopped: what was killed stays so, survivors are tried again
"""

from __future__ import annotations

import argparse
import compileall
import contextlib
import importlib
import multiprocessing
import os
import py_compile
import random
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import pytest

from benchmarks.mutations import Mutant, mutants

ROOT = Path(__file__).resolve().parents[1]
SAME = Path(__file__).with_name("data") / "mutants_that_change_nothing.toml"
TESTS = {
    "tracking/benchmarks/one_pass.py": ["test_one_pass"],
    "tracking/boxes.py": ["test_boxes"],
    "tracking/matching.py": ["test_matching"],
    "tracking/grid.py": ["test_grid"],
    "tracking/crops.py": ["test_crops"],
    "tracking/trackers/procedure.py": ["test_procedure"],
    "tracking/trackers/siamese.py": ["test_siamese"],
    "tracking/lockstep.py": ["test_lockstep"],
    "tracking/losses/siamese.py": ["test_losses"],
    "predictors/scores.py": ["test_scores"],
    "predictors/cross_validation.py": ["test_cross_validation"],
    "predictors/interval.py": ["test_interval"],
    "predictors/models/lookup.py": ["test_lookup"],
    "predictors/models/ridge.py": ["test_ridge"],
    "predictors/models/corrections.py": ["test_corrections"],
    "predictors/transfer/belief.py": ["test_transfer"],
    "predictors/transfer/imagined.py": ["test_imagined", "test_new_chip"],
    "predictors/transfer/new_chip.py": ["test_new_chip"],
    "predictors/transfer/adapt.py": ["test_adapt"],
    "latency_tables/measuring/timing.py": ["test_timing"],
    "latency_tables/tables/agreement.py": ["test_tables"],
    "search/front/pareto.py": ["test_pareto"],
    "search/strategies/hypervolume_gain.py": ["test_hypervolume_gain"],
    "search/judging/noise.py": ["test_noise"],
    "supernet/counts.py": ["test_counts"],
    "supernet/training/recipe.py": ["test_recipe"],
    "supernet/training/calibrate.py": ["test_calibrate"],
}
"""The test files that cover each module, quickest first."""
HEAVY = (
    "scipy.linalg",
    "scipy.optimize",
    "scipy.stats",
    "torch.utils.flop_counter",
    "hypothesis.extra.numpy",
    "cv2",
    "pandas",
    "xgboost",
    "sklearn.gaussian_process",
)
"""Packages that are imported once, before a process is forked for each mutant."""
PATIENCE, LEAST_PATIENCE_S = 5, 30
"""A mutant counts as killed if its tests take this many times as long as usual, and at least so many seconds."""

_FORK = multiprocessing.get_context("fork")


def sample(every: list[Mutant], seed: int) -> list[Mutant]:
    """15 mutants of a module, and one more for each 20 that it has, up to 25."""
    count = min(len(every), 25, 15 + len(every) // 20)
    drawn = random.Random(f"{seed} {every[0].module}").sample(every, count)
    return sorted(drawn, key=lambda mutant: (mutant.line, mutant.after))


def copy_tree(to: Path) -> None:
    """Copy the tree and compile it, so that the processes that are forked find all but the mutant compiled."""
    shutil.copytree(ROOT, to, ignore=shutil.ignore_patterns(".*", "__pycache__", "runs", "*.egg-info"))
    for folder in {"tests", *(Path(module).parts[0] for module in TESTS)}:
        compileall.compile_dir(to / folder, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)


def _test(copy: Path, files: list[str]) -> None:
    """Run tests in a copy of the tree and exit with the status of pytest; for a process of its own."""
    os.setsid()
    os.chdir(copy)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    os.environ["PYTHONPATH"] = sys.path[0] = str(copy)
    sys.dont_write_bytecode = True
    # what is forked has imported Hypothesis already, of which pytest warns
    options = "-x -q -n 0 -p no:cacheprovider -W ignore::pytest.PytestAssertRewriteWarning"
    os._exit(pytest.main([*options.split(), *files]))


def run_tests(copy: Path, module: str, limit_s: float) -> int | None:
    """Status of pytest on the tests of a module; None if they took longer than the limit."""
    files = [*(f"tests/{name}.py" for name in TESTS[module]), module]  # the module for its examples
    child = _FORK.Process(target=_test, args=(copy, files))
    child.start()
    child.join(limit_s)
    status = child.exitcode
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid or 0, signal.SIGKILL)  # with what the tests have started
    child.join()
    return status


def killed(original: Path, module: str, chosen: list[Mutant], journal: Path) -> set[str]:
    """Try mutants of one module in a copy of a copy of the tree.

    Args:
        original: The copy of the tree.
        module: Path of the module from the root of the tree.
        chosen: Mutants of this module.
        journal: File of the keys of mutants that are killed, one a line. They are not tried again, and others are added.

    Returns:
        The keys of the mutants that are killed.

    Raises:
        ValueError: The tests fail before anything is changed.
    """
    known = set(journal.read_text().split()) if journal.is_file() else set()
    dead = {mutant.key for mutant in chosen} & known
    left = [mutant for mutant in chosen if mutant.key not in dead]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, journal.open("a") as log:
        copy = Path(folder) / "tree"
        shutil.copytree(original, copy)
        start = time.monotonic()
        if left and (status := run_tests(copy, module, 600)) != 0:
            raise ValueError(f"the tests of {module} must pass before it is changed, pytest ended with {status}; run them by themselves")
        limit_s = max(LEAST_PATIENCE_S, PATIENCE * (time.monotonic() - start))
        for mutant in left:
            (copy / module).write_text(mutant.code)
            if run_tests(copy, module, limit_s) != 0:
                dead.add(mutant.key)
                print(mutant.key, file=log, flush=True)
    return dead


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="fixes the sample")
    parser.add_argument("--all", action="store_true", help="try every mutant rather than a sample")
    parser.add_argument("--only", default="", help="text that the path of a module must contain")
    parser.add_argument("--journal", type=Path, default=Path(os.devnull), help="file that keeps which mutants are killed")
    parser.add_argument("--jobs", type=int, default=1, help="number of modules that are tried at once")
    given = parser.parse_args()
    with SAME.open("rb") as file:
        same = {(row["module"], row["before"], row["after"]): row["reason"] for row in tomllib.load(file).get("mutant", [])}
    for name in HEAVY:
        importlib.import_module(name)
    chosen = {module: mutants(module, (ROOT / module).read_text()) for module in TESTS if given.only in module}
    if not given.all:
        chosen = {module: sample(every, given.seed) for module, every in chosen.items()}
    tried = {module: [each for each in some if each.place not in same] for module, some in chosen.items()}
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ProcessPoolExecutor(given.jobs, _FORK) as pool:
        copy_tree(Path(folder) / "tree")
        futures = {module: pool.submit(killed, Path(folder) / "tree", module, some, given.journal) for module, some in tried.items()}
        dead = {module: future.result() for module, future in futures.items()}
    print("| module | mutants | change nothing | killed | survive |\n|---|---|---|---|---|")
    for module, some in chosen.items():
        print(
            f"| {module} | {len(some)} | {len(some) - len(tried[module])} | {len(dead[module])} | {len(tried[module]) - len(dead[module])} |"
        )
    count, deaths = sum(map(len, tried.values())), sum(map(len, dead.values()))
    print(f"\n{deaths} of {count} mutants that change something are killed: {100 * deaths / max(1, count):.1f} %.")
    show("Survivors", [(mutant, "") for module, some in tried.items() for mutant in some if mutant.key not in dead[module]])
    show("Mutants that change nothing", [(each, same[each.place]) for some in chosen.values() for each in some if each.place in same])


def show(title: str, some: list[tuple[Mutant, str]]) -> None:
    """Print mutants, each with a remark, as a section in Markdown."""
    print(f"\n## {title}\n\n" + ("" if some else "None.\n"), end="")
    for mutant, remark in some:
        print(f"- {mutant.module}, line {mutant.line}{': ' if remark else ''}{remark}\n\n      - {mutant.before}\n      + {mutant.after}\n")


if __name__ == "__main__":
    main()
