"""Checkpoints: weights in a safetensors file whose header says what they are. Reading one never runs code from the file.

There are two kinds: `supernet` (all weights of a family) and `tracker` (the weights of one architecture, with the tracking procedure and
its constants).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from supernet.catalogue import find_family, from_json
from supernet.families.family import Supernet
from supernet.sharing.sharing import Sharing
from supernet.space import Architecture
from supernet.training.calibrate import Branched
from tracking.files.atomic import new_file
from tracking.files.records import parse_record, typed
from tracking.trackers import TRACKERS, Settings

_FORMAT = "chiptrack-2"
_OLDER = ("chiptrack-1",)
_MOST_HEADER = 16_000_000
_DTYPES = {torch.float32: ("F32", "F16"), torch.int64: ("I64",)}
"""How safetensors spells the types as which a checkpoint may hold tensors of our networks, by their type in the network."""


@dataclass(frozen=True)
class TrackerCheckpoint:
    """A trained tracker, as a checkpoint holds it."""

    network: nn.Module
    architecture: Architecture
    tracker: str
    """Name of its tracking procedure in `TRACKERS`."""
    settings: Settings
    """Sizes and constants of the procedure."""


def save_tracker(path: Path, checkpoint: TrackerCheckpoint, notes: Mapping[str, object] | None = None) -> None:
    """Write the checkpoint of a tracker, with `notes` in its header; an older file is replaced in one step."""
    settings: Any = checkpoint.settings
    header = {
        "kind": "tracker",
        "architecture": checkpoint.architecture.to_json(),
        "tracker": checkpoint.tracker,
        "settings": asdict(settings),
        "split": isinstance(checkpoint.network, Branched) and checkpoint.network.is_split,
        "notes": dict(notes or {}),
    }
    _save(path, checkpoint.network, header)


def load_tracker(path: Path) -> TrackerCheckpoint:
    """Read the checkpoint of a tracker; its network is in eval mode.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, is not a checkpoint, or holds a supernet.
    """
    header = _header(path, "tracker", ("architecture", "tracker", "settings", "split"))
    arch = from_json(header["architecture"], str(path))
    tracker, settings = read_settings(header, str(path))
    network = find_family(arch.family).network(arch)
    if header["split"] and isinstance(network, Branched):
        network.split_branches()
    _fill(network, header, path)
    return TrackerCheckpoint(network.eval(), arch, tracker, settings)


def read_settings(record: Mapping[str, object], source: str) -> tuple[str, Settings]:
    """Read name and settings of a tracking procedure from the header of a checkpoint.

    Args:
        record: The header, with `tracker` and `settings`.
        source: The file, for the error message.

    Raises:
        ValueError: The procedure is unknown, or the settings are not its own.
    """
    name = record["tracker"]
    if not isinstance(name, str) or name not in TRACKERS:
        raise ValueError(f"a tracking procedure must be one of {', '.join(TRACKERS)}, got {name!r:.80} in {source}; make it again")
    try:
        return str(name), typed(TRACKERS[str(name)][0], record["settings"])
    except ValueError as err:
        raise ValueError(
            f"the settings of a tracker must be as chiptrack writes them, {source} fails at {err!s:.200}; make it again"
        ) from err


def save_supernet(path: Path, supernet: Supernet, notes: Mapping[str, object] | None = None, half: bool = False) -> None:
    """Write the checkpoint of a supernet; an older file is replaced in one step.

    Args:
        path: The file.
        supernet: The supernet.
        notes: How it was made; kept in the header.
        half: Whether weights are rounded to 16 bits, which halves the file.
    """
    header = {"kind": "supernet", "family": supernet.family.name, "sharing": supernet.sharing, "notes": dict(notes or {})}
    module: Any = supernet
    _save(path, module, header, half)


def load_supernet(path: Path) -> Supernet:
    """Read the checkpoint of a supernet, which is returned in eval mode.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, is not a checkpoint, or holds a single tracker.
    """
    header = _header(path, "supernet", ("family", "sharing"))
    family = find_family(header["family"], str(path))
    if header["sharing"] not in get_args(Sharing):
        raise ValueError(f"sharing must be one of {', '.join(get_args(Sharing))}, got {header['sharing']!r:.40} in {path}; train it again")
    supernet: Any = family.supernet(header["sharing"])
    _fill(supernet, header, path)
    return supernet.eval()


def read_header(path: Path, kind: str) -> dict:
    """Read what a checkpoint says of itself; `notes` are those that it was written with.

    Args:
        path: The checkpoint.
        kind: The kind that it must be of: supernet or tracker.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The header is damaged, or is not that of a checkpoint of this kind.
    """
    return _header(path, kind, ("notes",))


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, on the CPU; a tensor that several names refer to is listed once."""
    named = [*module.named_parameters(), *module.named_buffers()]
    return {name: tensor.detach().to("cpu").contiguous() for name, tensor in named}


