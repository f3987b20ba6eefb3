"""Ways to reach a device, by the first word of its name."""

from latency_tables.transports.adb import Adb
from latency_tables.transports.local import Local
from latency_tables.transports.ssh import Ssh
from latency_tables.transports.transport import Transport

TRANSPORTS: dict[str, type[Transport]] = {"local": Local, "ssh": Ssh, "adb": Adb}
