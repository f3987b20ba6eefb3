"""Readers of networks: architectures and their names, checkpoints, official weights, the state of a training, bundles."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tempfile
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.fuzzing.mutations import dumped, with_header
from benchmarks.fuzzing.reader import Files, Reader, files_of
from supernet.catalogue import find_architecture, save_architecture
from supernet.checkpoints import TrackerCheckpoint, load_supernet, load_tracker, save_supernet, save_tracker
from supernet.deploy.bundle import load_bundle
from supernet.deploy.export import write_bundle
from supernet.families import FAMILIES
from supernet.import_weights import read_state_dict
from supernet.torch_files import load_torch
from supernet.training import fit as fitting
from supernet.training.initialise import initialise
from supernet.training.passes import OnePass
from supernet.training.recipe import Recipe

_NANO = FAMILIES["nano"]


def _architectures() -> Files:
    arch = _NANO.space.sample(np.random.default_rng(0))
    with tempfile.TemporaryDirectory() as scratch:
        save_architecture(Path(scratch) / "whole.json", arch, {"candidate": {"number": 1}})
        files = files_of(Path(scratch))
    record = json.loads(files["whole.json"])
    parts = {"choices": ("family", "choices"), "named": ("family", "name")}
    return {**files, **{f"{part}.json": json.dumps({name: record[name] for name in names}).encode() for part, names in parts.items()}}


def _names() -> Files:
    name = _NANO.space.sample(np.random.default_rng(0)).name
    return {"nano.txt": name.encode(), "preset.txt": b"lighttrack-mobile", "full.txt": find_architecture("lighttrack-mobile").name.encode()}


def _read_names(folder: Path) -> object:
    return [find_architecture(path.read_text(encoding="utf-8", errors="surrogateescape")) for path in sorted(folder.iterdir())]


@cache
def _tracker() -> TrackerCheckpoint:
    arch = _NANO.architecture({label: values[0] for label, values in _NANO.space.choices.items()})
    network = _NANO.network(arch)
    initialise(network, 0)
    return TrackerCheckpoint(network.eval(), arch, _NANO.tracker, _NANO.settings)


def _checkpoint() -> Files:
    with tempfile.TemporaryDirectory() as scratch:
        save_tracker(Path(scratch) / "t.safetensors", _tracker(), {"why": "fuzz"})
        return files_of(Path(scratch))


def _supernet() -> Files:
    with tempfile.TemporaryDirectory() as scratch:
        save_supernet(Path(scratch) / "s.safetensors", _NANO.supernet("sliced"))
        return files_of(Path(scratch))


def _checksum(files: Files) -> Files:
    """Put the checksum of the tensors into the header of a checkpoint."""
    ((name, content),) = files.items()
    (size,) = struct.unpack("<Q", content[:8])
    header, data = json.loads(content[8 : 8 + size]), content[8 + size :]
    crc = 0
    for tensor in sorted(header.keys() - {"__metadata__"}):
        start, end = header[tensor]["data_offsets"]
        crc = zlib.crc32(data[start:end], zlib.crc32(tensor.encode(), crc))
    record = json.loads(header["__metadata__"]["header"])
    header["__metadata__"]["header"] = dumped({**record, "checksum": crc}).decode()
    return {name: with_header(dumped(header), data)}


def _weights() -> Files:
    packed = io.BytesIO()
    torch.save({"state_dict": {"module.a": torch.ones(3, 2), "b": torch.zeros(4, dtype=torch.float16)}, "epoch": 3}, packed)
    old = io.BytesIO()
    torch.save({"a": torch.ones(3)}, old, _use_new_zipfile_serialization=False)
    return {"new.pth": packed.getvalue(), "old.weights": old.getvalue()}


class _Batches(torch.utils.data.Dataset):
    def __getitem__(self, index):
        return (torch.ones(2, 3),)


def _loss(module: nn.Module, batch: tuple) -> dict[str, torch.Tensor]:
    return {"loss": module(batch[0]).square().mean()}


_RECIPE = Recipe(steps=8, batch=2, lr=0.01, warmup=2)
_ORIGIN = {"seed": 0, "data": "synthetic"}


def _train(folder: Path, resume: bool) -> None:
    run = fitting.Run(folder / "t.part", origin=_ORIGIN, resume=resume, loaders=0)
    fitting.fit(nn.Linear(3, 1), _Batches(), OnePass(_loss), _RECIPE, run)


def _state() -> Files:
    with tempfile.TemporaryDirectory() as scratch:
        module = nn.Linear(3, 1)
        run, optimiser = fitting.Run(Path(scratch) / "t.part", origin=_ORIGIN), fitting._optimiser(module, _RECIPE)
        _loss(module, (torch.ones(2, 3),))["loss"].backward()
        optimiser.step()
        fitting._save(run, 6, module, optimiser, _RECIPE)
        (Path(scratch) / "t.part.jsonl").write_text('{"step": 2, "loss": 1.0}\n{"step": 4, "loss": 0.5}\n')
        return files_of(Path(scratch))


@cache
def _bundle() -> Files:
    with tempfile.TemporaryDirectory() as scratch:
        write_bundle(_tracker(), Path(scratch) / "b")
        return files_of(Path(scratch))


def _hashed(files: Files) -> Files:
    """Put the checksums of the graphs into tracker.json."""
    record = json.loads(files["b/tracker.json"])
    for name in record["sha256"]:
        if f"b/{name}" in files:
            record["sha256"][name] = hashlib.sha256(files[f"b/{name}"]).hexdigest()
    return {**files, "b/tracker.json": dumped(record)}


READERS = (
    Reader(
        "architecture files",
        _architectures,
        lambda folder: [find_architecture(str(path)) for path in sorted(folder.iterdir())],
        ("whole.json", "choices.json", "named.json"),
    ),
    Reader("architecture names", _names, _read_names, ("nano.txt", "preset.txt", "full.txt")),
    Reader(
        "checkpoint of a tracker", _checkpoint, lambda folder: load_tracker(folder / "t.safetensors"), ("t.safetensors",), repair=_checksum
    ),
    Reader(
        "checkpoint of a supernet", _supernet, lambda folder: load_supernet(folder / "s.safetensors"), ("s.safetensors",), repair=_checksum
    ),
    Reader(
        "torch files",
        _weights,
        lambda folder: [load_torch(path) for path in sorted(folder.iterdir())],
        ("new.pth", "new.pth", "old.weights"),
    ),
    Reader(
        "official weights",
        _weights,
        lambda folder: [read_state_dict(path) for path in sorted(folder.iterdir())],
        ("new.pth", "old.weights"),
    ),
    Reader(
        "state of a training",
        _state,
        lambda folder: _train(folder, resume=True),
        ("t.part", "t.part", "t.part.jsonl"),
        kinds={"t.part": ".pth"},
        also=(ArithmeticError,),
    ),
    Reader(
        "bundle",
        _bundle,
        lambda folder: load_bundle(folder / "b"),
        ("b/tracker.json", "b/search.onnx", "b/template.onnx"),
        repair=_hashed,
    ),
)
