"""The verb `evaluate --camera`: accuracy in real time, as a tracker has it that cannot make its camera wait.

It stands above `evaluate`, which knows no predictors, since the latency may be that of a chip that is not at hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from predictors.load import load_latency
from search.metrics.amounts import parse_ms
from supernet.deploy.evaluate import Asked, Running, evaluate_with
from supernet.deploy.evaluating.live import Live
from supernet.deploy.loading import architecture_of
from tracking.files.guard import Reads, guarded


@guarded
def evaluate_live(
    model: Annotated[str, Reads()],
    *,
    camera: float,
    latency: Annotated[str | None, Reads()] = None,
    motion: str = "hold",
    asked: Asked,
    running: Running = Running(),
) -> dict:
    """Run a tracker over every sequence of a data set behind a camera that does not wait, and score what counted for each frame.

    Frames arrive at a rate. The tracker takes the newest one when it is free, and what it said last counts for the frames in between. Time is
    taken really, where reading and decoding belong to the camera, or simulated from a latency, which is exact and alike on every machine.

    Args:
        model: Checkpoint of a tracker, or a bundle folder.
        camera: Frames that arrive in a second, such as 30.
        latency: Simulate time: what a frame takes, such as 12ms (and the template nothing), or the file of a predictor of latency, which says it
            for a chip, the template included. Without it the tracker is timed on this machine, one sequence after the other.
        motion: What counts for frames without an answer of their own: hold (the last box) or constant-velocity (its centre moves on).
        asked: What is evaluated by which protocol, one without restarts, and where the results go. Frames that the tracker was not shown, or did
            not answer in time, have no time (nan).
        running: How often, how many at once, and by what.

    Returns:
        The answer of `evaluate`, with `camera`: the rate, the latencies and the motion, and the share of frames that were `shown`.

    Raises:
        ValueError: The rate, latency or motion makes no sense, the predictor is of another family, or several sequences are to be timed at once.
    """
    frame_ms, template_ms = (None, 0.0) if latency is None else _milliseconds(latency, model)
    live = Live(camera, frame_ms, template_ms, motion)
    return evaluate_with(model, asked, running, live)


def _milliseconds(latency: str, model: str) -> tuple[float, float]:
    """What a frame and the template of a model take: as typed, or by the predictor in a file."""
    if not (Path(latency).is_file() or Path(latency).suffix == ".json"):
        try:
            return parse_ms(latency), 0.0
        except ValueError as err:
            raise ValueError(f"latency must be a time such as 12ms, or the file of a predictor, got {latency!r:.80}") from err
    predictor, architecture = load_latency(Path(latency)), architecture_of(model)
    if predictor.family != architecture.family:
        raise ValueError(
            f"predictor and tracker must be of one family, {latency} is for {predictor.family} and {model} is of {architecture.family}"
        )
    return float(predictor.predict([architecture]).value[0]), float(predictor.template_ms([architecture])[0])
