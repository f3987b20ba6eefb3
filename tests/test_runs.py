from dataclasses import replace

import numpy as np
import pytest

from tracking.files.runs import Run, finished, load_run, save_run


def run(name):
    return Run(name, np.array([[1, 2, 3, 4], [5, 6, 7, 8.5]]), np.array([1, 0.25]), np.array([0.1, 0.002]))


def test_round_trip(tmp_path):
    save_run(run("a"), tmp_path / "results")
    back = load_run(tmp_path / "results", "a")
    for field in ("boxes", "scores", "seconds"):
        np.testing.assert_allclose(getattr(back, field), getattr(run("a"), field))


def test_round_trip_of_states_and_of_reading(tmp_path):
    both = replace(run("a"), reading=np.array([0.25, np.nan]), states=np.array([1, 2], np.int8))
    save_run(both, tmp_path)
    back = load_run(tmp_path, "a")
    assert back.states is not None and back.states.tolist() == [1, 2] and back.states.dtype == np.int8
    np.testing.assert_array_equal(back.reading, both.reading)
    save_run(run("a"), tmp_path)  # which has neither: what lies there is of another run
    assert (load_run(tmp_path, "a").states, load_run(tmp_path, "a").reading) == (None, None)
    (tmp_path / "a_state.txt").write_text("1\n7\n")
    with pytest.raises(ValueError, match="from 0 to 3, .*a_state.txt"):
        load_run(tmp_path, "a")


def test_finished(tmp_path):
    assert finished(tmp_path / "none") == []
    for name in ("s10", "s9", "lap_time"):
        save_run(run(name), tmp_path)
    (tmp_path / "cut_time.txt").write_text("0.1\n")  # interrupted before its boxes were written
    (tmp_path / "cut_score.txt").write_text("0.1\n")
    assert finished(tmp_path) == ["lap_time", "s9", "s10"]


def test_boxes_of_other_people(tmp_path):
    (tmp_path / "a.txt").write_text("1,2,3,4\n")
    back = load_run(tmp_path, "a")
    assert np.isnan(back.seconds).all() and np.isnan(back.scores).all()


def test_refusals(tmp_path):
    with pytest.raises(ValueError, match="2, 1, 2 in a"):
        save_run(Run("a", np.zeros((2, 4)), np.zeros(1), np.zeros(2)), tmp_path)
    save_run(run("a"), tmp_path)
    (tmp_path / "a_time.txt").write_text("0.1\n")
    with pytest.raises(ValueError, match="1 for 2 boxes in .*a_time.txt"):
        load_run(tmp_path, "a")
    (tmp_path / "a_time.txt").write_text("x\n")
    with pytest.raises(ValueError, match=r"a_time\.txt"):
        load_run(tmp_path, "a")
