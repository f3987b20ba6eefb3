"""The one training loop: supernets and single networks learn from pairs by the same steps, and resume where they stopped."""

from __future__ import annotations

import io
import json
import math
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from supernet.inference import normalise
from tracking.atomic import new_file
from tracking.losses import tracking_loss
from tracking.pairs import PairSource
from tracking.progress import progress

SAVE_EVERY_S = 20.0
"""Seconds of training that an interruption may cost."""


@dataclass(frozen=True)
class Recipe:
    """How to train."""

    steps: int
    """Optimiser steps in all."""
    batch: int
    """Pairs a step."""
    lr: float
    """Peak learning rate of AdamW."""
    radius_px: float
    """Cells up to this far from the target's centre are positive, px of the search crop."""
    weight_decay: float = 0.01
    """On weights of convolutions only."""
    warmup: int = 50
    """Steps until the learning rate reaches its peak; a cosine takes it to zero afterwards."""
    clip: float = 5.0
    """Largest norm of the gradient."""

    def __post_init__(self):
        for name in ("steps", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.lr < 1:
            raise ValueError(f"lr must lie between 0 and 1, got {self.lr}")

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        warm = min(1.0, (step + 1) / self.warmup)
        return self.lr * warm * 0.5 * (1 + math.cos(math.pi * step / self.steps))


class _Batches(Dataset):
    """Batch number i of a pair source, as tensors."""

    def __init__(self, pairs: PairSource, count: int):
        self.pairs, self.count = pairs, count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        torch.set_num_threads(1)
        batch = self.pairs.batch(index, self.count)
        return torch.from_numpy(normalise(batch.templates)), torch.from_numpy(normalise(batch.searches)), torch.from_numpy(batch.boxes)


def fit(
    module: nn.Module,
    pairs: PairSource,
    recipe: Recipe,
    *,
    state: Path,
    origin: Mapping[str, object] = {},
    resume: bool = False,
    before_step: Callable[[int], None] = lambda step: None,
    label: str = "training",
    device: str = "cpu",
    loaders: int = 1,
) -> None:
    """Train a module on pairs until the recipe's last step.

    Step i always sees batch i of the pair source, so a resumed training takes the same steps as an uninterrupted one.

    Args:
        module: Called with (template, search), gives (cls, reg); trained in place.
        pairs: Where batches come from.
        recipe: Steps, batch, rates.
        state: File that keeps weights, optimiser and step while the training runs; beside it `<state>.jsonl` is the log.
        origin: What else decides the steps that are taken, such as seed and data; a resumed training must share it.
        resume: Go on from `state` where it exists.
        before_step: Called with the step's number, e.g. to activate a path.
        label: Shown with the progress.
        device: Torch device.
        loaders: Processes that make batches; 0 makes them in this process.

    Raises:
        FileExistsError: An interrupted training lies at `state` and `resume` is not set.
        ValueError: `state` is damaged or belongs to another recipe or origin.
        ArithmeticError: The loss is not finite.
    """
    module.to(device).to(memory_format=torch.channels_last).train()  # pyright: ignore[reportCallIssue]
    decayed = [p for p in module.parameters() if p.ndim > 1]
    plain = [p for p in module.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=recipe.lr)
    settings = {**asdict(recipe), **origin}
    first = _restore(state, resume, module, optimiser, settings)
    loader = DataLoader(
        _Batches(pairs, recipe.batch),
        batch_size=None,
        sampler=range(first, recipe.steps),
        num_workers=loaders,
        prefetch_factor=4 if loaders else None,
        worker_init_fn=_ignore_interruption,
    )
    saved = time.monotonic()
    parameters = [*decayed, *plain]
    recent: list[tuple[float, float]] = []
    with progress(label, recipe.steps, first) as report, _interruption() as interrupted:
        for step, batch in enumerate(loader, first):
            template, search, boxes = (tensor.to(device, non_blocking=True) for tensor in batch)
            before_step(step)
            for group in optimiser.param_groups:
                group["lr"] = recipe.rate(step)
            cls, reg = module(template.to(memory_format=torch.channels_last), search.to(memory_format=torch.channels_last))
            stride = search.shape[-1] // cls.shape[-1]
            loss, cls_loss, iou_loss = tracking_loss(cls, reg, boxes, stride, search.shape[-1], recipe.radius_px)
            if not torch.isfinite(loss):
                raise ArithmeticError(
                    f"the loss must stay finite, it is {loss.item()} at step {step}; lower the learning rate ({recipe.lr})"
                )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_([p for p in parameters if p.grad is not None], recipe.clip)
            optimiser.step()
            recent.append((cls_loss.item(), iou_loss.item()))
            if len(recent) == 50 or step + 1 == recipe.steps:
                means = np.mean(recent, axis=0)
                _log(state, {"step": step + 1, "cls_loss": means[0], "iou_loss": means[1], "lr": recipe.rate(step)})
                recent.clear()
                report(step + 1, f"loss {means.sum():.3f}")
            else:
                report(step + 1, f"loss {loss.item():.3f}")
            if interrupted() or time.monotonic() - saved > SAVE_EVERY_S:
                _save(state, step + 1, module, optimiser, settings)
                saved = time.monotonic()
            if interrupted():
                raise KeyboardInterrupt
    module.eval()


@contextmanager
def _interruption() -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C wait for the end of a step; a second one ends at once.

    Yields:
        Whether there was one.
    """
    pressed = False

    def note(number: int, frame: object) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _ignore_interruption(_: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def finish(state: Path) -> None:
    """Remove the state of a training whose result has been written; its log stays."""
    state.unlink(missing_ok=True)


def _log(state: Path, record: dict) -> None:
    with open(state.with_name(state.name + ".jsonl"), "a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def _save(state: Path, step: int, module: nn.Module, optimiser: torch.optim.Optimizer, settings: dict) -> None:
    kept = io.BytesIO()  # torch's own writer hides why a disk refuses
    torch.save({"step": step, "module": module.state_dict(), "optimiser": optimiser.state_dict(), "settings": settings}, kept)
    with new_file(state) as temporary:
        temporary.write_bytes(kept.getbuffer())


def _restore(state: Path, resume: bool, module: nn.Module, optimiser: torch.optim.Optimizer, settings: dict) -> int:
    state.parent.mkdir(parents=True, exist_ok=True)
    if not state.exists():
        state.with_name(state.name + ".jsonl").unlink(missing_ok=True)
        return 0
    if not resume:
        raise FileExistsError(f"an interrupted training must be resumed or removed, {state} holds one; add --resume or delete it")
    try:
        kept = torch.load(state, map_location="cpu", weights_only=True)
        before = kept["settings"]
        differ = [f"{name} was {before.get(name)!r}, is {value!r}" for name, value in settings.items() if before.get(name) != value]
        if differ:
            raise ValueError(f"a resumed training must keep its settings, in {state} {'; '.join(differ)}; repeat them or delete the file")
        module.load_state_dict(kept["module"])
        optimiser.load_state_dict(kept["optimiser"])
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, AttributeError) as err:
        raise ValueError(
            f"the state of a training must be whole and of the same network, {state} is not; delete it and start again"
        ) from err
    log = state.with_name(state.name + ".jsonl")
    if log.exists():  # steps after the last save are taken again
        lines = log.read_text(encoding="utf-8").splitlines()
        log.write_text("".join(line + "\n" for line in lines if json.loads(line)["step"] <= kept["step"]), encoding="utf-8")
    return int(kept["step"])
