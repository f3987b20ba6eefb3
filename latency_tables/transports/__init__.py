"""Transports, the ways to reach a device, by the beginning of the device's name: `local`, `ssh` or `adb`."""

from latency_tables.transports.adb import Adb
from latency_tables.transports.local import Local
from latency_tables.transports.ssh import Ssh
from latency_tables.transports.transport import Transport

TRANSPORTS: dict[str, type[Transport]] = {"local": Local, "ssh": Ssh, "adb": Adb}
