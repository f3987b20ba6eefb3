"""As many architectures a step as the largest choice has values, in which all values of a choice occur equally often.

Source: strict fairness of FairNAS (Chu et al., ICCV 2021): the gradients of the paths are gathered, then the weights are changed once.
FairNAS asks for equally many values in every choice. Here a choice with fewer has some values once more than the others in a step, and
these rotate: over as many steps as it has values, all occur equally often.

Worked example: the largest choice has 4 values, another one has 3. Its values a, b, c stand in the four paths of the first step as
a, b, c, a in a random order, then as a, b, c, b, then as a, b, c, c.
"""

import numpy as np

from supernet.space import Architecture, Value
from supernet.training.paths.rule import Rule


class Fair(Rule):
    """Every value of every choice occurs equally often."""

    def paths(self, step: int) -> tuple[Architecture, ...]:
        rng = self.rng(step)
        count = max(len(values) for values in self.family.choices.values())
        columns = {label: _spread(values, count, step, rng) for label, values in self.family.choices.items()}
        return tuple(self.family.architecture({label: column[i] for label, column in columns.items()}) for i in range(count))


def _spread(values: tuple[Value, ...], count: int, step: int, rng: np.random.Generator) -> list[Value]:
    """`count` values in a random order, each as often as every other but for the rest of the division."""
    whole, rest = divmod(count, len(values))
    drawn = [*values * whole, *(values[(step * rest + i) % len(values)] for i in range(rest))]
    return [drawn[i] for i in rng.permutation(count)]
