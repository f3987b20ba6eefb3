"""The changes that mutation testing makes (`benchmarks/mutants.py`)."""

import pytest

pytest.importorskip("cosmic_ray", reason="mutation testing needs Cosmic Ray: pip install 'chiptrack[dev]'")

from benchmarks.mutations import mutants  # noqa: E402

SOURCE = '''
import math
from functools import lru_cache

@lru_cache(maxsize=16)
def f(x: int | None = 1) -> float:
    """1 + 1 is 2."""
    if x < 2:
        raise ValueError(f"{x + 1} < 2")
    total = [min(x, y) for y, _ in zip([0.75], [0], strict=True)]
    return not math.floor(x) == -x
'''


def test_each_change_is_made_once_and_texts_are_left_alone():
    found = mutants("f.py", SOURCE)
    assert {(mutant.line, mutant.after) for mutant in found} == {
        (6, "def f(x: int | None = 2) -> float:"),
        (6, "def f(x: int | None = 0) -> float:"),
        (8, "if x <= 2:"),
        (8, "if x > 2:"),
        (8, "if x < 3:"),
        (8, "if x < 1:"),
        (8, "if not x < 2:"),
        (10, "total = [max(x, y) for y, _ in zip([0.75], [0], strict=True)]"),
        (10, "total = [min(x, y) for y, _ in zip([0.825], [0], strict=True)]"),
        (10, "total = [min(x, y) for y, _ in zip([0.675], [0], strict=True)]"),
        (10, "total = [min(x, y) for y, _ in zip([0.75], [1], strict=True)]"),
        (10, "total = [min(x, y) for y, _ in zip([0.75], [-1], strict=True)]"),
        (11, "return  math.floor(x) == -x"),
        (11, "return not math.ceil(x) == -x"),
        (11, "return not math.floor(x) != -x"),
        (11, "return not math.floor(x) == x"),
    }
    assert len({mutant.key for mutant in found}) == len(found) == 16


def test_a_mutant_is_the_module_with_one_line_changed():
    for mutant in mutants("f.py", SOURCE):
        before, after = SOURCE.splitlines(), mutant.code.splitlines()
        changed = [number for number, pair in enumerate(zip(before, after, strict=True), start=1) if pair[0] != pair[1]]
        assert changed == [mutant.line] and before[mutant.line - 1].strip() == mutant.before
