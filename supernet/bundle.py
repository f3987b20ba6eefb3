"""A bundle: the folder that a device needs to track with, two ONNX graphs and `tracker.json`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from supernet.catalogue import find_architecture, from_json
from supernet.checkpoints import TrackerCheckpoint, load_tracker
from supernet.families import FAMILIES
from supernet.graph import to_onnx
from supernet.inference import MEAN, STD, normalise
from supernet.network import TrackingNetwork
from tracking.atomic import new_folder
from tracking.records import read_record, typed
from tracking.trackers.siamese import SiameseSettings

TOLERANCE = 1e-4
"""Largest difference between ONNX Runtime and torch that an export may show, as a share of the largest value."""
FORMATS = ("onnx",)
_FORMAT = "chiptrack-bundle-1"


class SearchGraph(nn.Module):
    """A network as it is asked on every frame."""

    def __init__(self, network: TrackingNetwork):
        super().__init__()
        self.network = network

    def forward(self, search: Tensor, template_features: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.search(search, template_features)


class TemplateGraph(nn.Module):
    """A network as it is asked once for each target."""

    def __init__(self, network: TrackingNetwork):
        super().__init__()
        self.network = network

    def forward(self, template: Tensor) -> Tensor:
        return self.network.template(template)


def template_graph(network: TrackingNetwork, template_size: int) -> bytes:
    """ONNX: `template` (1, 3, h, h) to `template_features` (1, C, h/stride, h/stride)."""
    return to_onnx(TemplateGraph(network), {"template": torch.zeros(1, 3, template_size, template_size)}, ["template_features"])


def search_graph(network: TrackingNetwork, template_size: int, search_size: int) -> bytes:
    """ONNX: `search` (1, 3, s, s) and `template_features` to `cls` (1, 1, H, W) logits and `reg` (1, 4, H, W) px."""
    with torch.no_grad():
        features = network.eval().template(torch.zeros(1, 3, template_size, template_size))
    inputs = {"search": torch.zeros(1, 3, search_size, search_size), "template_features": features}
    return to_onnx(SearchGraph(network), inputs, ["cls", "reg"])


def export(model: str, *, out: Path, format: str = "onnx") -> dict:
    """Write the graphs that a device runs, checked against torch.

    Args:
        model: Checkpoint of a tracker; or an architecture, which is exported with random weights, for timing.
        out: Folder to make; it may not exist yet. Receives template.onnx, search.onnx (and one more graph where small targets
            are searched in a larger crop) and tracker.json.
        format: What to write: onnx.
    """
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")
    checkpoint = load_tracker(Path(model)) if Path(model).is_file() and not model.endswith(".json") else _random(model)
    return write_bundle(checkpoint, out)


def write_bundle(checkpoint: TrackerCheckpoint, out: Path) -> dict:
    """Write a bundle; the folder appears whole or not at all.

    Returns:
        Files by graph and the largest difference from torch.

    Raises:
        FileExistsError: The folder exists.
        ArithmeticError: A graph disagrees with torch by more than `TOLERANCE`.
    """
    settings, network = checkpoint.settings, checkpoint.network.eval()
    sizes = {settings.search_size: "search.onnx", settings.small_target_size: f"search_{settings.small_target_size}.onnx"}
    sizes[settings.search_size] = "search.onnx"
    graphs = {"template.onnx": template_graph(network, settings.template_size)}
    graphs |= {name: search_graph(network, settings.template_size, size) for size, name in sizes.items()}
    difference = _largest_difference(network, settings, graphs, sizes)
    if not difference <= TOLERANCE:
        raise ArithmeticError(
            f"an exported graph must agree with torch to {TOLERANCE}, this one differs by {difference:.2e}; please report the architecture"
        )
    record = {
        "format": _FORMAT,
        "architecture": checkpoint.architecture.to_json(),
        "settings": asdict(settings),
        "stride": FAMILIES[checkpoint.architecture.family].output_stride(checkpoint.architecture),
        "mean": MEAN.tolist(),  # of RGB in 0..1
        "std": STD.tolist(),
        "template": "template.onnx",
        "search": {str(size): name for size, name in sizes.items()},
        "sha256": {name: hashlib.sha256(graph).hexdigest() for name, graph in graphs.items()},
    }
    with new_folder(out) as folder:
        for name, graph in graphs.items():
            (folder / name).write_bytes(graph)
        (folder / "tracker.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return {"out": str(out), "files": [*graphs, "tracker.json"], "largest_difference": difference}


def _random(model: str) -> TrackerCheckpoint:
    arch = find_architecture(model)
    family = FAMILIES[arch.family]
    torch.manual_seed(0)
    return TrackerCheckpoint(family.network(arch), arch, family.tracker)


def _largest_difference(network: TrackingNetwork, settings: SiameseSettings, graphs: dict[str, bytes], sizes: dict[int, str]) -> float:
    rng = np.random.default_rng(0)
    onnx = OnnxNetwork(graphs["template.onnx"], {size: graphs[name] for size, name in sizes.items()})
    template = rng.integers(0, 256, (1, settings.template_size, settings.template_size, 3), np.uint8)
    features = onnx.template(template)
    with torch.no_grad():
        torch_features = network.template(torch.from_numpy(normalise(template)))
    pairs = [(features, torch_features.numpy())]
    for size in sizes:
        search = rng.integers(0, 256, (1, size, size, 3), np.uint8)
        with torch.no_grad():
            cls, reg = network.search(torch.from_numpy(normalise(search)), torch_features)
        pairs += zip(onnx.search(search, features), (cls[:, 0].numpy(), reg.numpy()), strict=True)
    # NumPy's maximum, which hands a NaN on
    return float(np.max([np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-6) for ours, theirs in pairs]))


class OnnxNetwork:
    """Runs the graphs of a bundle with ONNX Runtime, one target at a time.

    Args:
        template: The template graph.
        search: Search graphs by the side of the crop that they take.
        threads: Threads of one operator.
    """

    def __init__(self, template: bytes, search: dict[int, bytes], threads: int = 1):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1

        def session(graph: bytes) -> onnxruntime.InferenceSession:
            return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

        self._template = session(template)
        self._search = {size: session(graph) for size, graph in search.items()}

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sides of the search crops that there are graphs for, px."""
        return tuple(self._search)

    def template(self, images: np.ndarray) -> np.ndarray:
        return np.asarray(self._template.run(None, {"template": normalise(images)})[0])

    def search(self, images: np.ndarray, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        cls, reg = self._search[images.shape[1]].run(None, {"search": normalise(images), "template_features": features})
        return np.asarray(cls)[:, 0], np.asarray(reg)


def load_bundle(folder: Path, threads: int = 1) -> tuple[OnnxNetwork, SiameseSettings]:
    """Read a bundle.

    Raises:
        FileNotFoundError: The folder has no tracker.json, or a graph is missing.
        ValueError: A file is damaged.
    """
    path = folder / "tracker.json"
    if not path.is_file():
        raise FileNotFoundError(f"a bundle must hold tracker.json, {folder} does not; make one with `chiptrack export`")
    try:
        record = read_record(path)
        if record["format"] != _FORMAT:
            raise ValueError(f"its format must be {_FORMAT}, it is {record['format']!r}")
        template, search = str(record["template"]), {int(size): str(name) for size, name in record["search"].items()}
        sums = dict(record["sha256"])
        settings = typed(SiameseSettings, record["settings"])
        from_json(record["architecture"], str(path))
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise ValueError(f"tracker.json must be as `chiptrack export` writes it, {path} is not ({err}); export again") from err
    graphs = {}
    for name in (template, *search.values()):
        file = folder / Path(name).name
        if not file.is_file():
            raise FileNotFoundError(f"a bundle must hold all its graphs, {file} is missing; export again")
        graphs[name] = file.read_bytes()
        if hashlib.sha256(graphs[name]).hexdigest() != sums.get(name):
            raise ValueError(f"a graph must have the checksum that tracker.json says, {file} has not: it is damaged; export again")
    try:
        network = OnnxNetwork(graphs[template], {size: graphs[name] for size, name in search.items()}, threads)
        _check_shapes(network, settings)
    except Exception as err:  # ONNX Runtime has an exception of its own for every kind of broken graph
        reason = str(err).partition("\n")[0]
        raise ValueError(
            f"the graphs of a bundle must run at the sizes of tracker.json, those of {folder} do not ({reason}); export again"
        ) from err
    return network, settings


def _check_shapes(network: OnnxNetwork, settings: SiameseSettings) -> None:
    """Run every graph once.

    Raises:
        ValueError: A graph's answer is not what the siamese loop takes.
    """
    features = network.template(np.zeros((1, settings.template_size, settings.template_size, 3), np.uint8))
    for size in network.sizes:
        cls, reg = network.search(np.zeros((1, size, size, 3), np.uint8), features)
        if cls.ndim != 3 or cls.shape[1] != cls.shape[2] or reg.shape != (1, 4, *cls.shape[1:]):
            raise ValueError(f"cls must be (1, 1, H, H) and reg (1, 4, H, H), got {cls.shape} and {reg.shape} at search size {size}")
