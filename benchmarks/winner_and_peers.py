"""The winner of a search against peers that were trained in the same way: is it the search that made the difference?

    python -m benchmarks.winner_and_peers runs/search/front/1.json --supernet runs/long/supernet.safetensors --trainings runs/peers
        --data synthetic:runs/material --kept runs/pairs-1 --steps 5000

Peers of the same cost (within 5 %) are LightTrack-Mobile's design scaled to it, the best of 20 random architectures by inherited loss, and
the first of them, which nobody chose. The smallest and the largest architecture show what cost brings. Each is trained alone from random
weights with one recipe and 3 seeds. The cost is multiply-adds, or predicted milliseconds with `--predictor`.

LightTrack-Mobile (Yan et al., CVPR 2021) is followed where the family `elastic` has the same choices: kernels and expansions of the blocks,
squeeze-and-excitation and a smooth activation in every stage, an exit of stride 16, pixel-wise correlation. Everything that only sets a size
is scaled: crops, stem, depths and widths. Of the scalings that meet the cost, the most even one is taken, as in compound scaling (Tan and
Le, EfficientNet, ICML 2019): the one whose sizes lie at about the same place between their least and their greatest value.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from benchmarks.overlap import ao_figures, generated_clips, real_sequences
from benchmarks.record import RESULTS, Record, table
from predictors.latency import LatencyPredictor
from predictors.load import load_predictor
from search.judging.fixed_pairs import groups_of
from search.judging.inherited import InheritedJudge
from search.judging.judge import Job
from search.judging.validation import Validation
from search.metrics.counted import multiply_adds
from search.metrics.metric import Objective
from search.metrics.predicted import predicted_latency
from supernet.catalogue import find_architecture, find_family
from supernet.checkpoints import load_tracker
from supernet.families.family import Family
from supernet.space import Architecture, Value
from supernet.training.options import TrainingOptions
from supernet.training.paths.sizes import largest, smallest
from supernet.training.retrain import retrain
from tracking.files.progress import say

WITHIN = 0.05
"""Largest difference in cost of architectures that count as equally dear, as a share."""
RANDOM = 20
"""Number of random architectures of which the best one is a peer."""
_ROUNDS = 100
"""Number of times that random architectures are drawn before the search for some of the same cost ends."""
_BATCH = 2_000
"""Number of architectures that are drawn at once."""

MOBILE: Mapping[str, Value] = {
    "exit": 16,
    "correlation": "pixelwise",
    **{f"{stage}.act": "hswish" for stage in (1, 2, 3)},
    **{f"{stage}.se": "se" for stage in (2, 3)},
    **{"1.0": "k3", "1.1": "k7e4"},
    **{f"2.{i}": block for i, block in enumerate(("k3e4", "k5e4", "k7e6", "k3e6"))},
    **{f"3.{i}": block for i, block in enumerate(("k7e4", "k3e4", "k7e4", "k7e4"))},
    "cls.kernel": 3,
    "reg.kernel": 3,
}
"""What LightTrack-Mobile chose, where `elastic` has the choice: the blocks of its stages of strides 4, 8 and 16, and the kernels that most
layers of its heads have."""
HEAD = {"peer": "architecture", "macs": "multiply-adds", "cost": "cost", "ao_generated": "AO, generated", "generated_spread": "+-"}
HEAD |= {"ao_real": "AO, real", "real_spread": "+-", "seeds": "seeds", "name": "name"}


def cost_of(family: Family, predictor: Path | None) -> Objective:
    """Multiply-adds of the search branch, or the latency that a predictor says.

    Raises:
        ValueError: The predictor is none of latency.
    """
    if predictor is None:
        return multiply_adds(family)
    loaded = load_predictor(predictor)
    if not isinstance(loaded, LatencyPredictor):
        raise ValueError(f"a cost must be latency, {predictor} predicts {loaded.metric}; give another --predictor")
    return predicted_latency(loaded)


def cost(objective: Objective, family: Family, arch: Architecture) -> float:
    """The cost of one architecture."""
    return float(objective.of(family.space.indices([arch]))[0])


def scaled_mobile(family: Family, objective: Objective, wanted: float) -> Architecture:
    """LightTrack-Mobile's design at a cost: the most even scaling within 5 % of it, or the nearest one if there is none.

    Args:
        family: The family `elastic`.
        objective: The cost.
        wanted: The cost to meet.
    """
    choices = family.space.choices
    options = [[values.index(MOBILE[label])] if label in MOBILE else range(len(values)) for label, values in choices.items()]
    every = np.array(list(product(*options)))
    sizes = [i for i, label in enumerate(choices) if label not in MOBILE]
    places = every[:, sizes] / [len(options[i]) - 1 for i in sizes]
    off = np.abs(objective.of(every) / wanted - 1)
    return family.space.at(every[np.lexsort((places.std(axis=1), np.where(off <= WITHIN, 0, off)))[0]])


def random_peers(family: Family, objective: Objective, wanted: float, count: int, seed: int = 0) -> list[Architecture]:
    """Different random architectures within 5 % of a cost.

    Each choice is drawn uniformly. Where this gives too few of the cost, as near the ends of a family, more and more choices are taken from
    the smallest or the largest architecture instead, whichever is on that side.

    Raises:
        ValueError: There are hardly any of this cost.
    """
    rng, found = np.random.default_rng(seed), {}
    options = [len(values) for values in family.space.choices.values()]
    ends = family.space.indices([smallest(family), largest(family)])
    for pull in np.linspace(0, 1, _ROUNDS, endpoint=False):
        drawn = rng.integers(0, options, (_BATCH, len(options)))
        end = ends[int(wanted > np.median(objective.of(drawn)))]
        drawn = np.where(rng.random(drawn.shape) < pull, end, drawn)
        near = drawn[np.abs(objective.of(drawn) / wanted - 1) <= WITHIN]
        found |= {arch.key: arch for arch in map(family.space.at, near)}
        if len(found) >= count:
            return list(found.values())[:count]
    raise ValueError(f"random peers must cost within {WITHIN:.0%} of {wanted:.3g}, {len(found)} of those drawn do; choose another winner")


def peers(
    winner: Architecture, objective: Objective, loss: Callable[[Architecture], float], count: int = RANDOM
) -> dict[str, Architecture]:
    """The winner and those that it is compared with, by what they are."""
    family = find_family(winner.family)
    wanted = cost(objective, family, winner)
    sampled = random_peers(family, objective, wanted, count)
    return {
        "winner": winner,
        "LightTrack-Mobile's design": scaled_mobile(family, objective, wanted),
        f"best of {count} random ones": min(sampled, key=loss),
        "a random one": sampled[0],
        "smallest": smallest(family),
        "largest": largest(family),
    }


def summary(rows: Sequence[Mapping]) -> list[dict]:
    """A row for each peer: means over the seeds, and their standard deviation."""
    by_peer: dict[str, list[Mapping]] = {}
    for row in rows:
        by_peer.setdefault(row["peer"], []).append(row)
    lines = []
    for peer, some in by_peer.items():
        line: dict = {"peer": peer, "seeds": len(some), **{name: some[0][name] for name in ("macs", "cost", "name")}}
        for figure, spread in (("ao_generated", "generated_spread"), ("ao_real", "real_spread")):
            values = [row[figure] for row in some if row[figure] is not None]
            line[figure] = float(np.mean(values)) if values else None
            line[spread] = float(np.std(values, ddof=1)) if len(values) > 1 else None
        lines.append(line)
    return lines


def show(rows: Mapping[str, Mapping]) -> str:
    """The table of docs/results.md, from the rows of a record."""
    return table(HEAD, summary(list(rows.values())))


def main() -> None:
    """Train and measure all peers, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("winner", help="the winner, as `chiptrack describe` takes it")
    parser.add_argument("--supernet", type=Path, required=True, help="judges the random architectures")
    parser.add_argument("--trainings", type=Path, required=True, help="folder for the trained networks")
    parser.add_argument("--predictor", type=Path, help="predictor of what an architecture costs; by default cost is multiply-adds")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--kept", type=Path, help="folder of kept pairs, see `chiptrack train --help`")
    parser.add_argument("--pairs", type=int, default=131_072, help="number of kept pairs")
    parser.add_argument("--judged-pairs", type=int, default=2048)
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--real", type=Path, help="folder of real sequences; by default $CHIPTRACK_SHARED/sequences")
    parser.add_argument("--out", type=Path, default=RESULTS / "winner_and_peers.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    winner = find_architecture(given.winner)
    family = find_family(winner.family)
    objective = cost_of(family, given.predictor)
    terms = {"winner": winner.name, "cost": objective.metric.name}
    record = Record(given.out, "winner_and_peers.py", terms | {name: getattr(given, name) for name in ("steps", "data", "clips")})
    judge, groups = InheritedJudge(given.supernet, Validation(given.data, 40)), groups_of(given.judged_pairs)[0]
    found = peers(winner, objective, lambda arch: float(np.mean(judge(Job(arch, range(0), pairs=groups)).scores["loss"])))
    training = TrainingOptions(given.data, given.steps, kept=given.kept, pairs=given.pairs, loaders=0, resume=True)
    clips, films = generated_clips(given.clips, data=given.data), real_sequences(given.real)
    for seed in range(1, given.seeds + 1):
        for peer, arch in found.items():

            def measured(peer=peer, arch=arch, seed=seed) -> dict:
                say(f"{peer}, seed {seed}: {arch.name}")
                out = given.trainings / f"{arch.key}-{seed}.safetensors"
                retrain(arch.name, out=out, training=training, seed=seed)
                about = {"peer": peer, "seed": seed, "name": arch.name, "macs": family.counts(arch, "search").macs}
                return {**about, "cost": cost(objective, family, arch), **ao_figures(load_tracker(out), clips, films)}

            record.row(f"{peer}:{seed}", measured)
    print(show(record.rows))


if __name__ == "__main__":
    main()
