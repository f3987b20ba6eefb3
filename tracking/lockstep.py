"""Tracks many video sequences in lockstep: one step of the procedure moves a batch of targets, and a finished target makes room for the next.

What happens to one target is a course, a generator: it asks for what the tracker is to be shown next, receives the tracker's answer, and
returns its result in the end. So a protocol is written for one sequence, frame by frame, and is run for one target or for many. A course
may jump: each target of a batch is in a frame of its own.

Worked example: sequences of 5, 3 and 2 frames in a batch of 2. The sequences of 5 and 3 frames begin. After two steps that of 3 is
finished; that of 2 takes its place and makes its only step together with the third step of the first. The fourth step has a batch of 1.
Nine targets were shown in four steps, beside one call of the template graph for two targets and one for one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from tracking.sequence import Sequence

BATCH = 16
"""Number of targets tracked at once if nothing else is said; more would cost memory and save no time."""
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Shown:
    """What a tracker is shown next."""

    image: np.ndarray
    """(H, W, 3) uint8 RGB."""
    box: np.ndarray | None = None
    """(4,) xywh of the target in this image, with which the tracker begins or begins anew; None if it is to find the target."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What a tracker says of the image that it was shown."""

    box: np.ndarray
    """(4,) xywh, px; the given box where the tracker began."""
    score: float
    """Confidence from 0 to 1; 1 where the tracker began."""


Course = Generator[Shown, Answer, Result]
"""The way of one target through its sequence: yields what is shown, is sent answers, returns its result. The first image comes with a box."""


class Batchable(Protocol):
    """The part of `tracking.trackers.Procedure` that lockstep needs."""

    def start(self, images: list[np.ndarray], boxes: np.ndarray) -> Any:
        """See `Procedure.start`."""
        ...

    def step(self, images: list[np.ndarray], state: Any) -> tuple[Any, np.ndarray, np.ndarray]:
        """See `Procedure.step`."""
        ...

    def restart(self, images: list[np.ndarray], boxes: np.ndarray, state: Any, rows: np.ndarray) -> Any:
        """See `Procedure.restart`."""
        ...

    def select(self, state: Any, rows: np.ndarray) -> Any:
        """See `Procedure.select`."""
        ...


def lockstep(procedure: Batchable, courses: Iterable[Course[Result]], batch: int = BATCH) -> Iterator[tuple[int, Result | Exception]]:
    """Run courses, several at once.

    Args:
        procedure: A tracking procedure.
        courses: The courses, which begin in this order; with the longest first, the fewest steps have a small batch.
        batch: Number of targets that are tracked at once, at least 1.

    Yields:
        The number of a course, from 0, and its result, in the order in which courses finish. A ValueError or OSError that a course raises,
        for instance because an image cannot be read, stands in place of its result; the others go on.

    Raises:
        ValueError: The batch is smaller than 1.
    """
    if batch < 1:
        raise ValueError(f"a batch must have at least 1 target, got {batch}; {BATCH} is usual")
    waiting, state = enumerate(courses), None
    rows = [_Row(*each) for each in islice(waiting, batch)]
    while rows:
        stay = []
        for place, row in enumerate(rows):
            while row.shown is None:
                yield row.number, row.result
                if (following := next(waiting, None)) is None:
                    break
                rows[place] = row = _Row(*following)
            else:
                stay.append(place)
        if len(stay) < len(rows):
            rows = [rows[place] for place in stay]
            state = procedure.select(state, np.array(stay)) if rows and state is not None else state
        shown = [row.shown for row in rows if row.shown is not None]
        begin = [place for place, each in enumerate(shown) if each.box is not None]
        if begin:
            images, boxes = [shown[place].image for place in begin], np.array([shown[place].box for place in begin], float)
            # without a state no row has begun, so all begin now
            state = procedure.start(images, boxes) if state is None else procedure.restart(images, boxes, state, np.array(begin))
            for place, box in zip(begin, boxes, strict=True):
                rows[place].go_on(Answer(box, 1.0))
        elif rows:
            state, boxes, scores = procedure.step([each.image for each in shown], state)
            for row, box, score in zip(rows, boxes, scores, strict=True):
                row.go_on(Answer(box, float(score)))


class _Row(Generic[Result]):
    """A course that is running: what it wants to be shown, and once that is None, its result."""

    def __init__(self, number: int, course: Course[Result]):
        self.number = number
        self._course = course
        self.result: Any = None
        self.shown: Shown | None = None
        self.go_on(None)

    def go_on(self, answer: Answer | None) -> None:
        """Send an answer to the course; without one, it begins."""
        try:
            self.shown = next(self._course) if answer is None else self._course.send(answer)
        except StopIteration as end:
            self.shown, self.result = None, end.value
        except (ValueError, OSError) as err:
            self.shown, self.result = None, err


def one_pass(sequence: Sequence) -> Course[np.ndarray]:
    """The tracker begins with the first box and gets no help later; the result are the boxes of all T frames, (T, 4) xywh."""
    boxes = [sequence.boxes[0]]
    yield Shown(sequence.image(0), sequence.boxes[0])
    for t in range(1, len(sequence)):
        boxes.append((yield Shown(sequence.image(t))).box)
    return np.array(boxes, float)


def track_lockstep(procedure: Batchable, sequences: list[Sequence], batch: int = BATCH) -> list[np.ndarray]:
    """Track the target of each sequence, several at once.

    Args:
        procedure: A tracking procedure; see `tracking.trackers.procedure`.
        sequences: Sequences of any lengths and image sizes. Only the boxes of the first frames are used.
        batch: Number of targets that are tracked at once.

    Returns:
        For each sequence, in order, (T, 4) boxes: x and y of the top left corner, width and height, px. The first row is the given box.

    Raises:
        OSError, ValueError: A sequence cannot be read.
    """
    return in_order(procedure, sequences, one_pass, batch)


def in_order(
    procedure: Batchable, sequences: list[Sequence], course: Callable[[Sequence], Course[Result]], batch: int = BATCH
) -> list[Result]:
    """Run a course of each sequence, the longest first, and return their results in the order of the sequences.

    Raises:
        OSError, ValueError: What the first course that fails has raised.
    """
    order = longest_first(sequences)
    results: dict[int, Result] = {}
    for number, result in lockstep(procedure, (course(sequences[each]) for each in order), batch):
        if isinstance(result, Exception):
            raise result
        results[order[number]] = result
    return [results[number] for number in range(len(sequences))]


def longest_first(sequences: list[Sequence]) -> list[int]:
    """Positions of sequences, the longest first; those of equal length in their order."""
    return sorted(range(len(sequences)), key=lambda number: -len(sequences[number]))
