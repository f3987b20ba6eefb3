import pytest

from latency_tables.finding import find_device, find_runtime
from latency_tables.programs.programs import PROGRAMS
from latency_tables.transports import TRANSPORTS
from latency_tables.transports.local import Local
from supernet.runtimes import RUNTIMES


@pytest.mark.parametrize("name", ["", "loc", "ftp://x", "ssh:/x"])
def test_what_is_no_device_is_refused_with_the_ways_to_write_one(name):
    with pytest.raises(ValueError, match="device must be local") as error:
        find_device(name)
    assert all(transport.usage in str(error.value) for transport in TRANSPORTS.values())


def test_an_unknown_runtime_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="got 'abacus'") as error:
        find_runtime("abacus")
    assert all(name in str(error.value) for name in (*RUNTIMES, *PROGRAMS))


def test_what_is_known_is_found():
    assert isinstance(find_device("local"), Local)
    assert {name: find_runtime(name) for name in (*RUNTIMES, *PROGRAMS)} == {**RUNTIMES, **PROGRAMS}
