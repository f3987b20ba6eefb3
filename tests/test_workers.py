"""What every kind of workers must do, on real processes and a real Ray; and what a Ray with devices adds."""

import os
import signal
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from search.judging.judge import Job, Outcome
from search.workers import WORKERS
from search.workers.workers import JobFailed

PLACES = {"local": "{}", "ray": "//{}@auto"}
DEVICES = ("adb://1", "adb://2")


@pytest.fixture(scope="module")
def cluster(ray_lock):
    """A Ray with room for four actors and two devices, which stands for a cluster that this process has joined."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_TOKEN", os.urandom(32).hex())  # else Ray would write one into the home folder
        patch.delenv("RAY_AUTH_MODE", raising=False)  # set by `init`
        ray = pytest.importorskip("ray", reason="Ray is not installed; pip install 'chiptrack[cluster]'")
        with ray_lock:
            ray.init(
                "local",
                num_cpus=4,
                resources={f"device:{device}": 1 for device in DEVICES},
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
                object_store_memory=80 * 2**20,
                _temp_dir=folder,
                _node_ip_address="127.0.0.1",
            )
        yield
        ray.shutdown()


@pytest.fixture(params=[pytest.param(kind, marks=pytest.mark.slow if kind == "ray" else ()) for kind in WORKERS])
def start(request):
    """Starts a number of workers of each kind in turn."""
    if request.param == "ray":
        request.getfixturevalue("cluster")
    opened = []

    def open_workers(count, make):
        opened.append(WORKERS[request.param](PLACES[request.param].format(count), make))
        return opened[-1]

    yield open_workers
    for workers in opened:
        workers.close()


def job(first: int, sequences: int = 1) -> Job:
    from supernet.families import FAMILIES  # not above: who measures on a device imports this file, and torch takes seconds

    return Job(FAMILIES["nano"].space.sample(np.random.default_rng(0)), range(first, first + sequences))


def slow_judge(folder: Path):
    """Writes its process id into a file named after the first sequence, takes a tenth of a second for each, and answers with both."""

    def judge(task: Job) -> Outcome:
        import torch

        from tracking.images import cv2

        with (folder / str(task.sequences.start)).open("a") as begun:
            begun.write(f"{os.getpid()}\n")
        time.sleep(len(task.sequences) / 10)
        return Outcome({"ao": (task.sequences.start, os.getpid()), "auc": (torch.get_num_threads(), cv2.getNumThreads())}, 0.0)

    return judge


def failing_judge():
    def judge(task: Job) -> Outcome:
        if task.sequences.start == 13:
            raise ArithmeticError("unlucky")
        if task.sequences.start == 666:
            os.kill(os.getpid(), signal.SIGKILL)
        return Outcome({"ao": (0.5,)}, 0.0)

    return judge


def broken_judge():
    raise FileNotFoundError("no supernet")


def stillborn_judge():
    os.kill(os.getpid(), signal.SIGKILL)


def begun(folder: Path, first: int) -> list[int]:
    """The processes that have begun a job; waits for the first."""
    until = time.monotonic() + 30
    while not (folder / str(first)).is_file() or not (folder / str(first)).read_text().endswith("\n"):
        assert time.monotonic() < until
        time.sleep(0.01)
    return [int(line) for line in (folder / str(first)).read_text().split()]


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:1]
    except OSError:
        return False


def test_a_killed_worker_is_replaced_and_no_job_lost_or_doubled(start, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # workers read paths as we do
    workers = start(2, partial(slow_judge, Path()))
    assert workers.count == 2
    for number, sequences in enumerate((1, 15, 1, 1)):
        workers.submit(number, job(number, sequences))
    results = [workers.next()]
    workers.submit(4, job(4))  # whoever has just finished takes another job
    (victim,) = begun(tmp_path, 1)
    os.kill(victim, signal.SIGKILL)
    results += [workers.next() for _ in range(4)]
    assert sorted(number for number, _ in results) == [0, 1, 2, 3, 4]
    assert all(outcome.scores["ao"][0] == number for number, outcome in results)
    assert dict(results)[1].scores["ao"][1] != victim
    assert [len(begun(tmp_path, number)) for number in range(5)] == [1, 2, 1, 1, 1]
    assert {outcome.scores["auc"] for _, outcome in results} == {(1, 1)}  # threads of torch and OpenCV
    pids = {outcome.scores["ao"][1] for _, outcome in results}
    workers.close()
    until = time.monotonic() + 10
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_errors_and_deadly_jobs_are_answers(start):
    workers = start(1, failing_judge)
    for number, first in enumerate((13, 666, 1)):
        workers.submit(number, job(first))
    (_, raised), (_, deadly), (_, outcome) = results = [workers.next() for _ in range(3)]
    assert [number for number, _ in results] == [0, 1, 2]
    assert isinstance(raised, JobFailed) and str(raised) == "ArithmeticError: unlucky"
    assert (
        isinstance(deadly, JobFailed)
        and str(deadly).startswith(f"3 workers were killed by {job(0).architecture.name} (")
        and "\n" not in str(deadly)
    )
    assert outcome == Outcome({"ao": (0.5,)}, 0.0)


def test_a_long_error_is_cut_to_one_short_line():
    told = str(JobFailed.of(ValueError("first\n" + "and on " * 200)))
    assert told.startswith("ValueError: first and on and on") and len(told) == 300


def test_workers_that_cannot_start_say_why(start):
    workers = start(1, broken_judge)
    workers.submit(0, job(0))
    with pytest.raises(ChildProcessError, match="FileNotFoundError: no supernet"):
        workers.next()


def test_workers_that_die_before_they_are_ready_are_not_started_for_ever():
    workers = WORKERS["local"]("1", stillborn_judge)
    workers.submit(0, job(0))
    with pytest.raises(ChildProcessError, match="before they are ready .exit status -9."):
        workers.next()
    workers.close()


def test_a_device_that_no_worker_holds_is_reached_from_here(start):
    assert start(1, failing_judge).on_device("local", os.getpid) == os.getpid()


@pytest.mark.parametrize("kind", WORKERS)
@pytest.mark.parametrize("place", ["", "0", "-1", "many", "//", "//0@local", "//2@", "//host", "//local:2", "//auto/gpu=0", "//auto/gpu=2"])
def test_nonsense_places_are_refused(kind, place):
    with pytest.raises(ValueError, match="got"):
        WORKERS[kind](place, failing_judge)


@pytest.mark.parametrize("place, room", [("//5@auto", "a CPU: 5 do not fit"), ("//auto/gpu=0.5", "a CPU and 0.5 of a GPU: 0 do not fit")])
def test_more_actors_than_there_is_room_for_are_refused(cluster, place, room):
    with pytest.raises(ValueError, match=room):
        WORKERS["ray"](place, failing_judge)


def times(seconds: float) -> tuple[int, float, float]:
    """Where and when this measurement ran."""
    began = time.monotonic()
    time.sleep(seconds)
    return os.getpid(), began, time.monotonic()


def meet(folder: Path, mine: str, other: str) -> bool:
    """Whether the other measurement runs at the same time."""
    (folder / mine).touch()
    until = time.monotonic() + 20
    while not (folder / other).exists() and time.monotonic() < until:
        time.sleep(0.01)
    return (folder / other).exists()


def refuse():
    raise ValueError("the device is asleep")


def at_once(workers, *measurements):
    """Results of measurements that are asked for at the same time, in their order."""
    results = {}
    threads = [
        threading.Thread(target=lambda n=n, each=each: results.setdefault(n, workers.on_device(*each)))
        for n, each in enumerate(measurements)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[n] for n in range(len(measurements))]


def test_a_device_of_the_cluster_is_measured_by_one_at_a_time(cluster, tmp_path):
    workers = WORKERS["ray"]("//1@auto", failing_judge)
    first, second = sorted(at_once(workers, *[(DEVICES[0], partial(times, 0.3))] * 2), key=lambda result: result[1])
    assert first[2] <= second[1]
    assert os.getpid() not in (first[0], second[0])
    assert at_once(workers, (DEVICES[0], partial(meet, tmp_path, "a", "b")), (DEVICES[1], partial(meet, tmp_path, "b", "a"))) == [
        True,
        True,
    ]
    with pytest.raises(ValueError, match="^the device is asleep$"):
        workers.on_device(DEVICES[0], refuse)
    workers.close()
