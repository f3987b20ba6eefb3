import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from supernet.training.loaders import loaded

ROOT = Path(__file__).parents[1]


class Batches:
    """Batches of one number, except that something happens when a certain one is made."""

    def __init__(self, at, happens):
        self.at, self.happens = at, happens

    def __getitem__(self, index):
        if index == self.at:
            self.happens()
        return torch.full((2, 1), float(index)), torch.tensor([[index]])


class Wordy(Exception):
    """Cannot be made again from its message alone."""

    def __init__(self, first, second):
        super().__init__(f"{first} {second}")


def wordy():
    raise Wordy("no", "luck")


def short():
    raise MemoryError("no room")


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("count, pinned", [(0, False), (1, False), (3, False)])
def test_loaders_give_every_batch_in_its_order(count, pinned):
    batches = Batches(99, killed)
    with loaded(batches, range(3, 20), count, pinned) as made:  # pyright: ignore[reportArgumentType]
        found = [(floats.tolist(), int(whole)) for floats, whole in made]
    assert found == [([[float(n)], [float(n)]], n) for n in range(3, 20)]
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(
    "at, happens, kind, said",
    [
        (
            0,
            killed,
            ChildProcessError,
            "one was killed by SIGKILL; if memory is short, go on with --resume --loaders 0, or begin anew with a smaller --batch",
        ),  # at the start
        (4, killed, ChildProcessError, "one was killed by SIGKILL"),
        (4, short, MemoryError, "no room"),
        (4, wordy, RuntimeError, "Wordy: no luck"),
    ],
)
@pytest.mark.parametrize("count", [1, 2])
def test_what_happens_to_a_loader_is_told_in_one_line_after_the_batches_before(at, happens, kind, said, count):
    found = []
    with pytest.raises(kind, match=f"^[^\n]*{said}[^\n]*$"):
        with loaded(Batches(at, happens), range(20), count) as made:  # pyright: ignore[reportArgumentType]
            for _, whole in made:
                found.append(int(whole))
    assert found == list(range(at))
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("count", [1, 2])
def test_a_loader_that_is_killed_while_idle_or_while_it_sends_is_told(count):
    large = torch.zeros(1 << 20)

    class Large:
        def __getitem__(self, index):
            return (large,)

    with pytest.raises(ChildProcessError, match="SIGKILL"):
        with loaded(Large(), range(100), count) as made:  # pyright: ignore[reportArgumentType]
            next(made)
            for child in multiprocessing.active_children():
                assert child.pid
                os.kill(child.pid, signal.SIGKILL)
            list(made)


def test_loaders_end_with_a_training_that_is_killed():
    """A large batch is under way when the process that trains is killed; nobody is left to take it."""
    script = """
import multiprocessing, os, signal, sys, torch
from supernet.training.loaders import loaded
class Large:
    def __getitem__(self, index):
        return (torch.zeros(1 << 20),)
with loaded(Large(), range(100), 2) as made:
    next(made)
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment) as process:
        pids, _ = process.communicate(timeout=60)  # ends when the loaders, which hold the pipe too, have ended
    assert process.returncode == -signal.SIGKILL and len(pids.split()) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small /dev/shm needs root")
def test_a_small_shared_memory_does_not_stop_a_training():
    """As in a container: batches are larger than /dev/shm."""
    script = """
import sys, torch
from supernet.training.loaders import loaded
class Large:
    def __getitem__(self, index):
        return (torch.full((1 << 20,), float(index)),)
with loaded(Large(), range(6), 1) as made:
    print([float(large[-1]) for (large,) in made])
"""
    inside = 'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$0" -c "$1"'
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = ["unshare", "-m", "sh", "-c", inside, sys.executable, script]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=120)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip("this machine does not allow mounting a small /dev/shm")
    assert done.stdout == "[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]\n", done.stderr
