import numpy as np
import pytest
import torch

from benchmarks.learning_curves import curves, snapshot, some_architectures
from benchmarks.record import Record
from supernet.checkpoints import save_supernet
from supernet.families import FAMILIES
from supernet.training.initialise import initialise
from tracking.generated.synthetic import synthetic_sequence
from tracking.sequence import save_sequence

NANO = FAMILIES["nano"]


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory):
    """The state of a training after 7 steps, and its checkpoint after 20, with other weights."""
    folder = tmp_path_factory.mktemp("snapshots")
    supernet = NANO.supernet()
    initialise(supernet, 0)
    torch.save({"step": 7, "module": supernet.state_dict(), "optimiser": {}, "settings": {}}, folder / "a.part")
    initialise(supernet, 1)
    save_supernet(folder / "a.safetensors", supernet, {"recipe": {"steps": 20}})
    return [folder / "a.safetensors", folder / "a.part"]


def test_a_snapshot_is_a_checkpoint_or_a_state(snapshots):
    (last, after), (first, before) = (snapshot(path, NANO) for path in snapshots)
    assert (first, last) == (7, 20)
    arch = NANO.space.sample(np.random.default_rng(0))
    one, other = (each.extract(arch).state_dict() for each in (before, after))
    assert any(not torch.equal(one[name], other[name]) for name in one)
    for path in snapshots:
        with pytest.raises(ValueError, match="elastic.*leave it out or give --family"):
            snapshot(path, FAMILIES["elastic"])


def test_architectures_span_the_family():
    macs = [NANO.counts(arch, "search").macs for arch in some_architectures(NANO, 4)]
    assert macs == sorted(macs) and len(set(macs)) == 4 and macs[-1] > 10 * macs[0]


def test_every_architecture_is_measured_once_at_every_snapshot(snapshots, tmp_path):
    for number in (1, 2):
        save_sequence(synthetic_sequence(number, frames=3), tmp_path / f"films/{number}")
    data = f"folder:{tmp_path / 'films'}"
    record = Record(tmp_path / "x.json", "learning_curves.py", {})
    rows = curves(snapshots, NANO, record, 32, 1, data, 1, tmp_path / "films")
    assert [row["step"] for row in rows] == [7, 20] and rows[0]["macs"] == rows[1]["macs"] and rows[0]["loss"] != rows[1]["loss"]
    for row in rows:
        assert 0 <= row["iou"] <= 1 and 0 <= row["ao_generated"] <= 1 and set(row["each_real"]) == {"1", "2"}
        assert row["ao_real"] == np.mean(list(row["each_real"].values()))
    before = (tmp_path / "x.json").stat().st_mtime_ns
    again = curves(snapshots, NANO, Record(tmp_path / "x.json", "learning_curves.py", {}), 32, 1, data, 1, tmp_path / "films")
    assert again == rows and (tmp_path / "x.json").stat().st_mtime_ns == before
