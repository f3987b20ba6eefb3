"""Reads torch files (`torch.save`) that others may have made: tensors, numbers, texts, and lists and dictionaries of them.

`torch.load` with `weights_only=True` runs no code of the file, but trusts what it says of sizes: it allocates what a file names, and reads
as far as a tensor is said to reach. So the pickles of a file are first read by a stand-in, which makes no tensors and takes only what
`torch.save` writes for them, and the bytes that they claim are compared with those that are there.

Source: torch/serialization.py. A file is a zip of `data.pkl` and of one record for each storage, or, before torch 1.6, five pickles in a
row (magic number, version, system, content, keys of the storages) and then the storages.
"""

from __future__ import annotations

import io
import math
import pickle
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch

_ZIP = b"PK\x03\x04"
_PICKLES = 5
"""Number of pickles at the beginning of a file of the older form."""
_MOST_PICKLE = 16_000_000
"""Largest pickle that is read, in bytes; that of a network with a thousand tensors has some hundred thousand."""
_MOST_SIDES = 64
"""Most dimensions of a tensor."""


def load_torch(path: Path) -> Any:
    """Read a torch file without running any code that it may carry, with all tensors in the CPU's memory.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged, holds something other than tensors and plain values, or claims more bytes than it has.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # warnings about the age of the file do not matter if it can be read
            _look_through(path)
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as err:  # a pickle is a program, which can fail in every way
        said = " ".join(f"{type(err).__name__}: {err}".split())
        raise ValueError(f"it is damaged, or holds more than tensors and plain values ({said:.100})") from err


def _look_through(path: Path) -> None:
    """Read the pickles of a file with stand-ins for tensors; raises what they raise, and `ValueError` for sizes that do not fit."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = io.BytesIO(file.read(_MOST_PICKLE))
    if not start.getvalue().startswith(_ZIP):
        claims = [_claims(start) for _ in range(_PICKLES)]
        if sum(claimed for each in claims for claimed in each.values()) > size:
            raise ValueError("its tensors are larger than the file")
        return
    with zipfile.ZipFile(path) as archive:
        members = {member.filename: member for member in archive.infolist()}
        if len(members) < len(archive.infolist()) or sum(member.file_size for member in members.values()) > size:
            raise ValueError("its members are more than the file")
        if any(member.compress_type != zipfile.ZIP_STORED for member in members.values()):
            raise ValueError("torch compresses no file, this one is compressed")
        (pickled,) = (member for name, member in members.items() if name.rpartition("/")[2] == "data.pkl")
        if pickled.file_size > _MOST_PICKLE:
            raise ValueError(f"its pickle is longer than {_MOST_PICKLE // 10**6} MB")
        folder = pickled.filename.removesuffix("data.pkl")
        for key, claimed in _claims(io.BytesIO(archive.read(pickled))).items():
            record = members.get(f"{folder}data/{key}")
            if record is None or record.file_size != claimed:
                raise ValueError(f"a storage of {claimed} bytes must be there as said")


def _claims(file: io.BytesIO) -> dict[str, int]:
    """Bytes of each storage that the next pickle of a file names, by key."""
    reader = _StandIn(file)
    reader.load()
    return reader.claims


class _StandIn(pickle._Unpickler):  # the one in C would allocate a memo as large as a file asks for
    """Reads a pickle of tensors without making any."""

    # an array of bytes is allocated before it is read
    dispatch = {code: read for code, read in pickle._Unpickler.dispatch.items() if code != pickle.BYTEARRAY8[0]}

    def __init__(self, file: io.BytesIO):
        super().__init__(file)
        self.claims: dict[str, int] = {}

    def persistent_load(self, pid: Any) -> _Storage:
        _, kind, key, _, count, *_ = pid
        if not (isinstance(kind, int) and isinstance(key, str) and isinstance(count, int) and count >= 0):
            raise ValueError("a storage must have a type, a key and a size")
        self.claims[key] = max(self.claims.get(key, 0), kind * count)
        return _Storage(count)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _KNOWN:
            return _KNOWN[module, name]
        found = getattr(torch, name, None) if module == "torch" else None
        if isinstance(found, torch.dtype):
            return None
        dtype = getattr(found, "dtype", None)
        if name.endswith("Storage") and isinstance(dtype, torch.dtype):
            return dtype.itemsize
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of weights")


class _Storage:
    """Stands for a storage of some number of values."""

    def __init__(self, count: int):
        self.count = count


def _tensor(storage: Any, offset: int, sides: tuple[int, ...], *_: Any) -> None:
    """Stands for a tensor, which may not be larger than its storage: one that repeats its values could be of any size."""
    if not isinstance(storage, _Storage) or len(sides) > _MOST_SIDES or math.prod(sides) > storage.count:
        raise ValueError("a tensor must not be larger than its storage")


def _nothing(*_: Any) -> None:
    """Stands for what has no values of its own."""


def _ordered() -> OrderedDict:
    return OrderedDict()


_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): _ordered,
    ("torch", "Size"): _nothing,
    ("torch", "device"): _nothing,
    ("torch.storage", "UntypedStorage"): 1,
    ("torch.serialization", "_get_layout"): _nothing,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    **{("torch._utils", f"_rebuild_{what}"): _nothing for what in ("parameter", "sparse_tensor", "meta_tensor_no_storage")},
}
"""What stands for the functions and types that `torch.save` names for tensors; a storage's type is stood for by the bytes of a value."""
