from dataclasses import replace

import pytest

from latency_tables.measuring.networks import draw
from latency_tables.measuring.plan import Plan
from latency_tables.measuring.setup import Setup
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
NETWORK = draw(NANO, 1, 0)[0]
BOTH = [f"network:{NETWORK.name}:search", f"network:{NETWORK.name}:template"]
PLAN = Plan(NANO, (), (NETWORK,))


@pytest.mark.parametrize(
    "plan, memory_of, energy_of",
    [
        (PLAN, BOTH, BOTH),
        (replace(PLAN, setup=Setup(runtime="simulated")), [], BOTH),  # no process of its own does the work
        (replace(PLAN, times_only=True), [], []),
        (replace(PLAN, architectures=()), [], []),
    ],
    ids=["all", "no process", "times only", "no networks"],
)
def test_memory_and_energy_are_those_of_whole_networks(plan, memory_of, energy_of):
    assert (plan.memory_of, plan.energy_of) == (memory_of, energy_of)


def test_models_are_chains_and_then_both_branches_of_the_networks():
    names = list(replace(PLAN, operators=NANO.all_operators[:3]).models)
    chains = names[:-2]
    assert names[-2:] == BOTH and chains == sorted(chains) and all(name.startswith("chain:") for name in chains)


def test_references_are_search_branches_typical_ones_first():
    names = list(PLAN.references)
    assert len(names) > 8 and all(name.startswith("reference:network:") and name.endswith(":search") for name in names)


@pytest.mark.parametrize("change", [{"seed": 1}, {"architectures": ()}, {"operators": NANO.all_operators[:1]}], ids=str)
def test_settings_tell_other_plans_apart(change):
    assert PLAN.settings() == replace(PLAN).settings() != replace(PLAN, **change).settings()
