"""Spoils the files of a valid input: bytes, lines, cells, and values of JSON by position and type.

Every function takes the content of a file and a random generator, and returns the spoiled content. Mutations that know the structure of a
file come further into a reader than random bytes, which most readers refuse at the first one.
"""

from __future__ import annotations

import io
import json
import random
import re
import struct
import zipfile
from collections.abc import Callable
from typing import Any

NUMBERS = (
    *(0, -0.0, -1, 1, 2, 0.5, 255, 2**31, -(2**31), 2**32, 2**63, 2**64, 10**12, 10**30, 10**400, 1e-300, 1e308, -1e308, 1e-9, 1e9),
    *(float("nan"), float("inf"), float("-inf")),
)
"""Numbers at the ends of their types and beyond; `10**400` fits no float."""
TEXTS = (
    *(
        "",
        " ",
        "\0",
        "\ud800",
        "é",
        "\u2028",
        "a\nb",
        "..",
        "../../etc/passwd",
        "/etc/passwd",
        "nan",
        "1e999",
        "-0",
        "x" * 5000,
        "9" * 5000,
    ),
    *("0", "1", "true", "null", "nano", "lighttrack", "search", "template", "reference", "latency", "<script>", "{0}", "%s", "\x1b[2J"),
)
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], {"": None}, [1] * 50, {"a": {"a": {"a": 1}}})
_RAW = (
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\n",
    b"\r",
    b",",
    b'"',
    b"{",
    b"]",
    b"1e999",
    b"-1",
    b"NaN",
    b"9" * 400,
    b"[" * 3000,
    b"\xed\xa0\x80",
)
_DIGITS = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_HUGE = "\0huge number\0"
"""Stands for 1e999, which `json.dumps` cannot write."""

Mutation = Callable[[bytes, random.Random], bytes]


def value(rng: random.Random) -> Any:
    """A nasty value of any type."""
    return rng.choice((*NUMBERS, *TEXTS, *OTHERS, _HUGE))


def spoil_bytes(content: bytes, rng: random.Random) -> bytes:
    """Flip, overwrite, remove, repeat or insert bytes at some positions, or cut the end."""
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        start = rng.randrange(len(content) + 1) if rng.random() < 0.7 else rng.randrange(min(len(content), 128) + 1)
        length = rng.choice((1, 2, 4, 8, 64, 1000))
        end = min(len(content), start + length)
        change = rng.randrange(7)
        if change == 0 and end > start:
            content = content[:start] + bytes([content[start] ^ 1 << rng.randrange(8)]) + content[start + 1 :]
        elif change == 1:
            content = content[:start] + rng.randbytes(end - start) + content[end:]
        elif change == 2:
            content = content[:start] + content[end:]
        elif change == 3:
            content = content[:end] + content[start:]
        elif change == 4:
            content = content[:start] + rng.choice(_RAW) + content[start:]
        elif change == 5:
            size = rng.choice((1, 2, 4, 8))
            edge = rng.choice((0, 1, 2 ** (8 * size - 1) - 1, 2 ** (8 * size) - 1)).to_bytes(size, rng.choice(("little", "big")))
            content = content[:start] + edge + content[start + size :]
        elif rng.random() < 0.2:
            content = content[:start]
    return content


def spoil_numbers(content: bytes, rng: random.Random) -> bytes:
    """Replace a number in a text by a nasty one."""
    found = list(_DIGITS.finditer(content))
    if not found:
        return spoil_bytes(content, rng)
    match = rng.choice(found)
    new = rng.choice((*(str(number) if abs(number) < 1e50 or number != number else "1e999" for number in NUMBERS), *TEXTS))
    return content[: match.start()] + new.encode("utf-8", "surrogatepass") + content[match.end() :]


