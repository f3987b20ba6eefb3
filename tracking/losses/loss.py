"""The protocols of losses, which are all that the training loop knows about the task."""

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


class Imitation(Protocol):
    """A function that says how far the outputs of a network are from those of another one, its teacher."""

    def __call__(self, outputs: Any, batch: tuple[Tensor, ...], taught: Any, taught_batch: tuple[Tensor, ...]) -> Mapping[str, Tensor]:
        """Compare the outputs of two networks.

        Args:
            outputs: What the network that learns returned.
            batch: The batch that it saw.
            taught: What the teacher returned, without gradients.
            taught_batch: The batch that the teacher saw: the same pairs, perhaps at other sizes.

        Returns:
            Scalar losses by name, each 0 where the outputs agree.
        """
        ...
