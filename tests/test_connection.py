import sys

import pytest

from latency_tables.measuring.connection import Connection
from latency_tables.transports.local import Local


@pytest.mark.parametrize("said", ["Welcome to this board!", "42", "{"])
def test_a_device_that_greets_is_told_to_be_quiet(said):
    local = Local("")
    with Connection(local.open([sys.executable, "-c", f"print({said!r})"]), local) as connection:
        with pytest.raises(
            ConnectionError, match="must answer with JSON objects, it said .*; have the device's login scripts print nothing"
        ):
            connection.info()
