import hashlib
import json
import shutil

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from supernet.catalogue import find_architecture
from supernet.checkpoints import TrackerCheckpoint, load_supernet, load_tracker, save_supernet, save_tracker
from supernet.deploy.bundle import load_bundle
from supernet.deploy.export import export, write_bundle
from supernet.deploy.loading import load_for_tracking
from supernet.deploy.torch_graphs import TorchGraphs
from supernet.families import FAMILIES
from supernet.families.lighttrack.weights import official_name
from supernet.import_weights import import_weights, read_state_dict
from supernet.sharing.supernet import Supernet
from supernet.training.calibrate import calibrate
from supernet.training.initialise import initialise
from tracking.trackers.presence import FEATURES

NANO = FAMILIES["nano"]


@pytest.fixture
def tracker():
    return made_tracker()


def made_tracker() -> TrackerCheckpoint:
    arch = NANO.space.sample(np.random.default_rng(0))
    network = NANO.network(arch)
    initialise(network, 0)
    crops = torch.Generator().manual_seed(0)  # other crops can make `reg`, an exponential, so large that rounding shows
    calibrate(network, torch.rand(4, 3, 48, 48, generator=crops), torch.rand(4, 3, 96, 96, generator=crops))
    return TrackerCheckpoint(network, arch, NANO.tracker, NANO.settings)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "b"
    write_bundle(made_tracker(), folder)
    return folder


@pytest.fixture
def bundle(exported, tmp_path):
    """The folder of a bundle that a test may spoil."""
    return shutil.copytree(exported, tmp_path / "b")


def test_tracker_round_trips_with_both_branches(tracker, tmp_path):
    save_tracker(tmp_path / "t.safetensors", tracker, {"why": "test"})
    again = load_tracker(tmp_path / "t.safetensors")
    z, x = torch.rand(1, 3, 48, 48), torch.rand(1, 3, 96, 96)
    with torch.no_grad():
        for a, b in zip(tracker.network(z, x), again.network(z, x), strict=True):
            assert torch.equal(a, b)
    assert again.architecture == tracker.architecture and again.settings == tracker.settings
    assert again.tracker == tracker.tracker and again.network.is_split
    assert [path.name for path in tmp_path.iterdir()] == ["t.safetensors"]


@pytest.mark.parametrize("sharing", ["sliced", "separate"])
def test_supernet_round_trips(sharing, tmp_path, rng):
    supernet = Supernet(FAMILIES["nano"], sharing).eval()
    save_supernet(tmp_path / "s.safetensors", supernet)
    again = load_supernet(tmp_path / "s.safetensors")
    arch = NANO.space.sample(rng)
    z, x = torch.rand(1, 3, 48, 48), torch.rand(1, 3, 96, 96)
    with torch.no_grad():
        for a, b in zip(supernet.extract(arch)(z, x), again.extract(arch)(z, x), strict=True):
            assert torch.equal(a, b)
    assert again.sharing == sharing


def test_a_supernet_in_16_bits_takes_half_the_space_and_is_rounded(tmp_path, rng):
    supernet = Supernet(NANO, "sliced").eval()
    for name, half in (("whole", False), ("half", True)):
        save_supernet(tmp_path / name, supernet, half=half)
    whole, half = (load_supernet(tmp_path / name) for name in ("whole", "half"))
    assert (tmp_path / "half").stat().st_size < 0.6 * (tmp_path / "whole").stat().st_size
    for a, b in zip(whole.state_dict().values(), half.state_dict().values(), strict=True):  # pyright: ignore[reportAttributeAccessIssue]
        assert b.dtype == a.dtype and torch.equal(b, a.half().to(a.dtype))


def damage_bit(data: bytes) -> bytes:
    return data[:-100] + bytes([data[-100] ^ 4]) + data[-99:]


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda data: data[: len(data) // 2], "damaged"),
        (lambda data: b"", "damaged"),
        (lambda data: b"\x80\x04not safetensors", "damaged"),
        (damage_bit, "checksum"),
    ],
)
def test_a_damaged_checkpoint_is_refused(tracker, tmp_path, damage, message):
    path = tmp_path / "t.safetensors"
    save_tracker(path, tracker)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=message) as error:
        load_tracker(path)
    assert "\n" not in str(error.value) and "t.safetensors" in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda header: "{",
        lambda header: "[" * 100_000,
        lambda header: "[]",
        lambda header: {},
        *(lambda header, name=name: {k: v for k, v in header.items() if k != name} for name in ("kind", "checksum", "settings", "split")),
        lambda header: header | {"architecture": None},
        lambda header: header | {"settings": [1]},
        *(
            lambda header, name=name, value=value: header | {"settings": header["settings"] | {name: value}}
            for name, value in [
                ("template_size", "48"),
                ("search_size", 96.0),
                ("search_size", 10**9),
                ("lr", None),
                ("lost_below", "x"),
                ("z", 1),
            ]
        ),
    ],
)
def test_an_edited_header_is_refused(tracker, tmp_path, change):
    path = tmp_path / "t.safetensors"
    save_tracker(path, tracker)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    header = change(json.loads(metadata["header"]))
    save_file(load_file(path), path, metadata | {"header": header if isinstance(header, str) else json.dumps(header)})
    with pytest.raises(ValueError, match=r"t\.safetensors") as error:
        load_tracker(path)
    assert "\n" not in str(error.value)


