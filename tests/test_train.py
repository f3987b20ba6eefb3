import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import chiptrack
from supernet.checkpoints import load_supernet, load_tracker, tensors_of
from supernet.families import FAMILIES
from supernet.training.batches import PairBatches, pair_source
from supernet.training.fit import Run, fit
from supernet.training.initialise import initialise
from supernet.training.options import TrainingOptions
from supernet.training.passes import OnePass
from supernet.training.recipe import Recipe
from supernet.training.retrain import retrain
from supernet.training.train import train

ROOT = Path(__file__).parents[1]


SHORT = TrainingOptions(steps=30, batch=1, loaders=0)


def losses(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def equal(a, b) -> bool:
    left, right = tensors_of(a), tensors_of(b)
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def test_rate_warms_up_and_decays_to_zero():
    recipe = Recipe(steps=100, batch=1, lr=0.1, warmup=10)
    rates = [recipe.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.01) and max(rates) == pytest.approx(0.1, rel=0.05) and rates[-1] < 1e-4
    assert np.argmax(rates) in (8, 9, 10)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch": 0}, {"lr": 0}, {"lr": -1}, {"lr": 2}])
def test_senseless_recipes_are_refused(wrong):
    with pytest.raises(ValueError):
        Recipe(**{"steps": 1, "batch": 1, "lr": 0.1, **wrong})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The supernet of a short training that nothing interrupts."""
    path = tmp_path_factory.mktemp("whole") / "s.safetensors"
    train(family="nano", out=path, training=SHORT)
    assert sorted(each.name for each in path.parent.iterdir()) == ["s.safetensors", "s.safetensors.part.jsonl"]
    return path


def test_a_network_learns_one_batch(tmp_path):
    """A few dozen steps on the same four pairs must bring the loss well down."""

    class OneBatch:
        template_size, search_size = 48, 96
        kept = pair_source("synthetic", FAMILIES["nano"].settings, 0).batch(0, 4)

        def batch(self, index, count):
            return self.kept

    family = FAMILIES["nano"]
    network = family.network(family.space.sample(np.random.default_rng(3)))
    initialise(network, 0)
    recipe = Recipe(steps=60, batch=4, lr=3e-3, warmup=5)
    fit(network, PairBatches(OneBatch(), 4), OnePass(family.loss()), recipe, Run(tmp_path / "s", loaders=0))
    first, last = losses(tmp_path / "s.jsonl")
    assert last["cls_loss"] + last["iou_loss"] < 0.75 * (first["cls_loss"] + first["iou_loss"])


SCRIPT = """
import sys
from pathlib import Path
import supernet.training.fit
supernet.training.fit.SAVE_EVERY_S = 0.0
from supernet.training.options import TrainingOptions
from supernet.training.train import train
train(family="nano", out=Path(sys.argv[1]), training=TrainingOptions(steps=30, batch=1, loaders=0))
"""


def test_kill_9_and_resume_take_the_same_steps_as_no_interruption(whole, tmp_path):
    broken = tmp_path / "broken.safetensors"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(broken)], env=environment, stderr=subprocess.DEVNULL)
    state = tmp_path / "broken.safetensors.part"
    deadline = time.monotonic() + 120
    while not state.exists():
        assert process.poll() is None and time.monotonic() < deadline, "the training ended or hung before it saved anything"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not broken.exists()
    done = torch.load(state, weights_only=True)["step"]
    assert 0 < done < 30

    with pytest.raises(FileExistsError, match="--resume"):
        train(family="nano", out=broken, training=SHORT)
    with pytest.raises(ValueError, match="batch was 1, is 2"):
        train(family="nano", out=broken, training=replace(SHORT, batch=2, resume=True))
    train(family="nano", out=broken, training=replace(SHORT, resume=True))
    assert equal(load_supernet(whole), load_supernet(broken))
    assert not state.exists()
    assert [record["step"] for record in losses(tmp_path / "broken.safetensors.part.jsonl")] == [30]


def test_resume_of_a_training_that_was_killed_when_its_checkpoint_was_written_removes_the_state(whole, tmp_path):
    out, state = tmp_path / "s.safetensors", tmp_path / "s.safetensors.part"
    out.write_bytes(whole.read_bytes())
    state.write_bytes(b"left")
    with pytest.raises(FileExistsError, match="another training .notes differ"):
        train(family="nano", out=out, training=replace(SHORT, resume=True), seed=5)
    with pytest.raises(FileExistsError, match="never overwritten"):
        train(family="nano", out=out, training=SHORT)
    assert state.exists()
    assert train(family="nano", out=out, training=replace(SHORT, resume=True))["checkpoint"] == str(out)
    assert out.read_bytes() == whole.read_bytes() and not state.exists()


def test_resume_of_a_complete_retraining_keeps_the_tracker(tmp_path, rng):
    out = tmp_path / "w.safetensors"
    first, other = FAMILIES["nano"].space.sample(rng).name, FAMILIES["nano"].space.sample(rng).name
    short = TrainingOptions(steps=1, batch=2, loaders=0)
    retrain(first, out=out, training=short)
    before = out.read_bytes()
    assert retrain(first, out=out, training=replace(short, resume=True))["architecture"] == first
    with pytest.raises(FileExistsError, match="another training .architecture differ"):
        retrain(other, out=out, training=replace(short, resume=True))
    assert out.read_bytes() == before


def test_resume_with_other_settings_or_damage_is_refused(tmp_path):
    state = tmp_path / "s.safetensors.part"
    torch.save({"step": 3, "settings": {}, "module": {}, "optimiser": {}}, state)
    with pytest.raises(ValueError, match="keep its settings"):
        train(family="nano", out=tmp_path / "s.safetensors", training=TrainingOptions(steps=5, resume=True, loaders=0))
    state.write_bytes(state.read_bytes()[:50])
    with pytest.raises(ValueError, match="delete it"):
        train(family="nano", out=tmp_path / "s.safetensors", training=TrainingOptions(steps=5, resume=True, loaders=0))


def test_retrain_starts_from_inherited_weights(whole, tmp_path, rng):
    arch = FAMILIES["nano"].space.sample(rng)
    retrain(
        arch.name,
        out=tmp_path / "w.safetensors",
        supernet=whole,
        training=TrainingOptions(steps=1, batch=2, lr=1e-9, loaders=0),
    )
    winner, inherited = load_tracker(tmp_path / "w.safetensors").network, load_supernet(whole).extract(arch)
    assert winner.template_backbone is not None
    for name, tensor in inherited.named_parameters():
        assert torch.allclose(tensor, winner.get_parameter(name), atol=1e-6), name


def test_users_own_sequences_can_be_trained_on(tmp_path):
    from tracking.generated.synthetic import synthetic_sequence
    from tracking.sequence import save_sequence

    save_sequence(synthetic_sequence(1, frames=4), tmp_path / "data" / "one")
    answer = train(
        family="nano",
        out=tmp_path / "s.safetensors",
        training=TrainingOptions(data=f"folder:{tmp_path / 'data'}", steps=1, batch=2, loaders=0),
    )
    assert answer["steps"] == 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"family": "micro"}, "family must be one of"),
        ({"family": "nano", "data": "imagenet:/x"}, "data must be"),
        ({"family": "nano", "data": "otb:/nowhere"}, "nowhere"),
        ({"family": "nano", "device": "cuda:99"}, "device"),
        ({"family": "nano", "device": "toaster"}, "device"),
        ({"family": "nano", "loaders": -1}, "loaders must be 0 or more, got -1"),
    ],
)
def test_wrong_arguments_leave_nothing_behind(arguments, message, tmp_path):
    arguments = dict(arguments)
    with pytest.raises((ValueError, OSError), match=message):
        family, options = arguments.pop("family"), {"steps": 1, "loaders": 0, **arguments}
        train(family=family, out=tmp_path / "s.safetensors", training=TrainingOptions(**options))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("loaders", [0, 1])
def test_a_frame_that_cannot_be_read_is_told_as_itself(tmp_path, loaders):
    from tracking.generated.synthetic import synthetic_sequence
    from tracking.sequence import save_sequence

    save_sequence(synthetic_sequence(1, frames=4), tmp_path / "data" / "one")
    for frame in (tmp_path / "data/one/img").iterdir():
        frame.write_bytes(b"no image")
    training = TrainingOptions(data=f"folder:{tmp_path / 'data'}", steps=2, batch=1, loaders=loaders)
    with pytest.raises(ValueError, match=r"^[^\n]*img/[^\n]*$"):
        train(family="nano", out=tmp_path / "s.safetensors", training=training)


@pytest.mark.parametrize(
    "number, error", [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, chiptrack.Stopped), (signal.SIGHUP, chiptrack.Stopped)]
)
def test_a_training_that_is_told_to_end_saves_its_step(tmp_path, number, error):
    module, batches = torch.nn.Linear(2, 1), [(torch.ones(3, 2),)] * 9
    recipe, run = Recipe(steps=9, batch=3, lr=0.1), Run(tmp_path / "s", loaders=0)

    taken = []

    def loss(network, batch):
        taken.append(batch)
        if len(taken) == 5:
            os.kill(os.getpid(), number)
        return {"loss": network(batch[0]).mean()}

    before = signal.getsignal(number)
    with pytest.raises(error) as stopped, chiptrack._signals():
        fit(module, batches, OnePass(loss), recipe, run)
    assert getattr(stopped.value, "signal", signal.SIGINT) == number and torch.load(tmp_path / "s", weights_only=True)["step"] == 5
    assert signal.getsignal(number) == before


@pytest.mark.slow
def test_ctrl_c_saves_the_last_step_and_resume_goes_on(whole, tmp_path):
    broken = tmp_path / "broken.safetensors"
    words = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "chiptrack",
        "train",
        "--family",
        "nano",
        "--out",
        str(broken),
        "--steps",
        "30",
        "--batch",
        "1",
    ]
    process = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stderr is not None
    lines = [process.stderr.readline()]  # the first line of progress: the training has begun
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while not children.read_text():
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the processes that make batches get it too
    with process.stderr:
        lines += process.stderr.read().splitlines()
    assert process.wait() == 130 and "--resume" in lines[-1] and not any("Traceback" in line for line in lines)
    assert 0 < torch.load(tmp_path / "broken.safetensors.part", weights_only=True)["step"] < 30
    train(family="nano", out=broken, training=replace(SHORT, resume=True))
    assert equal(load_supernet(whole), load_supernet(broken))
