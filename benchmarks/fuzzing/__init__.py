"""What `benchmarks.fuzz` and tests/test_hostile_files.py share: the readers, valid inputs of theirs, and how these are spoiled."""

from benchmarks.fuzzing import benchmark_files, latency_files, network_files, predictor_files, search_files, tracking_files

READERS = (
    *tracking_files.READERS,
    *benchmark_files.READERS,
    *network_files.READERS,
    *latency_files.READERS,
    *predictor_files.READERS,
    *search_files.READERS,
)
"""Every reader of chiptrack."""