def test_settings_that_came_later_have_their_default_in_older_files(tracker, bundle, tmp_path):
    later = ["context_size", "lost_after", "found_above", *(f"presence_{name}" for name in ("intercept", *FEATURES))]
    path = tmp_path / "t.safetensors"
    save_tracker(path, tracker)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    header = json.loads(metadata["header"])
    for name in later:
        del header["settings"][name]
    save_file(load_file(path), path, metadata | {"header": json.dumps(header)})
    assert load_tracker(path).settings == tracker.settings
    record = json.loads((bundle / "tracker.json").read_text())
    for name in later:
        del record["settings"][name]
    (bundle / "tracker.json").write_text(json.dumps(record))
    assert load_bundle(bundle)[0].settings == tracker.settings


def test_the_wrong_kind_of_checkpoint_says_what_to_do(tracker, tmp_path):
    save_supernet(tmp_path / "s.safetensors", Supernet(FAMILIES["nano"], "sliced"))
    save_tracker(tmp_path / "t.safetensors", tracker)
    with pytest.raises(ValueError, match="retrain"):
        load_tracker(tmp_path / "s.safetensors")
    with pytest.raises(ValueError, match="chiptrack train"):
        load_supernet(tmp_path / "t.safetensors")
    with pytest.raises(FileNotFoundError):
        load_tracker(tmp_path / "none.safetensors")


def test_bundle_agrees_with_torch_and_appears_whole(tracker, tmp_path, rng):
    save_tracker(tmp_path / "t.safetensors", tracker)
    answer = export(str(tmp_path / "t.safetensors"), out=tmp_path / "bundle")
    assert answer["largest_difference"] <= 1e-4
    assert sorted(path.name for path in (tmp_path / "bundle").iterdir()) == ["search.onnx", "template.onnx", "tracker.json"]
    described, graphs = load_bundle(tmp_path / "bundle")
    assert (described.architecture, described.tracker, described.settings) == (tracker.architecture, tracker.tracker, tracker.settings)
    torch_graphs = TorchGraphs(tracker.network, described.specs)
    z, x = (rng.integers(0, 256, (1, side, side, 3), np.uint8) for side in (48, 96))
    (ours,), (theirs,) = (network.run("template", {"template": z}) for network in (graphs, torch_graphs))
    found = graphs.run("search", {"search": x, "template_features": ours})
    expected = torch_graphs.run("search", {"search": x, "template_features": theirs})
    for a, b in zip([ours, *found], [theirs, *expected], strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert np.abs(a - b).max() <= 1e-4 * np.abs(b).max()
    with pytest.raises(FileExistsError):
        export(str(tmp_path / "t.safetensors"), out=tmp_path / "bundle")


def test_graphs_have_the_names_and_shapes_of_the_contract(tmp_path):
    import onnxruntime

    export("lighttrack-mobile", out=tmp_path / "b")
    shapes = {}
    for name in ("template", "search", "search_288"):
        session = onnxruntime.InferenceSession(tmp_path / "b" / f"{name}.onnx", providers=["CPUExecutionProvider"])
        shapes[name] = ({i.name: i.shape for i in session.get_inputs()}, {o.name: o.shape for o in session.get_outputs()})
    assert shapes["template"] == ({"template": [1, 3, 128, 128]}, {"template_features": [1, 96, 8, 8]})
    assert shapes["search"] == (
        {"search": [1, 3, 256, 256], "template_features": [1, 96, 8, 8]},
        {"cls": [1, 1, 16, 16], "reg": [1, 4, 16, 16]},
    )
    assert shapes["search_288"][1] == {"cls": [1, 1, 18, 18], "reg": [1, 4, 18, 18]}


def test_a_damaged_bundle_is_refused(bundle):
    graph = bundle / "search.onnx"
    graph.write_bytes(damage_bit(graph.read_bytes()))
    with pytest.raises(ValueError, match="checksum"):
        load_bundle(bundle)
    graph.unlink()
    with pytest.raises(FileNotFoundError, match="search.onnx"):
        load_bundle(bundle)
    (bundle / "tracker.json").write_text("{}")
    with pytest.raises(ValueError, match="tracker.json"):
        load_bundle(bundle)


def swapped(record: dict, field: str, value: object) -> dict:
    """A bundle's record that says something else of its template graph."""
    return record | {"graphs": record["graphs"] | {"template": record["graphs"]["template"] | {field: value}}}


@pytest.mark.parametrize(
    "change",
    [
        lambda record: "[" * 100_000,
        lambda record: record | {"format": "chiptrack-bundle-9"},
        lambda record: record | {"format": "chiptrack-bundle-1"},
        lambda record: record | {"graphs": None},
        lambda record: record | {"graphs": {"search": record["graphs"]["search"]}},
        lambda record: swapped(record, "file", "../../etc/passwd"),
        lambda record: swapped(record, "file", "search.onnx"),
        lambda record: swapped(record, "inputs", {"template": [1, 3, 64, 64]}),
        lambda record: swapped(record, "outputs", ["cls", "reg"]),
        lambda record: record | {"tracker": "none"},
        lambda record: record | {"tracker": ["siamese"]},
        lambda record: record | {"runtime": "torch-cuda"},
        lambda record: record | {"precision": "int3"},
        lambda record: record | {"architecture": {"family": "nano"}},
        lambda record: record | {"sha256": None},
        lambda record: record | {"settings": record["settings"] | {"template_size": 64}},
        lambda record: record | {"settings": record["settings"] | {"aligned": "no"}},
    ],
)
def test_an_edited_bundle_is_refused(bundle, change):
    path = bundle / "tracker.json"
    record = change(json.loads(path.read_text()))
    path.write_text(record if isinstance(record, str) else json.dumps(record))
    with pytest.raises((ValueError, FileNotFoundError), match="export again") as error:
        load_bundle(bundle)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("graph", [b"", b"no graph"])
def test_a_graph_that_does_not_run_is_refused(bundle, graph):
    path = bundle / "tracker.json"
    (bundle / "search.onnx").write_bytes(graph)
    record = json.loads(path.read_text())
    record["sha256"]["search.onnx"] = hashlib.sha256(graph).hexdigest()
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match="must run at the sizes"):
        load_bundle(bundle)


