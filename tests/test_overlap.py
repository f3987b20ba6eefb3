import numpy as np
import pytest

from benchmarks.overlap import ao_figures, generated_clips, real_sequences
from supernet.checkpoints import TrackerCheckpoint
from supernet.deploy.torch_graphs import TorchGraphs
from supernet.families import FAMILIES
from supernet.training.initialise import initialise
from tests.drawn_material import draw_material
from tracking.benchmarks.one_pass import score
from tracking.generated.synthetic import synthetic_sequence
from tracking.lockstep import track_lockstep
from tracking.sequence import save_sequence
from tracking.trackers.siamese import Siamese


@pytest.fixture(scope="module")
def checkpoint():
    """A network of elastic with random weights, at sizes of its own."""
    family = FAMILIES["elastic"]
    arch = family.space.sample(np.random.default_rng(0))
    network = family.network(arch).eval()
    initialise(network, 0)
    return TrackerCheckpoint(network, arch, family.tracker, family.settings_of(arch))


def test_the_overlap_is_that_of_a_plain_one_pass_evaluation(checkpoint, tmp_path):
    for number, frames in ((1, 3), (2, 4)):
        save_sequence(synthetic_sequence(number, frames=frames), tmp_path / f"films/{number}")
    clips, films = generated_clips(2, 3), real_sequences(tmp_path / "films")
    found = ao_figures(checkpoint, clips, films)
    graphs = TorchGraphs(checkpoint.network, FAMILIES["elastic"].graphs(checkpoint.architecture, checkpoint.settings))
    slow = Siamese(graphs, checkpoint.settings)
    each = [score(track_lockstep(slow, [one])[0], one.boxes).ao for one in (*clips, *films)]
    assert found["ao_generated"] == pytest.approx(np.mean(each[:2]), abs=0.01)
    assert found["each_real"] == pytest.approx(dict(zip(("1", "2"), each[2:], strict=True)), abs=0.01)
    assert found["ao_real"] == pytest.approx(np.mean(each[2:]), abs=0.01)


def test_without_real_sequences_there_is_no_figure(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("CHIPTRACK_SHARED", str(tmp_path))
    assert real_sequences(None) == []
    found = ao_figures(checkpoint, generated_clips(1, 2), [])
    assert found["ao_real"] is None and found["each_real"] == {}


def test_clips_show_the_material(tmp_path):
    shown, bare, other = (generated_clips(1, 2, data)[0] for data in (f"synthetic:{draw_material(tmp_path)}", "synthetic", "otb:/nowhere"))
    assert not np.array_equal(shown.image(0), bare.image(0)) and np.array_equal(other.image(0), bare.image(0))
