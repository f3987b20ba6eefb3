"""How many architectures' latencies are predicted in a second, on one thread, for every model and family.

Speed is measured twice: from encoded choices, which are integers that a search may draw by the million, and from `Architecture` objects.
Operators get made-up milliseconds and models are fitted on made-up networks, since the values of the predictions do not matter here. The
networks give the trees something to learn, so that their training does not stop early.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from latency_tables.tables.profile import Profile
from predictors.encoding import Encoder
from predictors.interval import Interval
from predictors.latency import LatencyPredictor
from predictors.models import MODELS
from predictors.models.lookup import Line
from supernet.families import FAMILIES
from supernet.families.family import Family

_FITTED_ON = 200


def made_up(family: Family, model: str) -> LatencyPredictor:
    """Fit a predictor to made-up networks, which take longer than the sum of their operators, depending on parameters and choices."""
    operator_ms = {op.key: 0.01 + 1e-9 * op.counts.macs for op in family.all_operators}
    rng = np.random.default_rng(0)
    encoded = Encoder(family.name, operator_ms).encode_choices(random_choices(family, _FITTED_ON, rng))
    params, ranks = encoded.sums("params_m")[:, 0], encoded.features[:, len(encoded.names) :]
    ms = encoded.table_ms * (1 + 0.1 * (params > np.median(params)) + ranks @ rng.uniform(0, 0.02, ranks.shape[1]))
    profile = Profile(family.name, "local", "made-up", "1", 1, "fp32", "", "cpu", "made-up", "made-up")
    return LatencyPredictor(profile, 1.0, operator_ms, model, MODELS[model].fit(encoded, ms), Line(), Interval(0.1, 0.9))


def random_choices(family: Family, count: int, rng: np.random.Generator) -> np.ndarray:
    """(N, L) indices of chosen values, drawn uniformly."""
    return np.column_stack([rng.integers(0, len(values), count) for values in family.space.choices.values()])


def per_second(predict: Callable[[], object], count: int) -> float:
    """Return the architectures per second of CPU time, for the best of three runs."""
    seconds = []
    for _ in range(3):
        start = time.process_time()
        predict()
        seconds.append(time.process_time() - start)
    return count / min(seconds)


def measure(family: Family, model: str, count: int) -> dict:
    """Measure the speeds of one model for one family."""
    predictor, rng = made_up(family, model), np.random.default_rng(1)
    choices = random_choices(family, count, rng)
    architectures = [family.space.sample(rng) for _ in range(min(count, 20_000))]
    return {
        "model": model,
        "family": family.name,
        "choices_per_second": per_second(lambda: predictor.predict_choices(choices), count),
        "architectures_per_second": per_second(lambda: predictor.predict(architectures), len(architectures)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--count", type=int, default=200_000, help="architectures to predict from encoded choices (as objects at most 20,000)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    given = parser.parse_args()
    rows = [measure(family, model, given.count) for family in FAMILIES.values() for model in MODELS]
    if given.json:
        print(json.dumps(rows))
        return
    print("| model | family | from encoded choices, /s | from architectures, /s |")
    print("|---|---|---:|---:|")
    for row in rows:
        speeds = f"{row['choices_per_second']:,.0f} | {row['architectures_per_second']:,.0f}"
        print(f"| {row['model']} | {row['family']} | {speeds} |")


if __name__ == "__main__":
    main()
