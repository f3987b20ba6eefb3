"""A torch network as the siamese loop wants it: uint8 crops in, numpy maps out."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from tracking.images import cv2

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
"""ImageNet mean of RGB in 0..1."""
STD = np.array([0.229, 0.224, 0.225], np.float32)
"""ImageNet standard deviation of RGB in 0..1."""
# the order of operations is the public tracker's: long tracks of small targets hang on the last bit
_TABLE = ((np.arange(256, dtype=np.float32)[:, None] / np.float32(255) - MEAN) / STD).T.copy()
"""(3, 256): normalised value of each byte, by channel."""


def normalise(images: np.ndarray) -> np.ndarray:
    """(B, h, w, 3) uint8 RGB to (B, 3, h, w) float32 with ImageNet's mean and deviation taken out."""
    batch, height, width, _ = images.shape
    planes = np.empty((batch, 3, height, width), np.float32)
    for image, into in zip(images, planes, strict=True):
        for channel, plane in enumerate(cv2.split(np.ascontiguousarray(image))):
            cv2.LUT(plane, _TABLE[channel][None], dst=into[channel])
    return planes


def check_device(name: str) -> None:
    """Refuse a torch device that this machine does not have.

    Raises:
        ValueError: There is no such device.
    """
    try:
        torch.zeros(1, device=name).item()  # the device meta has no values
    except (RuntimeError, AssertionError) as err:
        raise ValueError(
            f"a device must be one that torch can use here (cpu, cuda, cuda:N), {name!r} is not: {str(err).splitlines()[0]}"
        ) from err


class TwoBranches(Protocol):
    """A torch module with a template branch and a search branch: `TrackingNetwork` or `Supernet`."""

    def template(self, image: Tensor) -> Tensor: ...

    def search(self, image: Tensor, template_features: Tensor) -> tuple[Tensor, Tensor]: ...

    def eval(self) -> Any: ...


class TorchNetwork:
    """Runs any module with `template(image)` and `search(image, features)` without gradients.

    `channels_last` halves the time of depthwise convolutions on processors for batches; plain order is quicker for one crop.
    """

    def __init__(self, module: TwoBranches, device: str = "cpu", channels_last: bool = False):
        check_device(device)
        self.module = module.eval().to(device)
        self.device = device
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format

    def _input(self, images: np.ndarray) -> Tensor:
        return torch.from_numpy(normalise(images)).to(self.device, memory_format=self.memory_format)

    @torch.no_grad()
    def template(self, images: np.ndarray) -> Tensor:
        return self.module.template(self._input(images))

    @torch.no_grad()
    def search(self, images: np.ndarray, features: Tensor) -> tuple[np.ndarray, np.ndarray]:
        cls, reg = self.module.search(self._input(images), features)
        return cls[:, 0].cpu().numpy(), reg.cpu().numpy()
