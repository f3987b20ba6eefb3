"""Fixtures shared by all tests."""

import os
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import hypothesis
import numpy as np
import pytest
import torch
from filelock import FileLock

torch.set_num_threads(1)
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)  # the first example may import NNI, which takes seconds
hypothesis.settings.load_profile("repeatable")

from supernet.families import FAMILIES  # noqa: E402

pytest_plugins = ["tests.conftest_devices", "tests.conftest_database"]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Reference outputs, weights and sequences; parity tests are skipped where they are absent."""
    folder = Path(os.environ.get("CHIPTRACK_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"reference data not found at {folder}; set CHIPTRACK_SHARED")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """Agents of this process keep to themselves: another's measurement, or a real one, does not refuse them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(params=list(FAMILIES))
def family(request):
    """Each family in turn."""
    return FAMILIES[request.param]


@pytest.fixture(scope="session")
def ray_lock(tmp_path_factory):
    """To be held while a Ray starts: two that start at once, in two test processes, may take each other's ports."""
    return FileLock(tmp_path_factory.getbasetemp().parent / "ray.lock")


@pytest.fixture
def rng():
    return np.random.default_rng(0)
