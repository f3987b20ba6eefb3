"""A family for tests that is nothing like the registered ones: tokens in place of maps, options that are texts, no template branch.

A network is `embed` (2 to 8 numbers a token), one or two layers `mlp` (8 to 8) whose activation is chosen, and `head` (8 to 1), on
4 tokens; so an embedding has 4 * 2 * 8 multiply-adds and 2 * 8 + 8 parameters.
"""

from collections.abc import Iterable
from functools import partial

from supernet.families import FAMILIES
from supernet.families.family import Family
from supernet.operators import Operator
from supernet.slots import Slot

TOKENS = 4


def _linear(op: Operator):
    from torch import nn

    return nn.Linear(op.in_shape[1], op.out_shape[1])


def layer(kind: str, before: int, after: int, activation: str | None = None) -> Operator | None:
    options = (("activation", activation),) if activation else ()
    return None if activation == "skip" else Operator(kind, "search", (TOKENS, before), (TOKENS, after), options, make=_linear)


class Tokens(Family):
    """Six architectures."""

    name = "tokens"
    settings = FAMILIES["nano"].settings
    choices = {"mlp.0": ("relu", "gelu"), "mlp.1": ("relu", "gelu", "skip")}
    slots = (
        Slot("search", "embed", "stem", partial(layer, "embed", 2, 8)),
        *(Slot("search", label, f"body.{label}", partial(layer, "mlp", 8, 8), label) for label in choices),
        Slot("search", "head", "heads", partial(layer, "head", 8, 1)),
    )

    def assemble(self, filled: Iterable):
        from torch import nn

        return nn.Sequential(*(module for _, module in filled))
