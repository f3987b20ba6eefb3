"""Files that somebody made to do harm, or that a disk has spoiled: every reader reads them or refuses them in one line, and stays small."""

import hashlib
import io
import json
import struct
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from benchmarks.fuzzing import READERS
from benchmarks.fuzzing.mutations import with_header
from benchmarks.fuzzing.network_files import _bundle, _checkpoint, _hashed
from benchmarks.fuzzing.predictor_files import _latency, _saved
from benchmarks.fuzzing.reader import Reader, write_files
from benchmarks.fuzzing.trial import attempt, made
from latency_tables.measuring.journal import Journal
from latency_tables.tables.foreign.nn_meter import NnMeter
from latency_tables.tables.table import LatencyTable
from predictors.load import load_predictor
from search.page.files import read_settings, read_summary
from search.study.study import read_candidates
from search.verbs import demo
from supernet.catalogue import find_architecture
from supernet.checkpoints import load_supernet, load_tracker
from supernet.deploy.bundle import load_bundle
from supernet.torch_files import load_torch
from tracking.files.annotations import read_boxes
from tracking.files.records import parse_record, read_record
from tracking.sequence import load_sequence

_SLOW = {
    "page of a search": 1,
    "predictor of memory, trees": 2,
    "predictor of memory, blend": 2,
    "latency table": 4,
    "state of a training": 3,
}
"""Number of inputs for readers that take long."""
_MOST_MB = 1000


def _param(reader: Reader):
    slow = [pytest.mark.slow] if reader.name == "checkpoint of a supernet" else []  # whose file is read as that of a tracker is
    return pytest.param(reader, marks=slow, id=reader.name.replace(" ", "-"))


@pytest.mark.parametrize("reader", [_param(reader) for reader in READERS])
def test_spoiled_files_are_read_or_refused_in_one_line(reader, tmp_path):
    valid = reader.make()
    assert attempt(reader, valid, tmp_path / "input").kind == "read"
    for seed in range(_SLOW.get(reader.name, 8)):
        outcome = attempt(reader, made(reader, valid, seed), tmp_path / "input")
        assert outcome.good, f"input {seed}: {outcome}; python -m benchmarks.fuzz --only '{reader.name}' keeps it"


def refused(read, path, *also) -> str:
    """What a reader says when it refuses a path; it may neither take much memory nor raise anything else."""
    name = path.name
    reader = Reader(name, dict, lambda _: read(path, *also), ())
    outcome = attempt(reader, {}, path.parent / "unused")
    assert outcome.kind == "refused" and outcome.mb < _MOST_MB, outcome
    return outcome.said


# JSON

DEEP = b'{"a":' * 100_000


@pytest.mark.parametrize(
    "name, read",
    [
        ("a.json", read_record),
        ("a.json", lambda path: find_architecture(str(path))),
        ("p.json", load_predictor),
        ("settings.json", read_settings),
        ("summary.json", lambda path: read_summary(path, {})),
        ("tracker.json", lambda path: load_bundle(path.parent)),
        ("database.json", lambda path: read_candidates(path.parent)),
        ("settings.json", lambda path: demo._settings(path.parent, 12.0)),
    ],
)
@pytest.mark.parametrize(
    "content",
    [
        DEEP,
        b'{"a": ' + b"9" * 1_000_000 + b"}",
        b'{"a": 1e999}',
        b'{"a": NaN}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": "\xff"}',
        b'{"a": 1, "a": 2}',
        b"\0" * 100,
        b"true",
        b"",
    ],
    ids=["deep", "digits", "1e999", "NaN", "surrogate", "raw-surrogate", "not-utf-8", "twice", "NUL", "bool", "empty"],
)
def test_hostile_json_is_refused_wherever_it_is_read(tmp_path, name, read, content):
    (tmp_path / name).write_bytes(content)
    refused(read, tmp_path / name)


def test_json_is_not_read_beyond_what_a_record_may_have(tmp_path):
    with (tmp_path / "a.json").open("wb") as file:
        file.write(b'{"a": [')
        file.truncate(10**12)  # a file with a hole, as large as it says
    assert "longer than 24 MB" in refused(read_record, tmp_path / "a.json")
    (tmp_path / "a.json").write_bytes(b'{"a": [' + b"[]," * 20_000_000)
    assert "longer than 24 MB" in refused(read_record, tmp_path / "a.json")


@pytest.mark.parametrize("number, right", [("9223372036854775807", True), ("-9223372036854775808", True), ("9223372036854775808", False)])
def test_whole_numbers_have_64_bits(number, right):
    if right:
        assert parse_record(f'{{"a": {number}}}') == {"a": int(number)}
    else:
        with pytest.raises(ValueError, match="64 bits"):
            parse_record(f'{{"a": {number}}}')


# text

LARGE = 100_000_000


@pytest.mark.parametrize(
    "name, read",
    [
        ("t.csv", lambda path: NnMeter([path])),
        ("t.csv.part", lambda path: Journal(path, {}, resume=True)),
        ("journal.log", lambda path: read_candidates(path.parent)),
        ("t.csv", lambda path: LatencyTable.load(path)),
    ],
)
def test_a_line_of_100_mb_is_refused(tmp_path, name, read):
    with (tmp_path / name).open("wb") as file:
        file.truncate(LARGE)
    (tmp_path / "t.json").write_text('{"format": 2, "profile": {}, "reference_ms": 1}')
    assert "longer than" in refused(read, tmp_path / name)