def _save(path: Path, module: nn.Module, header: dict, half: bool = False) -> None:
    tensors = tensors_of(module)
    if half:
        tensors = {name: tensor.half() if tensor.dtype == torch.float32 else tensor for name, tensor in tensors.items()}
    metadata = {"format": _FORMAT, "header": json.dumps({**header, "checksum": _checksum(tensors)})}
    with new_file(path) as temporary:
        temporary.write_bytes(save(tensors, metadata))  # safetensors' own writer hides the reason of an error of the disk


@contextmanager
def _opened(path: Path) -> Iterator[safe_open]:
    """Open a safetensors file; raises `ValueError` if it is none."""
    try:
        with Path(path).open("rb") as start:
            if int.from_bytes(start.read(8), "little") > _MOST_HEADER:  # it lists every tensor in a hundred bytes
                raise ValueError(f"a checkpoint's header must have at most {_MOST_HEADER // 10**6} MB, {path} is damaged; make it again")
        with safe_open(path, "pt") as file:
            yield file
    except SafetensorError as err:
        raise ValueError(f"a checkpoint must be a whole safetensors file, {path} is damaged or something else; make it again") from err


def _header(path: Path, kind: str, needs: tuple[str, ...]) -> dict:
    """The header of a checkpoint of this kind, which has the fields `needs`."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"a checkpoint must be a file, {path} is none; check the path")
    with _opened(path) as file:
        metadata = file.metadata() or {}
    if metadata.get("format") in _OLDER:
        raise ValueError(f"a checkpoint must have the format {_FORMAT}, {path} has {metadata['format']}; train or import it again")
    if metadata.get("format") != _FORMAT:
        raise ValueError(
            f"a checkpoint must have been written by chiptrack, {path} was not; bring in official weights with `chiptrack import`"
        )
    try:
        header = parse_record(metadata.get("header", ""))
        missing = [name for name in ("kind", "checksum", *(needs if header.get("kind") == kind else ())) if name not in header]
        if missing:
            raise ValueError(f"it lacks {', '.join(missing)}")
    except ValueError as err:
        raise ValueError(
            f"a checkpoint's header must be as chiptrack writes it, that of {path} is not ({err!s:.120}); make it again"
        ) from err
    if header["kind"] != kind:
        way = (
            "retrain an architecture from it first" if header["kind"] == "supernet" else "give the checkpoint that `chiptrack train` wrote"
        )
        raise ValueError(f"a {kind} checkpoint is needed here, {path} holds a {header['kind']!s:.40}; {way}")
    return header


def _fill(module: nn.Module, header: Mapping[str, object], path: Path) -> None:
    """Copy the tensors of a checkpoint into a module, after a check that they are the module's, before any is read."""
    own = {name: (list(tensor.shape), _DTYPES[tensor.dtype]) for name, tensor in tensors_of(module).items()}
    with _opened(path) as file:
        slices = {name: file.get_slice(name) for name in file.keys()}
        found = {name: (each.get_shape(), each.get_dtype()) for name, each in slices.items()}
        differ = sorted(own.keys() ^ found.keys()) or sorted(
            name for name in own if own[name][0] != found[name][0] or found[name][1] not in own[name][1]
        )
        if differ:
            raise ValueError(
                f"a checkpoint must hold the tensors of its architecture, {path} differs in {differ[:3]!s:.200}; make it again"
            )
        tensors = {name: file.get_tensor(name) for name in own}
    if header["checksum"] != _checksum(tensors):
        raise ValueError(f"a checkpoint's checksum must fit its weights, that of {path} does not: the file is damaged; make it again")
    targets = dict([*module.named_parameters(), *module.named_buffers()])
    with torch.no_grad():
        for name, tensor in tensors.items():
            targets[name].copy_(tensor)


def _checksum(tensors: Mapping[str, Tensor]) -> int:
    crc = 0
    for name in sorted(tensors):
        crc = zlib.crc32(tensors[name].contiguous().flatten().view(torch.uint8).numpy().tobytes(), zlib.crc32(name.encode(), crc))
    return crc
