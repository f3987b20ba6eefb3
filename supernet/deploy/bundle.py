"""A bundle: the folder that a device needs to track, with graphs and `tracker.json`. Reading one needs neither torch nor NNI."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from supernet.catalogue import find_family, from_json
from supernet.deploy.limited import limited_memory
from supernet.deploy.normalise import MEAN, STD, normalise
from supernet.deploy.onnx_file import check_onnx
from supernet.families.family import GraphSpec
from supernet.runtimes import RUNTIMES
from supernet.runtimes.runtime import Graph
from supernet.space import Architecture
from tracking.files.atomic import new_folder
from tracking.files.records import read_record, typed
from tracking.trackers import TRACKERS, Settings

_FORMAT = "chiptrack-bundle-2"
_MOST_BYTES = 250_000_000
"""Largest file of a graph."""
_MOST_MEMORY, _FOR_A_THREAD = 900_000_000, 100_000_000
"""Bytes of memory that loading and trying the graphs may take, and of addresses that each further thread reserves."""
_SUFFIXES = {"onnxruntime": "onnx"}
"""Suffix of the files of graphs, for each runtime that a bundle can be made for."""


@dataclass(frozen=True)
class Bundle:
    """The content of a bundle: what `tracker.json` says, and the graphs."""

    architecture: Architecture
    tracker: str
    """Name of the tracking procedure in `TRACKERS`."""
    settings: Settings
    graphs: Mapping[str, bytes]
    """Serialised graphs by name, in the format of the runtime."""
    runtime: str = "onnxruntime"
    precision: str = "fp32"

    @property
    def specs(self) -> tuple[GraphSpec, ...]:
        """Name, inputs and outputs of each graph."""
        return find_family(self.architecture.family).graphs(self.architecture, self.settings)


class RuntimeGraphs:
    """Runs graphs with a runtime, for several targets one after the other; implements `tracking.trackers.procedure.Network`."""

    def __init__(self, graphs: Mapping[str, Graph]):
        self._graphs = graphs

    @classmethod
    def load(cls, bundle: Bundle, threads: int = 1) -> RuntimeGraphs:
        """Load the graphs of a bundle into its runtime; each may use this number of threads."""
        runtime = RUNTIMES[bundle.runtime](bundle.precision)
        return cls({name: runtime.load(graph, threads) for name, graph in bundle.graphs.items()})

    def renamed(self, names: Mapping[str, str]) -> RuntimeGraphs:
        """The same graphs under other names; `names` gives for each new name the name that the graph has here."""
        return RuntimeGraphs({new: self._graphs[old] for new, old in names.items()})

    def run(self, graph: str, inputs: Mapping[str, Any]) -> Sequence[Any]:
        prepared = {name: normalise(value) if value.dtype == np.uint8 else value for name, value in inputs.items()}
        count = len(next(iter(prepared.values())))
        if count == 1:
            return self._graphs[graph].run(prepared)
        # the graphs of a bundle have fixed shapes, those of one target
        each = [self._graphs[graph].run({name: value[row : row + 1] for name, value in prepared.items()}) for row in range(count)]
        return [np.concatenate(outputs) for outputs in zip(*each, strict=True)]


def save_bundle(bundle: Bundle, out: Path) -> list[str]:
    """Write a bundle; the folder appears whole or not at all.

    Returns:
        The names of its files.

    Raises:
        FileExistsError: The folder exists.
    """
    files = {name: f"{name}.{_SUFFIXES[bundle.runtime]}" for name in bundle.graphs}
    settings: Any = bundle.settings
    record = {
        "format": _FORMAT,
        "architecture": bundle.architecture.to_json(),
        "tracker": bundle.tracker,
        "settings": asdict(settings),
        "stride": find_family(bundle.architecture.family).output_stride(bundle.architecture),
        "mean": MEAN.tolist(),  # of RGB in 0..1
        "std": STD.tolist(),
        "runtime": bundle.runtime,
        "precision": bundle.precision,
        "graphs": {
            spec.name: {"file": files[spec.name], "inputs": {n: list(s) for n, s in spec.inputs.items()}, "outputs": list(spec.outputs)}
            for spec in bundle.specs
        },
        "sha256": {files[name]: hashlib.sha256(graph).hexdigest() for name, graph in bundle.graphs.items()},
    }
    with new_folder(out) as folder:
        for name, graph in bundle.graphs.items():
            (folder / files[name]).write_bytes(graph)
        (folder / "tracker.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return [*files.values(), "tracker.json"]


def load_bundle(folder: Path, threads: int = 1) -> tuple[Bundle, RuntimeGraphs]:
    """Read a bundle and load its graphs.

    Args:
        folder: Folder that `chiptrack export` wrote.
        threads: Number of threads that a graph may use.

    Raises:
        FileNotFoundError: The folder has no tracker.json, or a graph is missing.
        ValueError: A file is damaged, or the graphs do not fit tracker.json.
        ImportError: The runtime is not installed.
    """
    path = folder / "tracker.json"
    if not path.is_file():
        raise FileNotFoundError(f"a bundle must hold tracker.json, {folder} does not; make one with `chiptrack export`")
    try:
        bundle, files, sums = _parse(read_record(path), str(path))
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise ValueError(f"tracker.json must be as `chiptrack export` writes it, {path} is not ({err!s:.200}); export again") from err
    graphs = {}
    for name, written in files.items():
        file = folder / Path(written).name
        if not file.is_file():
            raise FileNotFoundError(f"a bundle must hold all its graphs, {file} is missing; export again")
        graphs[name] = _content(file)
        if hashlib.sha256(graphs[name]).hexdigest() != sums.get(written):
            raise ValueError(f"a graph must have the checksum that tracker.json says, {file} has not: it is damaged; export again")
    bundle = Bundle(bundle.architecture, bundle.tracker, bundle.settings, graphs, bundle.runtime, bundle.precision)
    try:
        RUNTIMES[bundle.runtime](bundle.precision).version()  # imports the runtime, which takes memory of its own
        copies = 4 * sum(map(len, graphs.values()))  # of the weights, which a runtime parses, packs and optimises
        with limited_memory(_MOST_MEMORY + copies + threads * _FOR_A_THREAD):
            for graph in graphs.values():
                check_onnx(graph)
            loaded = RuntimeGraphs.load(bundle, threads)
            _try(bundle, loaded)
    except ImportError:
        raise
    except Exception as err:  # runtimes have exceptions of their own for every kind of broken graph
        reason = str(err).partition("\n")[0]
        raise ValueError(
            f"the graphs of a bundle must run at the sizes of tracker.json, those of {folder} do not ({reason:.150}); export again"
        ) from err
    return bundle, loaded


def _content(file: Path) -> bytes:
    """The content of the file of a graph, unless it is larger than that of any tracker."""
    with file.open("rb") as opened:
        content = opened.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"a graph must have at most {_MOST_BYTES // 10**6} MB, {file} has more; export again")
    return content


def _parse(record: dict, source: str) -> tuple[Bundle, dict[str, str], dict[str, str]]:
    """Parse tracker.json: the bundle without its graphs, the file of each graph by name, and the checksum of each file."""
    if record["format"] != _FORMAT:
        raise ValueError(f"its format must be {_FORMAT}, it is {record['format']!r:.40}")
    for field, known in (("tracker", TRACKERS), ("runtime", _SUFFIXES)):
        if record[field] not in known:
            raise ValueError(f"its {field} must be one of {', '.join(known)}, it is {record[field]!r:.80}")
    if record["precision"] not in RUNTIMES[record["runtime"]].precisions:
        raise ValueError(f"its precision must be one that {record['runtime']} has, it is {record['precision']!r:.80}")
    settings = typed(TRACKERS[record["tracker"]][0], record["settings"])
    architecture = from_json(record["architecture"], source)
    bundle = Bundle(architecture, record["tracker"], settings, {}, record["runtime"], record["precision"])
    ours = {"stride": find_family(architecture.family).output_stride(architecture), "mean": MEAN.tolist(), "std": STD.tolist()}
    if other := [name for name, value in ours.items() if record[name] != value]:
        raise ValueError(f"its {', '.join(other)} must be those that chiptrack uses")
    said = {name: ({n: tuple(s) for n, s in graph["inputs"].items()}, tuple(graph["outputs"])) for name, graph in record["graphs"].items()}
    if said != {spec.name: (dict(spec.inputs), spec.outputs) for spec in bundle.specs}:
        raise ValueError("its graphs must be those of its architecture and settings")
    return bundle, {name: str(graph["file"]) for name, graph in record["graphs"].items()}, dict(record["sha256"])


def _try(bundle: Bundle, loaded: RuntimeGraphs) -> None:
    """Run every graph once, on zeros, to check number and shapes of its outputs.

    Raises:
        ValueError: The outputs of a graph are not those that its architecture and settings imply.
    """
    known: dict[str, tuple[int, ...]] = {}
    for spec in bundle.specs:
        inputs = {name: np.zeros(shape, np.float32) for name, shape in spec.inputs.items()}
        outputs = loaded.run(spec.name, inputs)
        if len(outputs) != len(spec.outputs) or not all(np.asarray(output).ndim >= 2 for output in outputs):
            raise ValueError(f"graph {spec.name} must give {', '.join(spec.outputs)}, it gives {len(outputs)} outputs")
        for name, output in zip(spec.outputs, outputs, strict=True):
            known.setdefault(name, np.asarray(output).shape)
    for spec in bundle.specs:
        for name, shape in spec.inputs.items():
            if known.get(name, shape) != shape:
                raise ValueError(f"{name} must have the shape {shape}, another graph gives {known[name]}")