def spoil_lines(content: bytes, rng: random.Random) -> bytes:
    """Remove, repeat, swap or empty lines, or change a cell of one."""
    lines = content.split(b"\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    change = rng.randrange(9)
    if change < 3:
        _rearrange(lines, i, j, change)
    elif change == 3:
        lines[i] = b""
    elif change == 4:
        lines[i] = spoil_bytes(lines[i], rng)
    else:
        lines[i] = _cell(lines[i], rng)
    return b"\n".join(lines)


def _rearrange(items: list[bytes], i: int, j: int, change: int) -> None:
    """Remove item i, repeat it at j, or swap the two, as `change` is 0, 1 or 2."""
    if change == 0:
        del items[i]
    elif change == 1:
        items.insert(j, items[i])
    else:
        items[i], items[j] = items[j], items[i]


def _cell(line: bytes, rng: random.Random) -> bytes:
    separator = max((b",", b"\t", b";", b" ", b"="), key=line.count)
    cells = line.split(separator)
    i, j = rng.randrange(len(cells)), rng.randrange(len(cells))
    change = rng.randrange(6)
    if change < 3:
        _rearrange(cells, i, j, change)
    else:
        new = value(rng)
        cells[i] = ("1e999" if new is _HUGE else new if isinstance(new, str) else repr(new)[:5000]).encode("utf-8", "surrogatepass")
    return separator.join(cells)


def spoil_json(content: bytes, rng: random.Random) -> bytes:
    """Change values somewhere in a JSON text: by position and type, with keys removed, added and renamed."""
    try:
        record = json.loads(content)
    except (ValueError, RecursionError):
        return spoil_bytes(content, rng)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        record = spoil_value(record, rng)
    return dumped(record)


def spoil_json_lines(content: bytes, rng: random.Random) -> bytes:
    """Change values in one of several lines of JSON, or the lines themselves."""
    if rng.random() < 0.3:
        return spoil_lines(content, rng)
    lines = content.split(b"\n")
    i = rng.randrange(len(lines))
    lines[i] = spoil_json(lines[i], rng) if lines[i] else lines[i]
    return b"\n".join(lines)


def dumped(record: object) -> bytes:
    """A record as JSON, with whatever numbers it holds."""
    return json.dumps(record).replace(json.dumps(_HUGE), "1e999").encode()


def spoil_value(record: Any, rng: random.Random) -> Any:
    """A copy of a decoded record with one value changed; deeper levels are as likely as the upper ones together."""
    places = _places(record)
    if not places or rng.random() < 0.01:
        return value(rng)
    by_depth: dict[int, list] = {}
    for place in places:
        by_depth.setdefault(place[2], []).append(place)
    holder, name, _ = rng.choice(places if rng.random() < 0.5 else by_depth[rng.choice(list(by_depth))])
    before = holder[name]
    change = rng.randrange(10)
    if change == 0:
        del holder[name]
    elif change == 1 and isinstance(holder, list):
        holder.insert(rng.randrange(len(holder) + 1), before)
    elif change == 1:
        holder[rng.choice(TEXTS)] = before
    elif change == 2:
        other, key, _ = rng.choice(places)
        holder[name] = other[key] if other is not holder else value(rng)
        return json.loads(json.dumps(record)) if _is_tree(record) else value(rng)
    elif change == 3:
        holder[name] = rng.choice(([before], {"": before}, str(before)[:5000], [before] * 40))
    elif change == 4 and isinstance(before, int | float) and not isinstance(before, bool):
        holder[name] = rng.choice((-before, before + 1, float(before) if abs(before) < 1e300 else 0.0, bool(before), rng.choice(NUMBERS)))
    else:
        holder[name] = value(rng)
    return record


def _places(record: Any, depth: int = 0) -> list[tuple[Any, Any, int]]:
    names = list(record) if isinstance(record, dict) else range(len(record)) if isinstance(record, list) else ()
    found = [(record, name, depth) for name in names]
    for name in names:
        found += _places(record[name], depth + 1)
    return found


def _is_tree(record: Any) -> bool:
    try:
        json.dumps(record)
    except ValueError:  # a value was put into itself
        return False
    return True


def spoil_safetensors(content: bytes, rng: random.Random) -> bytes:
    """Change the header of a safetensors file: sizes, shapes, offsets, types, and our own record within it."""
    if rng.random() < 0.2:
        return spoil_bytes(content, rng)
    (size,) = struct.unpack("<Q", content[:8])
    header, data = json.loads(content[8 : 8 + size]), content[8 + size :]
    metadata = header.get("__metadata__", {})
    if "header" in metadata and rng.random() < 0.6:
        metadata["header"] = spoil_json(metadata["header"].encode(), rng).decode()
    elif rng.random() < 0.1:
        data = spoil_bytes(data, rng)
    else:
        header = spoil_value(header, rng)
    return with_header(dumped(header), data, rng.choice((None, None, None, 0, 2**62, 2**64 - 1, len(content))))


def with_header(header: bytes, data: bytes, size: int | None = None) -> bytes:
    """A safetensors file; `size` is the length of the header that it states, by default the true one."""
    return struct.pack("<Q", len(header) if size is None else size) + header + data


def spoil_zip(content: bytes, rng: random.Random) -> bytes:
    """Change bytes of one member of a zip file, or of the file itself."""
    if rng.random() < 0.3:
        return spoil_bytes(content, rng)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(list(members) if rng.random() < 0.4 else [name for name in members if name.endswith(".pkl")] or list(members))
    members[name] = rng.choice((spoil_bytes, spoil_numbers))(members[name], rng)
    if rng.random() < 0.1:
        del members[name]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for member, each in members.items():
            archive.writestr(member, each)
    return packed.getvalue()


def spoil_onnx(content: bytes, rng: random.Random) -> bytes:
    """Change a field of an ONNX graph: dimensions, types, names, attributes, operators, external data."""
    import onnx

    if rng.random() < 0.15:
        return spoil_bytes(content, rng)
    model = onnx.load_from_string(content)
    for _ in range(rng.choice((1, 1, 2))):
        _spoil_message(rng.choice([model, *([model.graph] * 2), *model.graph.node, *model.graph.initializer, *model.graph.input]), rng)
    return model.SerializeToString()


def _spoil_message(message: Any, rng: random.Random) -> None:
    """Change one field of a protobuf message, or of one within it."""
    listed = list(message.ListFields())
    field, now = rng.choice(listed) if listed and rng.random() < 0.8 else (rng.choice(message.DESCRIPTOR.fields), None)
    if field.message_type is not None:
        repeated = getattr(message, field.name) if field.is_repeated else None
        if repeated is not None and (not len(repeated) or rng.random() < 0.2):
            rng.choice((lambda: repeated.add(), lambda: message.ClearField(field.name)))()
        else:
            _spoil_message(rng.choice(list(repeated)) if repeated is not None else getattr(message, field.name), rng)
        return
    if now is None or rng.random() < 0.1:
        message.ClearField(field.name)
    nasty = {"int": [number for number in NUMBERS if isinstance(number, int) and abs(number) < 2**31], "float": list(NUMBERS[:15])}
    texts = [text for text in TEXTS if "\ud800" not in text] + [
        "ConstantOfShape",
        "Expand",
        "Tile",
        "Loop",
        "Identity",
        "Range",
        "location",
    ]
    kinds = {field.CPPTYPE_STRING: texts, field.CPPTYPE_FLOAT: nasty["float"], field.CPPTYPE_DOUBLE: nasty["float"]}
    new = rng.choice(kinds.get(field.cpp_type, nasty["int"]))
    if field.type == field.TYPE_BYTES:
        new = rng.choice((*_RAW, str(new).encode()))
    try:
        if field.is_repeated:
            values = list(getattr(message, field.name)) or [new]
            values[rng.randrange(len(values))] = new
            message.ClearField(field.name)
            getattr(message, field.name).extend(values)
        else:
            setattr(message, field.name, new)
    except (TypeError, ValueError, OverflowError):
        message.ClearField(field.name)


BY_SUFFIX: dict[str, tuple[Mutation, ...]] = {
    ".json": (spoil_json, spoil_json, spoil_json, spoil_json, spoil_numbers, spoil_bytes),
    ".jsonl": (spoil_json_lines, spoil_json_lines, spoil_json_lines, spoil_numbers, spoil_bytes),
    ".csv": (spoil_lines, spoil_lines, spoil_numbers, spoil_bytes),
    ".txt": (spoil_lines, spoil_lines, spoil_numbers, spoil_bytes),
    ".safetensors": (spoil_safetensors,),
    ".onnx": (spoil_onnx,),
    ".pth": (spoil_zip,),
}
"""Mutations by the suffix of a file; files with other suffixes are spoiled as bytes. Repeated ones are chosen more often."""


def spoiled(files: dict[str, bytes], targets: tuple[str, ...], kinds: dict[str, str], rng: random.Random) -> dict[str, bytes]:
    """A copy of an input with one of its files spoiled.

    Args:
        files: Contents by name.
        targets: Names of the files that may be spoiled; a repeated one is chosen more often.
        kinds: Suffix of `BY_SUFFIX` that a file is treated by, where it differs from its own.
        rng: Source of randomness.
    """
    name = rng.choice(targets)
    suffix = kinds.get(name, "." + name.rpartition(".")[2])
    try:
        return {**files, name: rng.choice(BY_SUFFIX.get(suffix, (spoil_bytes,)))(files[name], rng)}
    except Exception:  # spoiled twice, a file may no longer have the structure that a mutation knows
        return {**files, name: spoil_bytes(files[name], rng)}
