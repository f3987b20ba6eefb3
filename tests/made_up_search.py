"""A search that never was, for tests and benchmarks of its page: plain candidates, settings and a summary, without a study."""

from __future__ import annotations

import numpy as np

from search.problem.problem import multiply_adds, parameters
from search.study.candidate import Candidate
from supernet.families import FAMILIES
from supernet.families.lighttrack.space import LightTrackFamily

STRATEGIES = ("guided", "nsga2", "random")


def figure(name: str, unit: str, source: str = "predicted", direction: str = "minimize") -> dict:
    return {"name": name, "unit": unit, "direction": direction, "source": source}


def made_up_settings(family: LightTrackFamily, chips: tuple[str, ...]) -> dict:
    latencies = [f"latency_ms:{chip}" for chip in chips] if len(chips) > 1 else ["latency_ms"]
    accuracies = [figure(name, "", "inherited weights", "maximize") for name in ("ao", "auc")]
    counted = [figure("macs", "multiply-adds", "counted"), figure("params", "parameters", "counted")]
    return {
        "family": family.name,
        "supernet": {"path": "supernet.safetensors", "sha256": "0"},
        "predictors": [{"path": f"{chip}.json", "quantity": "latency", "profile": {"chip": chip, "runtime": "none"}} for chip in chips],
        "objectives": [accuracies[0], *(figure(name, "ms") for name in latencies)],
        "figures": [*accuracies, *counted, *(figure(name, "ms") for name in latencies)],
        "limits": {"max_macs": float(family.max_macs)},
    }


def made_up_summary() -> dict:
    return {"static_ao": 0.2, "rejected_share": 0.25, "rescoring_drop": 0.01, "failures": 0, "rejected": {"seen": 1}, "seconds": 5}


def made_up_candidates(family: LightTrackFamily, count: int, chips: tuple[str, ...] = ("phone",), seed: int = 0) -> list[Candidate]:
    """Larger networks track better, with noise; each chip has its own price of a multiply-add and of a parameter."""
    rng = np.random.default_rng(seed)
    architectures = [family.space.sample(rng) for _ in range(count)]
    choices = family.space.indices(architectures)
    macs, params = multiply_adds(family).of(choices), parameters(family).of(choices)
    scores = 0.7 - 0.4 * np.exp(-2 * macs / family.max_macs)[:, None] + rng.normal(0, 0.03, (count, 4))
    names = [f"latency_ms:{chip}" for chip in chips] if len(chips) > 1 else ["latency_ms"]
    times = np.stack([macs / family.max_macs * (2 + i) + params / params.max() * (3 - i) for i in range(len(names))], axis=1)
    return [
        Candidate(
            number=i,
            architecture=architectures[i],
            values={
                "ao": float(scores[i].mean()),
                "auc": float(scores[i].mean() - 0.02),
                "macs": float(macs[i]),
                "params": float(params[i]),
                **dict(zip(names, map(float, times[i]), strict=True)),
            },
            sources={
                **dict.fromkeys(("ao", "auc"), "inherited weights"),
                **dict.fromkeys(("macs", "params"), "counted"),
                **dict.fromkeys(names, "predicted"),
            },
            noise={"ao": 0.015, "auc": 0.015, **dict.fromkeys(names, 0.1)},
            feasible=bool(macs[i] <= family.max_macs),
            scores={"ao": tuple(map(float, scores[i])), "auc": tuple(map(float, scores[i] - 0.02))},
            strategy=STRATEGIES[i * len(STRATEGIES) // count],
            seconds=1.5,
        )
        for i in range(count)
    ]


NANO = FAMILIES["nano"]
