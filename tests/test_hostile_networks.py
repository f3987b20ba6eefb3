"""Checkpoints, torch files, bundles and architectures that promise more than they have, or something else."""

import io
import json
import struct
import zipfile
from functools import cache

import onnx
import pytest
import torch
from onnx import TensorProto, helper

from benchmarks.fuzzing.mutations import with_header
from benchmarks.fuzzing.network_files import _bundle, _checkpoint, _hashed
from benchmarks.fuzzing.reader import write_files
from supernet.catalogue import find_architecture
from supernet.checkpoints import load_supernet, load_tracker
from supernet.deploy.bundle import load_bundle
from supernet.torch_files import load_torch
from tests.refusing import refused


@pytest.mark.parametrize(
    "content",
    [
        with_header(b"{}", b"", 2**62),
        with_header(b"{}", b"", 2**64 - 1),
        with_header(b"[" * 1_000_000, b""),
        with_header(json.dumps({"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}).encode(), b""),
        with_header(json.dumps({"a": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 0]}}).encode(), b""),
        with_header(
            json.dumps(
                {name: {"dtype": "F32", "shape": [2], "data_offsets": [start, start + 8]} for name, start in (("a", 0), ("b", 4))}
            ).encode(),
            b"\0" * 12,
        ),
    ],
    ids=["2^62", "2^64", "deep", "promises", "overflows", "overlaps"],
)
def test_a_checkpoint_that_promises_more_than_it_has_is_refused(tmp_path, content):
    (tmp_path / "t.safetensors").write_bytes(content)
    refused(load_tracker, tmp_path / "t.safetensors")
    refused(load_supernet, tmp_path / "t.safetensors")


def test_weights_of_another_type_are_no_weights(tmp_path):
    """The bits of 1.0 as a whole number are a thousand million, and the checksum of the bytes is the same."""
    ((name, content),) = _checkpoint().items()
    (size,) = struct.unpack("<Q", content[:8])
    header = content[8 : 8 + size].replace(b'"F32"', b'"I32"')
    (tmp_path / name).write_bytes(with_header(header, content[8 + size :]))
    assert "must hold the tensors of its architecture" in refused(load_tracker, tmp_path / name)


class Array:
    def __reduce__(self):
        return bytearray, (10**10,)


def torch_file(content, compression=zipfile.ZIP_STORED, change=lambda pickled: pickled) -> bytes:
    packed, again = io.BytesIO(), io.BytesIO()
    torch.save(content, packed)
    with zipfile.ZipFile(packed) as archive, zipfile.ZipFile(again, "w", compression) as other:
        for name in archive.namelist():
            other.writestr(name, change(archive.read(name)) if name.endswith("data.pkl") else archive.read(name))
    return again.getvalue()


COUNT = b"M\xe8\x03"  # 1000, as a pickle spells it


@pytest.mark.parametrize(
    "content, said",
    [
        (lambda: torch_file({"a": torch.zeros(10**6)}, zipfile.ZIP_DEFLATED), "members are more than the file"),
        (lambda: torch_file({"a": Array()}), "bytearray has no place"),
        (lambda: torch_file({"a": torch.ones(1).expand(10**12)}), "larger than its storage"),
        (lambda: torch_file({"a": torch.ones(1000)}, change=lambda p: p.replace(COUNT, b"J\xff\xff\xff\x7f")), "must be there as said"),
        (
            lambda: torch_file({"a": torch.ones(1000)}, change=lambda p: p.replace(COUNT, b"\x8a\x06\0\0\0\0\0\x01")),
            "must be there as said",
        ),
        (lambda: b"\x80\x02r\xff\xff\xff\xffN.", "IndexError"),  # a memo of four thousand million entries
        (lambda: b"PK\x03\x04" + b"\0" * 50, "BadZipFile"),
    ],
    ids=["zip-bomb", "array", "repeated", "reads-beyond", "promises", "memo", "cut"],
)
def test_a_torch_file_that_claims_more_than_it_has_is_refused(tmp_path, content, said):
    (tmp_path / "w.pth").write_bytes(content())
    assert said in refused(load_torch, tmp_path / "w.pth")


@pytest.mark.parametrize("new", [True, False])
def test_a_torch_file_of_tensors_is_read(tmp_path, new):
    module = torch.nn.Linear(3, 2)
    content = {
        "state": module.state_dict(),
        "half": torch.ones(2, dtype=torch.bfloat16),
        "view": torch.arange(9).view(3, 3).T,
        "step": 3,
        "empty": torch.ones(0),
    }
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=new)
    again = load_torch(tmp_path / "w.pth")
    assert again["step"] == 3 and all(torch.equal(again[name], content[name]) for name in ("half", "view", "empty"))
    assert all(torch.equal(again["state"][name], tensor) for name, tensor in module.state_dict().items())


