import numpy as np
import pytest

from benchmarks.fidelity_by_rule import cost_of_step, judge_rule, steps_of, table
from search.fidelity.statistics import Estimate
from search.verbs.fidelity import ComparisonOptions, fidelity
from supernet.checkpoints import read_header, save_supernet
from supernet.families import FAMILIES
from supernet.training.initialise import initialise
from supernet.training.options import TrainingOptions
from supernet.training.paths import PATHS
from tracking.generated.synthetic import synthetic_sequence
from tracking.sequence import save_sequence

NANO = FAMILIES["nano"]


@pytest.mark.parametrize("rule", sorted(PATHS))
def test_every_rule_gets_as_many_multiply_adds_as_uniform(rule):
    steps = steps_of(NANO, rule, 3000, seed=0)
    made = PATHS[rule](NANO, 0, steps)
    looked = np.linspace(0, steps - 1, 150).astype(int)
    spent = np.mean([sum(op.counts.macs for path in made.paths(int(s)) for op in NANO.operators(path)) for s in looked]) * steps
    assert spent == pytest.approx(3000 * cost_of_step(NANO, "uniform", 0), rel=0.06)


def test_more_paths_get_fewer_steps():
    steps = {rule: steps_of(NANO, rule, 3000, seed=0) for rule in PATHS}
    assert steps["uniform"] == 3000 and steps["rank"] == pytest.approx(1500, rel=0.05) and steps["fair"] < 600
    assert steps["large"] < steps["uniform"]


def test_the_table_has_the_best_rule_first():
    row = {"steps": 9, "low": 0.1, "high": 0.9, "spearman": 0.5, "above_macs": 0.2, "top_overlap": 0.5, "inherited_score": 1.0}
    found = [{"rule": rule, "seed": seed, "kendall": tau, **row} for rule, seed, tau in (("a", 0, 0.1), ("b", 0, 0.8), ("a", 1, 0.3))]
    *_, first, second = table(found, "runs/x", Estimate(0.4, 0.3, 0.5), 0.75).splitlines()
    assert first.startswith("| b | 9 | 0.80 | 0.80 (0.10 to 0.90) |") and second.startswith("| a | 9 | 0.20 | 0.10 (0.10 to 0.90), 0.30")


def test_a_rule_is_trained_and_judged_once(tmp_path):
    for i in range(2):
        save_sequence(synthetic_sequence(i, frames=4), tmp_path / f"data/{i}")
    few = {"data": f"folder:{tmp_path / 'data'}", "batch": 2, "loaders": 0}
    start = tmp_path / "start.safetensors"
    supernet = NANO.supernet()
    initialise(supernet, 0)
    save_supernet(start, supernet)
    comparison = ComparisonOptions(architectures=3, seeds=1, judged_pairs=32)
    fidelity(supernet=start, out=tmp_path / "alone", comparison=comparison, training=TrainingOptions(**few, steps=1))
    row = judge_rule("rank", 0, tmp_path / "alone", tmp_path / "rules", 4, few, 32)
    checkpoint = tmp_path / "rules/rank-0.safetensors"
    assert row["steps"] == 2 and read_header(checkpoint, "supernet")["notes"]["paths"] == "rank" and -1 <= row["kendall"] <= 1
    before = checkpoint.stat().st_mtime_ns, (tmp_path / "rules/rank-0/fidelity.json").stat().st_mtime_ns
    assert judge_rule("rank", 0, tmp_path / "alone", tmp_path / "rules", 4, few, 32) == row
    assert before == (checkpoint.stat().st_mtime_ns, (tmp_path / "rules/rank-0/fidelity.json").stat().st_mtime_ns)
