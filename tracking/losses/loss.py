"""The protocol of losses, which is all that the training loop knows about the task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class Loss(Protocol):
    """A function that says how wrong the outputs of a module are on a batch."""

    def __call__(self, module: Any, batch: tuple[Tensor, ...]) -> Mapping[str, Tensor]:
        """Run a module on a batch and compute its losses.

        Args:
            module: The torch module that is trained.
            batch: The tensors of one training batch, on the module's device.

        Returns:
            Scalar losses by name; training minimises their sum.
        """
        ...
