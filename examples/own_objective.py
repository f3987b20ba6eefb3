"""Search with an objective of your own: SynFlow, which scores a network without data and without training.

    python examples/own_objective.py [EVALUATIONS]

The score of a network is the sum of weight times gradient over all weights, after all weights are made positive, with an input of ones
(Tanaka et al., NeurIPS 2020; as a proxy of accuracy: Abdelfattah et al., ICLR 2021). The search trades it against predicted latency, under
a limit of multiply-adds. If the script is run again with a larger number of evaluations, it continues the study in `synflow/`.
"""

import math
import sys
import time
from pathlib import Path

import torch

from latency_tables.tables.shipped import find
from latency_tables.tables.table import LatencyTable
from predictors.fit import fit
from search.judging.judge import Job, Outcome
from search.library import run_search
from search.metrics import Metric, Objective
from search.metrics.counted import multiply_adds
from search.metrics.predicted import predicted_latency
from search.problem.problem import Constraint, Problem
from search.workers.inline import InlineWorkers
from supernet.families import FAMILIES

FAMILY = FAMILIES["nano"]
SYNFLOW = Metric("synflow", direction="maximize")


def judge(job: Job) -> Outcome:
    """Judge a network by the logarithm of its SynFlow score, which is the same for every sequence."""
    begun = time.perf_counter()
    torch.manual_seed(0)
    network = FAMILY.network(job.architecture).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    sizes = (FAMILY.settings.template_size, FAMILY.settings.search_size)
    outputs = network(*(torch.ones(1, 3, size, size, dtype=torch.double) for size in sizes))
    sum(output.sum() for output in outputs).backward()
    flow = sum(float((parameter.detach() * parameter.grad).sum()) for parameter in network.parameters())
    return Outcome({"synflow": (math.log(flow),) * len(job.sequences)}, time.perf_counter() - begun)


chip = fit(LatencyTable.load(find("nano-onnxruntime-fp32")))
problem = Problem(
    FAMILY,
    objectives=(Objective(SYNFLOW), predicted_latency(chip)),
    constraints=(Constraint(multiply_adds(FAMILY), 10e6),),
    evaluations=int(sys.argv[1]) if sys.argv[1:] else 60,
)
found = run_search(problem, "nsga2", InlineWorkers(judge), Path("synflow"))
latency = problem.objectives[1].metric
for candidate in found.front:
    print(f"{candidate.value(SYNFLOW):7.2f}  {candidate.value(latency):.3f} ms  {candidate.architecture.name}")
