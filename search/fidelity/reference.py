"""The networks trained alone that inherited scores are compared with: which, how long and on what, and where they lie.

They lie in the folder `alone` of a fidelity run, beside the run's `reference.json`. They are the dear part, so one set serves many
supernets.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import nn

from search.fidelity.alone import Training, trainings
from supernet.catalogue import find_architecture
from supernet.checkpoints import load_tracker
from supernet.space import Architecture
from tracking.files.atomic import write_text
from tracking.files.records import read_record, typed


@dataclass(frozen=True)
class Terms:
    """What the trainings of a set have in common."""

    family: str
    seeds: int
    steps: int
    batch: int
    lr: float
    data: str
    kept: str
    """Folder of kept pairs; empty if every training renders its own."""


@dataclass(frozen=True)
class Reference:
    """A set of trainings alone in a folder."""

    folder: Path
    terms: Terms
    architectures: tuple[Architecture, ...]

    @property
    def trainings(self) -> list[Training]:
        """All its trainings, done or not."""
        return trainings(self.folder / "alone", self.architectures, self.terms.seeds)

    def networks(self, arch: Architecture) -> Iterator[nn.Module]:
        """The trained networks of an architecture, one for each seed.

        Raises:
            FileNotFoundError: One has not been trained.
            ValueError: A checkpoint is damaged or of another architecture.
        """
        for training in self.trainings:
            if training.architecture == arch:
                kept = load_tracker(training.out)
                if kept.architecture != arch:
                    raise ValueError(f"{training.out} must be of {arch.name:.200}, it is of {kept.architecture.name:.200}; remove it")
                yield kept.network


def begin(reference: Reference, resume: bool) -> None:
    """Note in its folder what a set is to be, or check that it is the set that was begun there.

    Raises:
        FileExistsError: One was begun there, and `resume` is not set.
        ValueError: It is another one, or its record is damaged.
    """
    path = _path(reference.folder)
    if not path.exists():
        names = [arch.name for arch in reference.architectures]
        write_text(path, json.dumps({**asdict(reference.terms), "architectures": names}, indent=1) + "\n")
        return
    if not resume:
        raise FileExistsError(
            f"a fidelity run must be resumed or removed, {reference.folder} holds one; add --resume or choose another --out"
        )
    before = read(reference.folder)
    old, new = asdict(before.terms), asdict(reference.terms)
    differ = [f"{name} was {old[name]!r:.60}, is {new[name]!r:.60}" for name in old if old[name] != new[name]]
    if before.architectures != reference.architectures:
        differ.append("the architectures are others")
    if differ:
        raise ValueError(
            f"a resumed fidelity run must keep its settings, in {path} {'; '.join(differ):.300}; repeat them or choose another --out"
        )


def read(folder: Path) -> Reference:
    """Read the set that lies in a folder.

    Raises:
        OSError: There is none.
        ValueError: Its record is not as a fidelity run writes it.
    """
    path = _path(folder)
    try:
        record = read_record(path)
        names = record.pop("architectures", None)
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise ValueError("architectures must be a list of names")
        terms = typed(Terms, record)
        found = tuple(find_architecture(f"{name}") for name in names)
        if any(arch.family != terms.family for arch in found) or terms.seeds < 1:
            raise ValueError("architectures must be of its family, with at least 1 seed")
    except ValueError as err:
        raise ValueError(
            f"a reference must be as `chiptrack fidelity` writes it, {path} is not ({err!s:.160}); choose another folder"
        ) from err
    return Reference(Path(folder), terms, found)


def check_complete(reference: Reference) -> None:
    """Check that every training of a set is done.

    Raises:
        FileNotFoundError: Some is not.
    """
    missing = [training.out.name for training in reference.trainings if not training.out.is_file()]
    if missing:
        raise FileNotFoundError(
            f"networks trained alone must be complete, {reference.folder} lacks {len(missing)}, the first is {missing[0]}; "
            "finish that fidelity run with --resume"
        )


def _path(folder: Path) -> Path:
    return Path(folder) / "reference.json"