def test_a_table_of_100_000_columns_is_refused(tmp_path):
    rows = "latency," + ",".join(f"c{i}" for i in range(100_000)) + "\n" + ",".join(["1"] * 100_001) + "\n"
    (tmp_path / "t.csv").write_text(rows)
    refused(lambda path: NnMeter([path]), tmp_path / "t.csv")
    (tmp_path / "t.json").write_text(json.dumps({"format": 2, "sha256": hashlib.sha256(rows.encode()).hexdigest()}))
    refused(LatencyTable.load, tmp_path / "t.csv")


@pytest.mark.parametrize("content", [b"1,2,3,4\n\xff\n", b"1,2,3,4\0\n", b"1,2,3,\xed\xa0\x80\n"])
def test_bytes_that_are_no_text_are_no_boxes(tmp_path, content):
    (tmp_path / "img").mkdir()
    (tmp_path / "groundtruth.txt").write_bytes(content)
    (tmp_path / "img" / "1.jpg").write_bytes(b"")
    refused(read_boxes, tmp_path / "groundtruth.txt")
    refused(lambda path: load_sequence(path.parent), tmp_path / "groundtruth.txt")


@pytest.mark.parametrize("file", ["../../etc/passwd", "front/../../x.json", "/etc/passwd", "front/01.json\n", ""])
def test_the_winner_of_a_demo_lies_on_its_front(tmp_path, file):
    winner = {"file": file, "values": {"latency_ms": 1.0}}
    (tmp_path / "summary.json").write_text(
        json.dumps({"winner": winner, "front": 1, "rescored": 0, "evaluations": 1, "why": "", "ties": [], "tie_within": None})
    )
    assert "the winner's file" in refused(lambda path: demo._found(path.parent), tmp_path / "summary.json")


# checkpoints and torch files


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


# bundles


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


# trees


@cache
def predictor() -> bytes:
    return _saved(lambda: _latency("table_line_xgboost"))["p.json"]


def cycle(model):
    model["trees"][0]["left_children"][0] = 0


def far_child(model):
    model["trees"][0]["right_children"][0] = 10**8


def far_feature(model):
    model["trees"][0]["split_indices"][0] = 10**8


def many_trees(model):
    model["gbtree_model_param"]["num_trees"] = "2000000000"


def many_nodes(model):
    model["trees"][0]["tree_param"]["num_nodes"] = "2000000000"


def parallel(model):
    model["gbtree_model_param"]["num_parallel_tree"] = "2000000000"


def shared_child(model):
    tree = model["trees"][0]
    tree["right_children"][0] = tree["left_children"][0]


def huge_leaf(model):
    model["trees"][0]["split_conditions"][-1] = 1e38


@pytest.mark.parametrize("change", [cycle, far_child, far_feature, many_trees, many_nodes, parallel, shared_child, huge_leaf])
def test_trees_that_would_harm_xgboost_never_reach_it(tmp_path, change):
    record = json.loads(predictor())
    change(record["parameters"]["xgboost"]["learner"]["gradient_booster"]["model"])
    (tmp_path / "p.json").write_text(json.dumps(record))
    assert "its trees: " in refused(load_predictor, tmp_path / "p.json")


@pytest.mark.parametrize(
    "part, name, value",
    [
        ("learner_model_param", "base_score", "nan"),
        ("learner_model_param", "base_score", "[1E300]"),
        ("learner_model_param", "num_feature", "4000000000"),
        ("learner_model_param", "num_class", "1000000000"),
        ("learner_model_param", "num_target", "1000000000"),
        ("objective", "name", "multi:softmax"),
        ("gradient_booster", "name", "dart"),
    ],
)
def test_trees_of_another_kind_never_reach_xgboost(tmp_path, part, name, value):
    record = json.loads(predictor())
    record["parameters"]["xgboost"]["learner"][part][name] = value
    (tmp_path / "p.json").write_text(json.dumps(record))
    assert "its trees: " in refused(load_predictor, tmp_path / "p.json")


def test_what_a_predictor_says_is_finite(tmp_path):
    record = json.loads(predictor())
    record["parameters"]["line"] = {"offset": 1.7e308, "slope": 1.7e308}
    (tmp_path / "p.json").write_text(json.dumps(record))
    read = load_predictor(tmp_path / "p.json")
    with pytest.raises(ValueError, match="finite numbers, this one of latency gives"), np.errstate(all="ignore"):
        read.predict([find_architecture(name) for name in [demo.find_family("nano").space.sample(np.random.default_rng(0)).name]])


def test_an_architecture_is_what_its_key_says(tmp_path):
    record = find_architecture("lighttrack-mobile").to_json()
    (tmp_path / "a.json").write_text(json.dumps({**record, "key": "0" * 16}))
    assert "key and choices" in refused(lambda path: find_architecture(str(path)), tmp_path / "a.json")


def test_the_folder_that_a_test_writes_is_its_own(tmp_path):
    """`refused` gives its reader no file but the one of the test."""
    assert refused(lambda path: Path(path).read_text(), tmp_path / "none").startswith("[Errno 2]")
