"""Benchmarks: protocols of evaluation, one per file."""

from tracking.benchmarks.benchmark import Benchmark
from tracking.benchmarks.dtb70 import DTB70
from tracking.benchmarks.got10k import GOT_10K
from tracking.benchmarks.lasot import LASOT
from tracking.benchmarks.nfs import NFS
from tracking.benchmarks.one_pass import ONE_PASS
from tracking.benchmarks.otb import OTB
from tracking.benchmarks.trackingnet import TRACKINGNET
from tracking.benchmarks.uav123 import UAV123
from tracking.benchmarks.vot.unsupervised import VOT_UNSUPERVISED
from tracking.benchmarks.vot.vot2016 import VOT2016
from tracking.benchmarks.vot.vot2018 import VOT2018
from tracking.benchmarks.vot.vot2019 import VOT2019

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (VOT2019, VOT2018, VOT2016, VOT_UNSUPERVISED, ONE_PASS, OTB, LASOT, GOT_10K, TRACKINGNET, UAV123, NFS, DTB70)
}
"""Every benchmark by the name that `score --benchmark` takes."""