def test_a_bundle_has_no_other_search_size(bundle):
    with pytest.raises(ValueError, match=r"graph for \(96\), got 160"):
        load_for_tracking(str(bundle), changes={"search_size": 160})


def test_weights_that_are_not_numbers_are_not_exported(tracker, tmp_path):
    with torch.no_grad():
        next(tracker.network.parameters()).fill_(torch.nan)
    with pytest.raises(ArithmeticError, match="nan"):
        write_bundle(tracker, tmp_path / "b")


def test_export_refuses_an_unknown_format(tmp_path):
    with pytest.raises(ValueError, match="format must be one of onnx"):
        export("lighttrack-mobile", out=tmp_path / "b", format="tflite")


def official_state() -> dict[str, torch.Tensor]:
    """Random weights of LightTrack-Mobile by official name."""
    family = FAMILIES["lighttrack"]
    layers = [stage.layers for stage in family.stages]
    state = family.network(find_architecture("lighttrack-mobile")).state_dict()
    return {official_name(name, layers): tensor for name, tensor in state.items()}


def test_official_weights_must_fit_exactly(tmp_path):
    state = official_state()
    surplus = {**{name: tensor for name, tensor in state.items() if name != "neck.BN_z.weight"}, "head.extra": torch.zeros(1)}
    torch.save(surplus, tmp_path / "w.pth")
    with pytest.raises(ValueError, match="missing: neck.BN_z.weight.*surplus: head.extra"):
        import_weights(tmp_path / "w.pth", architecture="lighttrack-mobile", out=tmp_path / "c.safetensors")
    assert not (tmp_path / "c.safetensors").exists()


@pytest.mark.parametrize(
    "spoil", [lambda w: w * torch.nan, lambda w: w.to(torch.complex64), lambda w: w.to_sparse(), lambda w: w.to("meta")]
)
def test_official_weights_must_be_finite_numbers(tmp_path, spoil):
    state = official_state()
    torch.save({**state, "neck.BN_z.weight": spoil(state["neck.BN_z.weight"])}, tmp_path / "w.pth")
    with pytest.raises(ValueError, match="not finite real numbers: neck.BN_z.weight"):
        import_weights(tmp_path / "w.pth", architecture="lighttrack-mobile", out=tmp_path / "c.safetensors")


class Evil:
    def __reduce__(self):
        return (print, ("code ran",))


@pytest.mark.parametrize("content", [{"w": Evil()}, [1, 2], {"w": 3}])
def test_official_weights_cannot_run_code(content, tmp_path, capsys):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(ValueError, match="tensors"):
        read_state_dict(tmp_path / "w.pth")
    assert "code ran" not in capsys.readouterr().out


def test_official_weights_in_a_wrapper_are_found(tmp_path):
    torch.save({"state_dict": {"module.a": torch.ones(2)}, "epoch": 3}, tmp_path / "w.pth")
    assert list(read_state_dict(tmp_path / "w.pth")) == ["a"]
    (tmp_path / "w.pth").write_bytes(b"PK nonsense")
    with pytest.raises(ValueError, match="damaged"):
        read_state_dict(tmp_path / "w.pth")
