"""LightTrack-Mobile's public export to OpenVINO within our tracking loop: three graphs that take BGR bytes and give probabilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from supernet.catalogue import find_family
from tracking.trackers.siamese import Siamese, SiameseSettings

_LEAST = 1e-12
"""Probabilities are kept this far from 0 and 1, whose logits are infinite."""


class PublicGraphs:
    """Runs the graphs z_feature, x_feature and head as `template` and `search`; implements `tracking.trackers.procedure.Network`.

    Args:
        template: Function of a crop (1, 128, 128, 3) uint8 BGR that gives the features of the template.
        search: The same for a crop of the search region.
        head: Function of both features that gives probabilities (H, W) and distances left, top, right, bottom (4, H, W) in px.
    """

    def __init__(self, template: Callable, search: Callable, head: Callable):
        self._template, self._search, self._head = template, search, head

    def run(self, graph: str, inputs: Mapping[str, Any]) -> Sequence[Any]:
        crops = np.ascontiguousarray(inputs[graph][..., ::-1])
        if graph == "template":
            return [np.concatenate([self._template(crop[None]) for crop in crops])]
        each = [self._head(kept[None], self._search(crop[None])) for kept, crop in zip(inputs["template_features"], crops, strict=True)]
        likely = np.clip(np.stack([cls for cls, _ in each])[:, None].astype(np.float64), _LEAST, 1 - _LEAST)
        return [np.log(likely / (1 - likely)), np.stack([reg for _, reg in each])]


def public_settings() -> SiameseSettings:
    """LightTrack's public constants with a search region of 256 px for small targets too, for which the export has no graph."""
    settings = find_family("lighttrack").settings
    assert isinstance(settings, SiameseSettings)
    return replace(settings, aligned=False, small_target_size=settings.search_size)


def lighttrack_openvino(folder: Path) -> Siamese:
    """LightTrack-Mobile as OpenVINO runs its public export, on one thread.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    from openvino import Core

    core = Core()
    options = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    z, x, head = (core.compile_model(str(folder / f"{name}.xml"), "CPU", options) for name in ("z_feature", "x_feature", "head"))
    outputs = [head.output(name) for name in ("cls", "reg")]

    def heads(kept: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, ...]:
        found = head({"zf": kept, "xf": seen})
        return tuple(np.array(found[output]) for output in outputs)

    # an output is the graph's own memory, which the next frame overwrites
    return Siamese(PublicGraphs(lambda crop: np.array(z(crop)[0]), lambda crop: np.array(x(crop)[0]), heads), public_settings())
