"""The index of an AVI file, which tells damaged frames: AVI has no times, and a decoder that skips frames does not say which.

Source: Microsoft, AVI RIFF File Reference. `idx1` lists the chunks of the list `movi`: identifier, flags, offset, size, 4 bytes each. A
chunk begins with its identifier and size.
"""

import mmap
import struct
from pathlib import Path

_ENTRY = struct.Struct("<4sIII")


def lost_frames(path: Path | str) -> list[int]:
    """Numbers, from 0, of the frames of an AVI file that are not where its index says; empty if the file is none or has no index.

    Raises:
        OSError: The file cannot be read.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        movie, index = data.find(b"movi", 0, 2**20), data.rfind(b"idx1")
        if data[:4] != b"RIFF" or data[8:12] != b"AVI " or movie < 0 or index < movie:
            return []
        (size,) = struct.unpack_from("<I", data, index + 4)
        entries = data[index + 8 : index + 8 + size]
        chunks = _ENTRY.iter_unpack(entries[: len(entries) // _ENTRY.size * _ENTRY.size])
        frames = [(name, offset, length) for name, _, offset, length in chunks if name[2:] in (b"dc", b"db")]
        base = next((base for base in (movie, 0) if frames and _is_chunk(data, base, *frames[0])), None)  # some count from the file's start
        return [] if base is None else [i for i, frame in enumerate(frames) if not _is_chunk(data, base, *frame)]


def _is_chunk(data: mmap.mmap, base: int, name: bytes, offset: int, length: int) -> bool:
    return data[base + offset : base + offset + 8] == name + struct.pack("<I", length)
