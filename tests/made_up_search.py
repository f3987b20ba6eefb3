"""A search that never was, for tests and benchmarks of its page: plain candidates, settings and a summary, without a study.

Also a family that never was: blocks of attention, whose networks have other places and shapes than those of LightTrack.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from search.metrics import Figure, Metric
from search.metrics.accuracy import AO, AUC
from search.metrics.counted import MACS, PARAMS, multiply_adds, parameters
from search.metrics.predicted import LATENCY
from search.study.candidate import Candidate
from supernet.families.family import Family
from supernet.operators import Operator
from supernet.slots import Slot
from tracking.trackers.siamese import SiameseSettings

STRATEGIES = ("guided", "nsga2", "random")


def latencies(chips: tuple[str, ...]) -> list[Metric]:
    """One for each chip, which bears its name where there are several."""
    return [replace(LATENCY, device=chip) for chip in chips] if len(chips) > 1 else [LATENCY]


def made_up_settings(family: Family, chips: tuple[str, ...]) -> dict:
    times = latencies(chips)
    return {
        "family": family.name,
        "supernet": {"path": "supernet.safetensors", "sha256": "0"},
        "predictors": [{"path": f"{chip}.json", "metric": "latency", "profile": {"chip": chip, "runtime": "none"}} for chip in chips],
        "objectives": [metric.to_json() for metric in (AO, *times)],
        "figures": [metric.to_json() for metric in (AO, AUC, MACS, PARAMS, *times)],
        "limits": {"max_macs": float(family.max_macs)},
    }


def made_up_summary() -> dict:
    return {"static_ao": 0.2, "rejected_share": 0.25, "optimism": 0.01, "failures": 0, "rejected": {"seen": 1}, "seconds": 5}


def made_up_candidates(family: Family, count: int, chips: tuple[str, ...] = ("phone",), seed: int = 0) -> list[Candidate]:
    """Larger networks track better, with noise; each chip has its own price of a multiply-add and of a parameter."""
    rng = np.random.default_rng(seed)
    architectures = [family.space.sample(rng) for _ in range(count)]
    choices = family.space.indices(architectures)
    macs, params = multiply_adds(family).of(choices), parameters(family).of(choices)
    scores = 0.7 - 0.4 * np.exp(-2 * macs / family.max_macs)[:, None] + rng.normal(0, 0.03, (count, 4))
    times = {metric: macs / family.max_macs * (2 + i) + params / params.max() * (3 - i) for i, metric in enumerate(latencies(chips))}
    return [
        Candidate(
            number=i,
            architecture=architectures[i],
            figures={
                AO: Figure(float(scores[i].mean()), 0.015, AO.source),
                AUC: Figure(float(scores[i].mean() - 0.02), 0.015, AUC.source),
                MACS: Figure(float(macs[i])),
                PARAMS: Figure(float(params[i])),
                **{metric: Figure(float(ms[i]), 0.1, metric.source) for metric, ms in times.items()},
            },
            feasible=bool(macs[i] <= family.max_macs),
            scores={"ao": tuple(map(float, scores[i])), "auc": tuple(map(float, scores[i] - 0.02))},
            strategy=STRATEGIES[i * len(STRATEGIES) // count],
            seconds=1.5,
        )
        for i in range(count)
    ]


@dataclass(frozen=True, eq=False)
class Blocks(Family):
    """Layers of 16 tokens, as many as `depth` says, and a norm that may be left out; `seed` has more values than one digit can say."""

    name: str = "blocks"
    max_macs: int = 3000
    settings: SiameseSettings = SiameseSettings(48, 96, 96, penalty_k=0.0, lr=0.0, window_influence=0.0)

    @property
    def choices(self):
        return {"seed": tuple(range(40)), "depth": (1, 2, 3), "heads": (2, 4), "norm": ("yes", "no")}

    @property
    def slots(self):
        layers = [Slot("search", f"layer{i}", "encoder.layers", partial(_layer, i), "heads", ("depth",)) for i in range(3)]
        return (Slot("template", "patches", "encoder", _patches), *layers, Slot("search", "norm", "neck", _norm, "norm"))


def _patches() -> Operator:
    return Operator("patches", "template", (16, 8), (16, 8), make=_linear)


def _layer(position: int, depth: int, heads: int) -> Operator | None:
    return Operator("attention", "search", (16, 8), (16, 8), (("heads", heads),), make=_linear) if position < depth else None


def _norm(norm: str) -> Operator | None:
    return Operator("norm", "search", (16, 8), (16, 8), make=_linear) if norm == "yes" else None


def _linear(op: Operator):
    from torch import nn

    return nn.Linear(8, 8)
