import numpy as np
import pytest

from benchmarks import shipped_weights
from benchmarks.shipped_weights import compared, cut_tracker, pack, provenance
from supernet import shipped
from supernet.checkpoints import load_tracker, read_header, save_supernet
from supernet.deploy.tune import TuningOptions
from supernet.families import FAMILIES
from supernet.training.initialise import initialise
from tests.drawn_material import draw_material

NANO = FAMILIES["nano"]


@pytest.fixture
def trained(tmp_path):
    supernet = NANO.supernet()
    initialise(supernet, 0)
    save_supernet(tmp_path / "trained.safetensors", supernet)
    return tmp_path / "trained.safetensors"


def judged(monkeypatch, *answers):
    """Have the fits be told instead of judged."""
    told = iter(answers)
    rows = [{"architecture": "a", "macs": 1, "fit": 0.5}]
    monkeypatch.setattr(shipped_weights, "fits", lambda *_: [{**row, "fit": next(told)} for row in rows])


def test_what_ships_is_small_and_says_where_it_comes_from(trained, tmp_path, monkeypatch):
    judged(monkeypatch, 0.5, 0.501)
    material = draw_material(tmp_path)
    notes = provenance({"recipe": {"steps": 9}, "seed": 0, "data": "synthetic:/home/x", "paths": "fair"}, material, 1.5, "c0ffee")
    rows = pack(trained, tmp_path / "data", notes, 32, "synthetic")
    assert rows == [{"architecture": "a", "macs": 1, "before": 0.5, "after": 0.501}]
    kept = read_header(tmp_path / "data" / shipped.SUPERNET.name, "supernet")["notes"]
    assert kept == notes and kept["recipe"] == {"steps": 9} and kept["commit"] == "c0ffee" and kept["hours"] == 1.5
    assert len(kept["material"]) >= 16 and "home" not in kept["data"] and "docs/material.md" in kept["licence"]
    size = (tmp_path / "data" / shipped.SUPERNET.name).stat().st_size
    assert size < 0.6 * trained.stat().st_size
    tracker = NANO.space.sample(np.random.default_rng(0))
    about = cut_tracker(tmp_path / "data", tracker.name, TuningOptions(sequences=1, frames=2, trials=1))
    kept = read_header(tmp_path / "data" / shipped.TRACKER.name, "tracker")["notes"]
    assert kept == {"supernet": notes, "tuned": about}
    assert load_tracker(tmp_path / "data" / shipped.TRACKER.name).architecture == tracker


def test_nothing_is_written_that_is_too_large_or_scores_otherwise(trained, tmp_path, monkeypatch):
    judged(monkeypatch, 0.5, 0.51)
    with pytest.raises(ValueError, match="rounding must keep every fit to 0.002, that of a goes from 0.5000 to 0.5100"):
        pack(trained, tmp_path / "data", {}, 32, "synthetic")
    monkeypatch.setattr(shipped_weights, "MOST_BYTES", 1000)
    with pytest.raises(ValueError, match="must have at most"):
        pack(trained, tmp_path / "data", {}, 32, "synthetic")
    assert not (tmp_path / "data").exists()


def test_fits_are_compared_one_by_one():
    before = [{"architecture": name, "macs": 1, "fit": fit} for name, fit in (("a", 0.5), ("b", 0.6))]
    after = [{**row, "fit": row["fit"] + 0.001} for row in before]
    assert [row["after"] - row["before"] for row in compared(before, after)] == pytest.approx([0.001, 0.001])


def test_fits_are_those_of_the_judge(trained):
    rows = shipped_weights.fits(trained, 32, "synthetic", 1)
    assert len(rows) == 1 and 0 < rows[0]["fit"] < 1
