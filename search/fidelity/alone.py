"""Trains architectures alone, each with several seeds, in processes side by side; what is done is never done again.

Every process walks through the same list. It passes over trainings whose checkpoint is there and those that another process is at, and
goes on with those that were interrupted. So a process that has finished takes the next one, and none waits for another.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing import connection
from pathlib import Path

from supernet.catalogue import find_family
from supernet.space import Architecture
from supernet.training.options import TrainingOptions
from supernet.training.retrain import retrain


@dataclass(frozen=True)
class Training:
    """One training of one architecture."""

    architecture: Architecture
    seed: int
    out: Path
    """Checkpoint of the tracker; its log lies beside it."""


def trainings(folder: Path, architectures: Sequence[Architecture], seeds: int) -> list[Training]:
    """All trainings of a fidelity run, with all architectures of the first seed first.

    Args:
        folder: Folder of the checkpoints KEY-SEED.safetensors.
        architectures: The architectures.
        seeds: Number of seeds; they count from 1.
    """
    return [Training(arch, seed, folder / f"{arch.key}-{seed}.safetensors") for seed in range(1, seeds + 1) for arch in architectures]


def train_all(wanted: Sequence[Training], options: TrainingOptions, workers: int) -> None:
    """Carry out trainings, and return when all are done.

    Args:
        wanted: The trainings.
        options: Data, length and device of each.
        workers: Number of processes; with 1 this process trains.

    Raises:
        BlockingIOError: Another command is at one of the trainings.
        Exception: Any error of a training; see `retrain`.
    """
    options = replace(options, resume=True)
    if workers > 1:
        options.pairs_of(find_family(wanted[0].architecture.family), 0)  # if they are to be kept, they are rendered before all others begin
        context = multiprocessing.get_context("spawn")  # forking a process that has used torch's threads may hang
        processes = [context.Process(target=_work, args=(wanted, options)) for _ in range(workers)]
        try:
            for process in processes:
                process.start()
            for process in processes:
                process.join()
        except BaseException:  # they have got Ctrl-C as well and save their state
            for process in processes:
                if process.is_alive():
                    process.terminate()
                    process.join()
            raise
    for training in wanted:  # the only one, or what a process that was killed or failed has left, with its error
        _train(training, options)


def _train(training: Training, options: TrainingOptions) -> None:
    if not training.out.exists():
        retrain(training.architecture.name, out=training.out, training=options, seed=training.seed)


def _work(wanted: Sequence[Training], options: TrainingOptions) -> None:
    """Walk through the trainings in a process of its own."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import torch

    torch.set_num_threads(1)
    for training in wanted:
        try:
            _train(training, options)
        except BlockingIOError:  # another process is at it
            continue
        except (Exception, KeyboardInterrupt):  # the calling process meets the error again, or was interrupted too
            return


def _end_with_parent() -> None:
    """End this process when the one that started it is gone; its state is at most some seconds old."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)