@cache
def bundle() -> dict[str, bytes]:
    return _bundle()


def changed_graph(change) -> dict[str, bytes]:
    model = onnx.load_from_string(bundle()["b/search.onnx"])
    change(model)
    return _hashed({**bundle(), "b/search.onnx": model.SerializeToString()})


def external(location: str):
    def change(model) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", "0"), ("length", "16")):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value

    return change


def bomb(*nodes, shape=(10**5, 10**5)):
    """Nodes before the first of the graph, whose result nothing uses but an output."""

    def change(model) -> None:
        model.graph.initializer.append(helper.make_tensor("shape", TensorProto.INT64, [len(shape)], shape))
        made = [helper.make_node("Abs", ["search"], ["before"]), *nodes]
        model.graph.node.extend(made)
        model.graph.output[0].name = "bomb"

    return change


def promise(model) -> None:
    model.graph.initializer[0].dims[:] = [10**6, 10**6]


def loop(model) -> None:
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["search"], ["z"], body=body))


@pytest.mark.parametrize(
    "change, said",
    [
        (external("../../../../etc/passwd"), "in its own file"),
        (external("/etc/passwd"), "in its own file"),
        (external("template.onnx"), "in its own file"),
        (promise, "the bytes of its shape"),
        (loop, "loops or other graphs"),
        (bomb(helper.make_node("ConstantOfShape", ["shape"], ["bomb"])), "must run at the sizes"),
        (bomb(helper.make_node("Expand", ["before", "shape"], ["bomb"]), shape=(20_000, 3, 96, 96)), "must run at the sizes"),
    ],
    ids=["above", "absolute", "beside", "promises", "loop", "constant", "expanded"],
)
def test_a_graph_needs_nothing_but_itself_and_little_memory(tmp_path, change, said):
    write_files(changed_graph(change), tmp_path)
    assert said in refused(load_bundle, tmp_path / "b")


@pytest.mark.parametrize("field, value", [("mean", [0.5, 0.5, 0.5]), ("std", [1, 1, 1]), ("stride", 16)])
def test_a_bundle_that_wants_other_crops_is_refused(tmp_path, field, value):
    record = json.loads(bundle()["b/tracker.json"])
    write_files({**bundle(), "b/tracker.json": json.dumps({**record, field: value}).encode()}, tmp_path)
    assert f"its {field} must be" in refused(load_bundle, tmp_path / "b")


@pytest.mark.parametrize("file", ["../../search.onnx/..", "/etc/passwd", "..", "."])
def test_a_graph_lies_in_the_folder_of_its_bundle(tmp_path, file):
    record = json.loads(bundle()["b/tracker.json"])
    record["graphs"]["search"]["file"] = file
    write_files({**bundle(), "b/tracker.json": json.dumps(record).encode()}, tmp_path)
    refused(load_bundle, tmp_path / "b")


def test_limits_of_memory_end_with_loading(tmp_path):
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    write_files(bundle(), tmp_path)
    load_bundle(tmp_path / "b")
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_an_architecture_is_what_its_key_says(tmp_path):
    record = find_architecture("lighttrack-mobile").to_json()
    (tmp_path / "a.json").write_text(json.dumps({**record, "key": "0" * 16}))
    assert "key and choices" in refused(lambda path: find_architecture(str(path)), tmp_path / "a.json")
