"""The changes that mutation testing makes to a module; `mutants.py` tries them.

Most are made by the library Cosmic Ray. Of its operators those are taken that a person could have typed by mistake; those of numbers and of
names are ours, since Cosmic Ray adds one to every number, and one is far from .75. Texts, annotations, decorators, the statements that
raise errors or import, and the `strict` of `zip`, which checks our own code, are left alone.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators import (
    binary_operator_replacement,
    boolean_replacer,
    break_continue,
    comparison_operator_replacement,
    unary_operator_replacement,
    zero_iteration_for_loop,
)
from cosmic_ray.operators.operator import Operator
from parso.python.tree import Number
from parso.tree import Leaf, NodeOrLeaf

_SWAPPED = [
    ("min", "max"), ("minimum", "maximum"), ("amin", "amax"), ("argmin", "argmax"), ("any", "all"), ("floor", "ceil"), ("zeros", "ones"),
    ("mean", "sum"), ("std", "var"), ("sqrt", "square"), ("+=", "-="), ("*=", "/="), ("|=", "&="),
]  # fmt: skip
NAMES = {**dict(_SWAPPED), **{b: a for a, b in _SWAPPED}, "median": "mean", "prod": "sum", "cumsum": "cumprod", "argsort": "argmin"}
"""Names and assignments that one of our operators replaces."""


class Numbers(Operator):
    """Makes an integer one larger or smaller, and a decimal number a tenth."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator:
        if isinstance(node, Number):
            yield from [(node.start_pos, node.end_pos)] * 2

    def mutate(self, node: Leaf, index: int) -> Leaf:
        if node.value.isdigit():
            node.value = str(int(node.value) + (1, -1)[index])
        else:
            value = float(node.value)
            node.value = f"{value * (1.1, 0.9)[index]:.6g}" if value else ("1.0", "-1.0")[index]
        return node

    @classmethod
    def examples(cls):
        return ()


class Swapped(Operator):
    """Replaces a name of `NAMES` by its counterpart."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator:
        if isinstance(node, Leaf) and node.value in NAMES and (node.type == "operator" or self._is_call(node)):
            yield node.start_pos, node.end_pos

    @staticmethod
    def _is_call(node: Leaf) -> bool:
        follows = node.get_next_leaf()
        return node.type == "name" and follows is not None and follows.value == "("

    def mutate(self, node: Leaf, index: int) -> Leaf:
        node.value = NAMES[node.value]
        return node

    @classmethod
    def examples(cls):
        return ()


def _operators() -> Iterator[Any]:
    """The changes that are made: of Cosmic Ray's those that a person could have typed by mistake."""
    binary = (
        "Add_Sub",
        "Sub_Add",
        "Mul_Div",
        "Div_Mul",
        "FloorDiv_Div",
        "Div_FloorDiv",
        "Mod_Mul",
        "Pow_Mul",
        "BitOr_BitAnd",
        "BitAnd_BitOr",
    )
    compared = (
        "Lt_LtE",
        "LtE_Lt",
        "Gt_GtE",
        "GtE_Gt",
        "Eq_NotEq",
        "NotEq_Eq",
        "Is_IsNot",
        "IsNot_Is",
        "Lt_Gt",
        "Gt_Lt",
        "LtE_GtE",
        "GtE_LtE",
    )
    unary = ("Delete_USub", "Delete_Invert", "Delete_Not")
    yield from (vars(binary_operator_replacement)[f"ReplaceBinaryOperator_{name}"]() for name in binary)
    yield from (vars(comparison_operator_replacement)[f"ReplaceComparisonOperator_{name}"]() for name in compared)
    yield from (vars(unary_operator_replacement)[f"ReplaceUnaryOperator_{name}"]() for name in unary)
    yield from (boolean_replacer.ReplaceTrueWithFalse(), boolean_replacer.ReplaceFalseWithTrue(), boolean_replacer.AddNot())
    yield from (boolean_replacer.ReplaceAndWithOr(), boolean_replacer.ReplaceOrWithAnd())
    yield from (break_continue.ReplaceBreakWithContinue(), break_continue.ReplaceContinueWithBreak())
    yield from (zero_iteration_for_loop.ZeroIterationForLoop(), Numbers(), Swapped())


@dataclass(frozen=True)
class Mutant:
    """A module with one change."""

    module: str
    """Path of the module from the root of the tree."""
    line: int
    """Number of the changed line, from 1."""
    before: str
    """The line without its indentation."""
    after: str
    """The changed line."""
    code: str
    """The whole changed module."""

    @property
    def place(self) -> tuple[str, str, str]:
        """What the list of mutants that change nothing knows it by."""
        return self.module, self.before, self.after

    @property
    def key(self) -> str:
        """What a journal knows it by."""
        return hashlib.sha256(f"{self.module}\n{self.code}".encode()).hexdigest()


def _left_alone(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Spans of annotations, decorators and formatted texts, of the statements that raise errors or import, and of the `strict` of `zip`."""
    spans = []
    for node in ast.walk(ast.parse(source)):
        alone: list[ast.expr | ast.stmt | None] = []
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            alone += [node.returns, *node.decorator_list]
        elif isinstance(node, ast.ClassDef):
            alone += node.decorator_list
        elif isinstance(node, (ast.arg, ast.AnnAssign)):
            alone.append(node.annotation)
        elif isinstance(node, (ast.JoinedStr, ast.Raise, ast.Import, ast.ImportFrom)):
            alone.append(node)
        elif isinstance(node, ast.keyword) and node.arg == "strict":
            alone.append(node.value)
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            alone.append(node)
        for part in alone:
            if part is not None:
                spans.append(((part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)))
    return spans


def mutants(module: str, source: str) -> list[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    alone, lines, found = _left_alone(source), source.splitlines(), {}
    nodes = list(ast_nodes(get_ast(source)))
    for operator in _operators():
        places = [place for node in nodes for place in operator.mutation_positions(node)]
        for occurrence, (start, end) in enumerate(places):
            if any(first <= start and end <= last for first, last in alone):
                continue
            code = mutate_code(source, operator, occurrence)
            if code is None:
                continue
            changed = code.splitlines()
            number = next(i for i, (old, new) in enumerate(zip(lines, changed, strict=False)) if old != new)
            with warnings.catch_warnings(), contextlib.suppress(SyntaxError):
                warnings.simplefilter("ignore", SyntaxWarning)
                compile(code, module, "exec")
                mutant = Mutant(module, number + 1, lines[number].strip(), changed[number].strip(), code)
                found[code] = mutant
    return sorted(found.values(), key=lambda mutant: (mutant.line, mutant.after))
