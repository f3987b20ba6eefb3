import numpy as np
import pytest
from torch import nn

from latency_tables.measuring.chains import Chain
from latency_tables.measuring.networks import typical
from supernet.deploy.model import Model
from supernet.families import FAMILIES
from supernet.runtimes.runtime import EnergyReporting
from supernet.runtimes.simulated import Simulated

BACKBONE = Chain(tuple(op for op in FAMILIES["nano"].operators(typical(FAMILIES["nano"], 1)[0]) if op.branch == "template"))


def ms(model: Model, precision: str = "fp32", threads: int = 1) -> float:
    runtime = Simulated(precision)
    graph = runtime.load(runtime.prepare(model), threads)
    graph.bind({name: np.zeros(shape, np.float32) for name, shape in model.shapes.items()})
    assert graph.execute() == graph.execute()
    return graph.execute()


def convolution(in_channels: int, out_channels: int, side: int) -> Model:
    shapes = {"input": (1, in_channels, side, side)}
    return Model("conv", lambda: nn.Conv2d(in_channels, out_channels, 1, bias=False), shapes, ("output",))


@pytest.mark.parametrize(
    "precision, in_channels, side, expected",
    [
        ("fp32", 1000, 50, 0.002 + 2500 * 1000 * 1000 / 50e6),  # bound by multiply-adds: 50 ms against 2.4 ms of moving
        ("int8", 1000, 50, 0.002 + 2500 * 1000 * 1000 / 200e6),
        ("fp32", 1, 50, 0.002 + 4 * (2500 + 1000 + 2500 * 1000) / 10e6),  # bound by moving: 1 ms against 0.05 ms of multiply-adds
        ("int8", 1, 50, 0.002 + 1 * (2500 + 1000 + 2500 * 1000) / 10e6),
    ],
)
def test_a_convolution_takes_a_launch_and_the_longer_of_computing_and_moving(precision, in_channels, side, expected):
    assert ms(convolution(in_channels, 1000, side), precision) == pytest.approx(expected, rel=1e-9)


def test_nodes_add_up_and_shared_constants_are_free():
    relu = Model("relu", nn.ReLU, {"input": (1, 1, 10, 10)}, ("output",))
    twice = Model("twice", lambda: nn.Sequential(nn.ReLU(), nn.Sigmoid()), {"input": (1, 1, 10, 10)}, ("output",))
    assert ms(relu) == pytest.approx(0.002 + 4 * 200 / 10e6)
    assert ms(twice) == pytest.approx(2 * ms(relu))


def test_every_multiply_add_of_an_operator_is_counted(monkeypatch):
    monkeypatch.setattr("supernet.runtimes.simulated.LAUNCH_MS", 0.0)
    monkeypatch.setattr("supernet.runtimes.simulated.BYTES_PER_MS", float("inf"))
    for op in FAMILIES["nano"].all_operators[::20]:
        assert ms(Chain((op,)).model) * 50e6 == pytest.approx(op.counts.macs, rel=1e-9)


def test_int8_is_faster_and_threads_change_nothing():
    assert ms(BACKBONE.model, "int8") < ms(BACKBONE.model, "fp32") == ms(BACKBONE.model, "fp32", threads=4)


def test_there_are_no_outputs_to_compare():
    runtime = Simulated("fp32")
    with pytest.raises(NotImplementedError):
        runtime.load(b'{"ms": 1.0}', 1).run({})


def test_a_run_draws_two_watts():
    graph = Simulated("fp32").load(b'{"ms": 1.5}', 1)
    assert isinstance(graph, EnergyReporting) and graph.energy_mj() == 3.0
