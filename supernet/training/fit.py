"""The training loop, for any module, batches and losses. An interrupted training can be resumed."""

from __future__ import annotations

import io
import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from supernet.torch_files import load_torch
from supernet.training.loaders import loaded
from supernet.training.passes import Passes
from supernet.training.recipe import Recipe
from tracking.files.atomic import new_file
from tracking.files.progress import progress
from tracking.files.records import parse_record

SAVE_EVERY_S = 20.0
"""Seconds between two saves of the state: about as much training is lost if the process is killed."""
LOG_EVERY = 50
"""Steps between two lines of the log. The loop reads the losses, and so waits for the device, only there and before a save."""


@dataclass(frozen=True)
class Run:
    """Where a training runs, and where its state is kept."""

    state: Path
    """File that keeps weights, optimiser and step while the training runs; the log is `<state>.jsonl` beside it."""
    origin: Mapping[str, object] = field(default_factory=dict)
    """What determines the training besides the recipe, such as seed and data; a resumed training must have the same."""
    resume: bool = False
    """Whether to go on from `state` if it exists."""
    device: str = "cpu"
    """Torch device that trains."""
    loaders: int = 1
    """Number of processes that make batches; with 0 this process makes them."""
    label: str = "training"
    """What the display of progress calls this training."""


def fit(module: nn.Module, batches: Dataset, passes: Passes, recipe: Recipe, run: Run) -> None:
    """Train a module until the recipe's last step.

    Step i always sees batch i, so a resumed training takes the same steps as an uninterrupted one.

    Args:
        module: The module, which is trained in place and left in eval mode.
        batches: Data set whose item i is batch i, a tuple of tensors.
        passes: Runs the module on the batch of a step, once or several times.
        recipe: Number of steps, learning rate and so on.
        run: Where the training runs and where its state is kept.

    Raises:
        FileExistsError: There is an interrupted training at `run.state`, and `run.resume` is not set.
        ValueError: The state is damaged, or belongs to another recipe or origin.
        ArithmeticError: The loss is not finite.
        ChildProcessError: A process that makes batches was killed.
        Exception: What making a batch raised, also in another process.
        KeyboardInterrupt: Ctrl-C was pressed, or the command line was told to end; the state has been saved.
    """
    module.to(run.device).to(memory_format=torch.channels_last).train()  # pyright: ignore[reportCallIssue]
    optimiser = _optimiser(module, recipe)
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    first = _restore(run, module, optimiser, recipe)
    log = _Log(run.state, loss_rate=recipe.lr)
    saved = time.monotonic()
    with (
        progress(run.label, recipe.steps, first) as report,
        _interruption() as interrupted,
        loaded(batches, range(first, recipe.steps), run.loaders, pinned=run.device.startswith("cuda")) as made,
    ):
        for step, batch in enumerate(made, first):
            rate = passes.rate(recipe, step)
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.zero_grad(set_to_none=True)
            for losses in passes.losses(step, module, tuple(_moved(tensor, run.device) for tensor in batch)):
                torch.stack(tuple(losses.values())).sum().backward()
                log.add(losses)
            nn.utils.clip_grad_norm_([p for p in parameters if p.grad is not None], recipe.clip)
            optimiser.step()
            log.count_step()
            save = interrupted() is not None or time.monotonic() - saved > SAVE_EVERY_S
            if save or (step + 1) % LOG_EVERY == 0 or step + 1 == recipe.steps:
                log.check(step)  # before a save, so that no state with a loss that is not finite is kept
            if (step + 1) % LOG_EVERY == 0 or step + 1 == recipe.steps:
                log.write({"step": step + 1, "lr": rate})
            report(step + 1, f"loss {log.latest:.3f}" if math.isfinite(log.latest) else "")
            if save:
                _save(run, step + 1, module, optimiser, recipe)
                saved = time.monotonic()
            if (number := interrupted()) is not None:
                signal.raise_signal(number)  # now it does what it did before
    module.eval()


def finish(state: Path) -> None:
    """Remove the state of a training whose result has been written; its log stays."""
    state.unlink(missing_ok=True)


