"""What a loss provides to the training loop, which knows nothing else of the task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class Loss(Protocol):
    """Says how wrong a module is on a batch."""

    def __call__(self, module: Any, batch: tuple[Tensor, ...]) -> Mapping[str, Tensor]:
        """Run a module on a batch.

        Args:
            module: What is trained; a torch module.
            batch: Tensors as the batches of the training give them, on the module's device.

        Returns:
            Scalars by name, whose sum is minimised.
        """
        ...
