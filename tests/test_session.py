"""A session over connections that exist on paper and are lost when the test says so."""

import pytest

from latency_tables.measuring import session as module
from latency_tables.measuring.connection import AgentDied, AgentError
from latency_tables.measuring.session import Session, Unsupported
from latency_tables.transports.transport import DeviceLost
from supernet.deploy.model import Model

INFO = {"version": "1", "chip": "paper", "os": "none"}
LOST, DIED, BUSY = DeviceLost("it is gone"), AgentDied("it ended"), AgentError("info", "another is at work", "busy")
FULL = AgentError("info", "no space", "folder")


class Runtime:
    def prepare(self, model):
        return model.name.encode()


class Device:
    """Hands out connections, of which one may be open at a time; each request meets the next of the faults listed for its kind."""

    def __init__(self, **faults):
        self.faults = faults
        self.open = 0
        self.asked: list[str] = []

    def connect(self):
        self._meet("connect")
        assert not self.open, "a connection was left open"
        self.open += 1
        return Paper(self)

    def _meet(self, kind):
        self.asked.append(kind)
        fault = next(iter(self.faults.get(kind, ())), None)
        self.faults[kind] = self.faults.get(kind, ())[1:]
        if isinstance(fault, Exception):
            raise fault
        return fault


class Paper:
    def __init__(self, device):
        self.device = device
        self.closed = False

    def close(self):
        self.device.open -= not self.closed
        self.closed = True

    def info(self):
        return self.device._meet("info") or INFO

    def introduce(self, name, sha256, shapes):
        return False

    def store(self, prepared):
        self.device._meet("store")

    def load(self, name):
        self.device._meet("load")
        return 1.0

    def readings(self):
        self.device._meet("readings")
        return {"mhz": 1.0}


@pytest.fixture
def opened(monkeypatch):
    monkeypatch.setattr(module, "_RETRY_S", 0.001)
    monkeypatch.setattr(module, "say", lambda text: None)

    def open_session(device, wait_s=5.0):
        models = {name: Model(name, lambda: None, {"input": (1,)}, ("output",)) for name in "ab"}  # pyright: ignore[reportArgumentType]
        return Session("paper", device.connect, Runtime(), models, wait_s)  # pyright: ignore[reportArgumentType]

    return open_session


@pytest.mark.parametrize(
    "faults",
    [
        {"load": (LOST,)},
        {"load": (DIED, DIED)},
        {"load": (LOST,), "connect": (None, LOST, BUSY, LOST)},
        {"load": (LOST,), "info": (None, LOST, DIED, BUSY)},  # it answers no more when it has just been reached
        {"load": (DIED,), "info": (None, DIED, DIED, DIED, DIED)},  # an agent that cannot start says nothing about the model
        {"store": (LOST, DIED)},
    ],
    ids=str,
)
def test_what_is_lost_is_set_up_again(opened, faults):
    device = Device(**faults)
    with opened(device) as session:
        assert session.load("a") == 1.0
        assert device.open == 1
    assert device.open == 0
    assert device.asked.count("load") == 1 + len(faults.get("load", ()))


def test_a_device_lost_while_it_is_read_is_waited_for(opened):
    with opened(Device(readings=(LOST, DIED))) as session:
        assert session.readings() == session.readings() == {}
        assert session.readings() == {"mhz": 1.0}


def test_a_model_that_kills_every_agent_is_unsupported_and_the_next_one_runs(opened):
    with opened(Device(load=(DIED, DIED, DIED))) as session:
        with pytest.raises(Unsupported, match="crashed 3 times"):
            session.load("a")
        assert session.load("b") == 1.0


@pytest.mark.parametrize(
    "faults, wait_s, said",
    [
        ({"load": (DIED,), "info": (None, DIED)}, 0, "must come back within 0 minutes.* --resume"),
        ({"load": (DIED,), "info": (None, FULL)}, 5, "no space; make room or rights there"),
        ({"load": (LOST,), "info": (None, {**INFO, "chip": "stone"})}, 5, "must be the same"),
        ({"info": (LOST,)}, 5, "it is gone"),
        ({"info": (DIED,)}, 5, "name it with --python"),
        ({"info": (BUSY,)}, 5, "wait until it has ended"),
    ],
    ids=str,
)
def test_what_cannot_go_on_is_told_and_nothing_stays_open(opened, faults, wait_s, said):
    device = Device(**faults)
    with pytest.raises(ConnectionError, match=said):
        with opened(device, wait_s) as session:
            session.load("a")
    assert device.open == 0


def test_a_crash_is_no_end_where_nobody_waits(opened):
    with opened(Device(load=(DIED,)), wait_s=0) as session:
        assert session.load("a") == 1.0