def _optimiser(module: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    decayed = [p for p in module.parameters() if p.ndim > 1]
    plain = [p for p in module.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.lr)


def _moved(tensor: Tensor, device: str) -> Tensor:
    moved = tensor.to(device, non_blocking=True)
    return moved.to(memory_format=torch.channels_last) if moved.ndim == 4 else moved


class _Log:
    """Writes the log. The losses since its last line stay on the device until `check` reads them."""

    def __init__(self, state: Path, loss_rate: float):
        self._path = log_path(state)
        self._rate = loss_rate
        self._sums: dict[str, Tensor] = {}
        self._count = 0
        self.latest = math.nan
        """Mean loss at the last `check`; NaN before."""

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Add the losses of one pass, without waiting for the device."""
        for name, loss in losses.items():
            self._sums[name] = loss.detach() + self._sums[name] if name in self._sums else loss.detach()

    def count_step(self) -> None:
        """Count the step whose passes have been added."""
        self._count += 1

    def check(self, step: int) -> None:
        """Read the mean losses since the last line from the device.

        Raises:
            ArithmeticError: The mean is not finite.
        """
        means = torch.stack(tuple(self._sums.values())).div(self._count).tolist()
        self._means = dict(zip(self._sums, means, strict=True))
        self.latest = sum(means)
        if not math.isfinite(self.latest):
            raise ArithmeticError(f"the loss must stay finite, it is {self.latest} by step {step}; lower the learning rate ({self._rate})")

    def write(self, record: Mapping[str, float]) -> None:
        """Append a line with the means that `check` read, and start new means."""
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"step": record["step"], **self._means, **record}) + "\n")
        self._sums, self._count = {}, 0


@contextmanager
def _interruption() -> Iterator[Callable[[], int | None]]:
    """Note a first signal to end (Ctrl-C, SIGTERM, SIGHUP), so that the loop can end after its step; a second one acts at once.

    Yields:
        A function that gives the number of the signal, or None. Outside the main thread, which alone receives signals, always None.
    """
    noted: list[int] = []
    handlers: dict[int, Any] = {}

    def note(number: int, frame: object) -> None:
        noted.append(number)
        signal.signal(number, handlers[number])

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) not in (signal.SIG_IGN, None):  # as under nohup
                handlers[number] = signal.signal(number, note)
    try:
        yield lambda: noted[0] if noted else None
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def log_path(state: Path) -> Path:
    """The log of the training whose state is kept in a file."""
    return state.with_name(state.name + ".jsonl")


def _settings(run: Run, recipe: Recipe) -> dict:
    return {**asdict(recipe), **run.origin}


def _save(run: Run, step: int, module: nn.Module, optimiser: torch.optim.Optimizer, recipe: Recipe) -> None:
    kept = io.BytesIO()  # torch's own writer hides the reason of an error of the disk
    content = {"step": step, "module": module.state_dict(), "optimiser": optimiser.state_dict(), "settings": _settings(run, recipe)}
    torch.save(content, kept)
    with new_file(run.state) as temporary:
        temporary.write_bytes(kept.getbuffer())


def _restore(run: Run, module: nn.Module, optimiser: torch.optim.Optimizer, recipe: Recipe) -> int:
    """Load the state of an interrupted training into module and optimiser; returns the number of the next step, 0 for a new training."""
    state, log, settings = run.state, log_path(run.state), _settings(run, recipe)
    state.parent.mkdir(parents=True, exist_ok=True)
    if not state.exists():
        log.unlink(missing_ok=True)
        return 0
    if not run.resume:
        raise FileExistsError(f"an interrupted training must be resumed or removed, {state} holds one; add --resume or delete it")
    try:
        kept = load_torch(state)
        before, step = kept["settings"], kept["step"]
        if not all(isinstance(value, str | int | float | None) for value in before.values()):
            raise TypeError("settings are texts and numbers")
    except (ValueError, LookupError, TypeError, AttributeError) as err:
        raise ValueError(
            f"the state of a training must be whole and of the same network, {state} is not; delete it and start again"
        ) from err
    differ = [f"{name} was {before.get(name)!r:.60}, is {value!r:.60}" for name, value in settings.items() if before.get(name) != value]
    if differ:
        raise ValueError(f"a resumed training must keep its settings, in {state} {'; '.join(differ):.300}; repeat them or delete the file")
    try:
        _check_state(kept, module, optimiser, recipe)
        module.load_state_dict(kept["module"])
        optimiser.load_state_dict(kept["optimiser"])
    except (RuntimeError, ValueError, LookupError, TypeError, AttributeError) as err:
        raise ValueError(f"the state of a training must be of the same network, {state} is of another; delete it and start again") from err
    if log.exists():  # steps after the last save are taken again, so their lines go
        try:
            lines = [(parse_record(line)["step"], line) for line in log.read_text(encoding="utf-8").splitlines()]
            kept_lines = "".join(line + "\n" for number, line in lines if number <= step)
        except (KeyError, TypeError, ValueError) as err:
            raise ValueError(
                f"the log of a training must be as it wrote it, {log} is not ({err!s:.100}); delete it, the rest goes on"
            ) from err
        log.write_text(kept_lines, encoding="utf-8")
    return step


def _check_state(kept: Mapping, module: nn.Module, optimiser: torch.optim.Optimizer, recipe: Recipe) -> None:
    """Check what torch would take without a word: another step, and other shapes and numbers in the optimiser.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: The state is not one that `_save` writes for this module and recipe.
    """
    step, state = kept["step"], kept["optimiser"]
    if not isinstance(step, int) or isinstance(step, bool) or not 0 <= step <= recipe.steps:
        raise ValueError(f"step {step!r:.40}")
    if not all(isinstance(tensor, Tensor) for tensor in kept["module"].values()):
        raise TypeError("a module has tensors")
    fresh = optimiser.state_dict()["param_groups"]
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    if state.keys() != {"state", "param_groups"} or [group | {"lr": 0} for group in state["param_groups"]] != [
        g | {"lr": 0} for g in fresh
    ]:
        raise ValueError("other settings of the optimiser")
    for index, moments in state["state"].items():
        shapes = {"step": (), **dict.fromkeys(("exp_avg", "exp_avg_sq"), parameters[index].shape)}
        if {name: tuple(tensor.shape) for name, tensor in moments.items()} != {name: tuple(shape) for name, shape in shapes.items()}:
            raise ValueError("other moments of the optimiser")
        if not all(torch.isfinite(tensor).all() for tensor in moments.values()) or moments["step"] < 0 or moments["exp_avg_sq"].min() < 0:
            raise ValueError("moments that are no numbers")
