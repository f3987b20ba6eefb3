import pytest
from torch import nn

from latency_tables.measuring.setup import Setup
from latency_tables.tables.profile import Profile
from supernet.deploy.model import Model
from supernet.runtimes.simulated import Simulated


def test_a_setup_is_that_of_a_profile():
    setup = Setup("ssh://board", "openvino", 2, "int8", "4-7")
    profile = setup.profile("nano", {"version": "1", "chip": "a chip", "os": "an os"})
    assert profile == Profile("nano", "ssh://board", "openvino", "1", 2, "int8", "4-7", "wall", "a chip", "an os")
    assert Setup.of(profile) == setup


@pytest.mark.parametrize(
    "setup, clock, own_process, checked",
    [
        (Setup(), "cpu", True, False),  # ONNX Runtime in fp32 is what others are compared with
        (Setup(precision="int8"), "cpu", True, True),
        (Setup(threads=2), "wall", True, False),
        (Setup(runtime="ncnn"), "cpu", True, True),
        (Setup(runtime="simulated"), "wall", False, True),
        (Setup(runtime="benchmark_app"), "wall", False, True),
    ],
    ids=lambda value: f"{value.runtime}-{value.precision}-{value.threads}" if isinstance(value, Setup) else str(value),
)
def test_what_follows_from_a_setup(setup, clock, own_process, checked):
    assert (setup.clock, setup.own_process, setup.checked) == (clock, own_process, checked)


def test_minutes_are_sixty_seconds():
    assert Setup(wait_minutes=1.5).wait_s == 90


@pytest.mark.parametrize("wait_minutes", [-1.0, float("nan"), float("inf")])
def test_odd_minutes_are_refused(wait_minutes):
    with pytest.raises(ValueError, match=f"wait_minutes must be 0 or more, got {wait_minutes}"):
        Setup(wait_minutes=wait_minutes).check()


def test_the_host_prepares_in_the_precision_of_the_setup():
    relu = Model("relu", nn.ReLU, {"x": (1, 1, 100, 100)}, ("y",))
    fp32, int8 = (Simulated(precision).prepare(relu) for precision in ("fp32", "int8"))
    assert Setup(runtime="simulated", precision="int8").host().prepare(relu) == int8 != fp32
