"""Milliseconds per frame of tracking: exported graphs in ONNX Runtime against eager torch, and the time spent outside the network.

Both loops run in one process with one thread each, in turns of 20 frames, so that the load of the machine affects both alike. Reading and
decoding the images is timed separately, since it belongs to the camera or the file. With --shared the real LightTrack-Mobile weights and
a real sequence are used, otherwise random weights of the same architecture and a generated sequence.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from supernet.catalogue import find_architecture
from supernet.checkpoints import TrackerCheckpoint
from supernet.deploy.bundle import load_bundle
from supernet.deploy.export import write_bundle
from supernet.deploy.torch_graphs import TorchGraphs
from supernet.families import FAMILIES
from supernet.import_weights import read_state_dict
from tracking.generated.synthetic import synthetic_sequence
from tracking.images import cv2
from tracking.sequence import Sequence, load_sequence
from tracking.trackers import TRACKERS

torch.set_num_threads(1)
cv2.setNumThreads(1)


class Timed:
    """A network that adds up the seconds spent in it."""

    def __init__(self, network):
        self.network, self.seconds = network, 0.0

    def run(self, graph, inputs):
        start = time.perf_counter()
        outputs = self.network.run(graph, inputs)
        self.seconds += time.perf_counter() - start
        return outputs


def checkpoint(shared: Path | None) -> TrackerCheckpoint:
    """Return LightTrack-Mobile with the weights in the shared folder, or with random ones if there is none."""
    arch = find_architecture("lighttrack-mobile")
    family = FAMILIES[arch.family]
    torch.manual_seed(0)
    if shared is None:
        return TrackerCheckpoint(family.network(arch).eval(), arch, family.tracker, family.settings_of(arch))
    path = shared / "weights/lighttrack_mobile.pth"
    network, settings = family.import_weights(arch, read_state_dict(path), str(path))
    return TrackerCheckpoint(network.eval(), arch, family.tracker, settings)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, help="folder with weights/ and sequences/")
    parser.add_argument("--sequence", default="otb_Car1")
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()

    tracked = checkpoint(given.shared)
    sequence: Sequence = load_sequence(given.shared / "sequences" / given.sequence) if given.shared else synthetic_sequence(1, given.frames)
    count = min(given.frames, len(sequence))
    start = time.perf_counter()
    images = [sequence.image(t) for t in range(count)]
    reading = (time.perf_counter() - start) / count
    with TemporaryDirectory() as folder:
        write_bundle(tracked, Path(folder) / "bundle")
        bundle, graphs = load_bundle(Path(folder) / "bundle")
    networks = {"onnx": Timed(graphs), "torch": Timed(TorchGraphs(tracked.network, bundle.specs))}
    procedures = {name: TRACKERS[bundle.tracker][1](network, bundle.settings) for name, network in networks.items()}
    frames: dict[str, list[float]] = {name: [] for name in procedures}
    states = {name: procedure.start(images[:1], sequence.boxes[:1]) for name, procedure in procedures.items()}
    for name, procedure in procedures.items():
        procedure.step(images[1:2], states[name])
    for network in networks.values():
        network.seconds = 0.0
    for first in range(1, count, 20):
        for name, procedure in procedures.items():
            for image in images[first : first + 20]:
                start = time.perf_counter()
                states[name], _, _ = procedure.step([image], states[name])
                frames[name].append(time.perf_counter() - start)
    rows = {}
    for name, seconds in frames.items():
        mean, network = float(np.mean(seconds)), networks[name].seconds / len(seconds)
        rows[name] = {
            "ms_per_frame": 1000 * mean,
            "median_ms": 1000 * float(np.median(seconds)),
            "network_ms": 1000 * network,
            "around_percent": 100 * (mean - network) / mean,
        }
    answer = {
        "sequence": sequence.name,
        "frames": count,
        "weights": "real" if given.shared else "random",
        "reading_ms": 1000 * reading,
        "onnx_over_torch": rows["onnx"]["ms_per_frame"] / rows["torch"]["ms_per_frame"],
        **rows,
    }
    if given.json:
        print(json.dumps(answer))
        return
    print(f"{sequence.name}, {count} frames, {answer['weights']} weights; reading an image takes {answer['reading_ms']:.2f} ms more")
    print(f"{'loop':8}{'ms/frame':>10}{'median':>10}{'network':>10}{'around':>10}")
    for name, row in rows.items():
        print(f"{name:8}{row['ms_per_frame']:10.2f}{row['median_ms']:10.2f}{row['network_ms']:10.2f}{row['around_percent']:9.1f}%")
    print(f"onnx / torch: {answer['onnx_over_torch']:.2f} (goal <= 0.60); around the network in the onnx loop: goal <= 15 %")


if __name__ == "__main__":
    main()
