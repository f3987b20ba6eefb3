"""A Ray of our own, and what is said where there is none."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from search.workers import WORKERS
from search.workers.ray import RayAddress, RayWorkers

ROOT = Path(__file__).parents[1]
AGENTS = {"ray::DashboardAgent", "ray::RuntimeEnvAgent"}  # of Ray; they look for its head for a minute before they end
DRIVER = """
import os
import numpy as np
from search.judging.judge import Job, Outcome
from search.workers.ray import ray_workers
from tests.test_workers_ray import telling_judge
from supernet.families import FAMILIES
workers = ray_workers("//1@local", telling_judge)
job = Job(FAMILIES["nano"].space.sample(np.random.default_rng(0)), range(1))
for number in range(2):
    workers.submit(number, job)
_, first = workers.next()
workers.submit(2, job)
try:
    print(workers._scratch, *first.scores["ao"], flush=True)
    workers.next()
except KeyboardInterrupt:
    print("interrupted", flush=True)
print(*workers.next()[1].scores["ao"], flush=True)
workers.submit(3, job)
while True:
    workers.next()
"""


def telling_judge():
    """Answers with its process id and the environment's number of threads; every second job takes a second."""
    from search.judging.judge import Outcome

    answered = []

    def judge(job):
        time.sleep(len(answered) % 2)
        answered.append(job)
        return Outcome({"ao": (os.getpid(), os.environ["OMP_NUM_THREADS"])}, 0.0)

    return judge


def no_judge():
    raise AssertionError("no worker is started")


def session(leader: int) -> dict[int, str]:
    """What runs in the session of a process, by process id."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, sid = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(sid) == leader and state != "Z":
                found[int(folder.name)] = (folder / "cmdline").read_text().strip("\0 ")
        except OSError:  # it has ended meanwhile
            pass
    return found


@pytest.mark.slow
def test_actors_live_through_ctrl_c_and_end_with_a_killed_driver(ray_lock):
    pytest.importorskip("ray", reason="Ray is not installed; pip install 'chiptrack[cluster]'")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAY_AUTH_TOKEN": os.urandom(32).hex()}
    environment.pop("OMP_NUM_THREADS")
    command = [sys.executable, "-W", "error", "-c", DRIVER]
    with (
        ray_lock,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
        ) as driver,
    ):
        assert driver.stdout and driver.stderr
        try:
            scratch, actor, threads = driver.stdout.readline().split() or [driver.stderr.read()]
            assert int(actor) in session(driver.pid) and threads == "1"
            os.killpg(driver.pid, signal.SIGINT)  # as a terminal does
            assert driver.stdout.readline() == "interrupted\n"
            assert driver.stdout.readline().split() == [actor, "1"]
        finally:
            driver.kill()
        assert driver.stderr.read() == ""
    until = time.monotonic() + 15
    while set(session(driver.pid).values()) - AGENTS:
        assert time.monotonic() < until, f"still there: {session(driver.pid)}"
        time.sleep(0.05)
    for agent in session(driver.pid):
        os.kill(agent, signal.SIGKILL)
    shutil.rmtree(scratch)


ORPHANED = """
import os, signal
from pathlib import Path
import numpy as np
import search.workers.ray as module
from search.judging.judge import Job
from tests.test_workers_ray import session, telling_judge
from supernet.families import FAMILIES
module._LOOK_S = 1
workers = module.ray_workers("//1@local", telling_judge)
job = Job(FAMILIES["nano"].space.sample(np.random.default_rng(0)), range(1))
workers.submit(0, job)
workers.next()
workers.submit(1, job)
for pid, command in session(os.getsid(0)).items():
    if pid != os.getpid() and ("raylet/raylet" in command or "ray::Bench" in command):
        os.kill(pid, signal.SIGKILL)
try:
    workers.next()
except ConnectionError as err:
    print(err)
workers.close()
"""


@pytest.mark.slow
def test_actors_whose_ray_is_killed_with_them_are_not_waited_for(ray_lock):
    pytest.importorskip("ray", reason="Ray is not installed; pip install 'chiptrack[cluster]'")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAY_AUTH_TOKEN": os.urandom(32).hex()}
    command = [sys.executable, "-c", ORPHANED]
    with ray_lock:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=180, start_new_session=True)
    assert done.stdout == "Ray must run as long as the search, on this node it has ended; the same command with --resume goes on\n"


@pytest.mark.parametrize("alive", [True, False])
def test_a_ray_that_has_ended_on_this_node_is_noticed_while_actors_are_waited_for(monkeypatch, alive):
    ready = [[], [7]]
    ray = SimpleNamespace(
        wait=lambda answers, num_returns, timeout: (ready.pop(0), answers),
        nodes=lambda: [{"NodeID": "here", "Alive": alive}, {"NodeID": "there", "Alive": True}],
        get_runtime_context=lambda: SimpleNamespace(get_node_id=lambda: "here"),
    )
    monkeypatch.setitem(sys.modules, "ray", ray)
    workers, actors = RayWorkers.__new__(RayWorkers), [SimpleNamespace(answer=6), SimpleNamespace(answer=7)]
    if alive:
        assert workers._first_ready(actors) is actors[1]  # pyright: ignore[reportArgumentType]
    else:
        with pytest.raises(ConnectionError, match="on this node it has ended; the same command with --resume goes on"):
            workers._first_ready(actors)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "address, read",
    [
        ("//local", RayAddress("local", None, 0)),
        ("//4@auto", RayAddress("auto", 4, 0)),
        ("//head.lan:10001", RayAddress("head.lan:10001", None, 0)),
        ("//16@10.0.0.7:10001/gpu=0.25", RayAddress("10.0.0.7:10001", 16, 0.25)),
        ("//auto/gpu", RayAddress("auto", None, 1)),
    ],
)
def test_addresses(address, read):
    assert RayAddress.parse(address) == read


@pytest.mark.parametrize("auto", [False, True])
def test_a_cluster_that_does_not_answer_is_named_at_once(auto, monkeypatch):
    pytest.importorskip("ray", reason="Ray is not installed; pip install 'chiptrack[cluster]'")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # nobody listens
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        place = "auto" if auto else address
        began = time.monotonic()
        with pytest.raises(ConnectionError, match=f"^no Ray answers at ray://{place} .*refused.*ray start --head") as raised:
            WORKERS["ray"](f"//2@{place}", no_judge)
    assert time.monotonic() - began < 10 and "\n" not in str(raised.value)


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"pip install 'chiptrack\[cluster\]'"):
        WORKERS["ray"]("//local", no_judge)
