"""The transport to an Android device through the plain `adb` program, over USB or the network."""

from __future__ import annotations

import re
from typing import ClassVar

from latency_tables.transports.local import finish
from latency_tables.transports.shell import Shell

# a serial that adb cannot take for an option, nor a shell for more than one word
_SERIAL = re.compile(r"[\w\[][\w.:\[\]-]*", re.ASCII)


class Adb(Shell):
    """An Android device, version 7 or newer, with USB or wireless debugging switched on."""

    usage: ClassVar[str] = "adb://serial"
    folder: ClassVar[str] = "/data/local/tmp/chiptrack"
    program: ClassVar[str] = "adb"
    install: ClassVar[str] = "apt install adb, or put the folder of Android's platform-tools on PATH"

    def __init__(self, address: str):
        if not _SERIAL.fullmatch(address):
            raise ValueError(f"device adb://{address} must be written {self.usage}, with a serial that `adb devices` lists")
        self._serial = address
        super().__init__(f"adb://{address}", ["-s", address, "shell", "-T"])

    def lost(self, status: int) -> bool:
        # adb's exit status does not tell: 0, 1 and 255 all occur when the connection breaks
        return finish(["adb", "-s", self._serial, "get-state"], timeout_s=15).out.strip() != b"device"

    def way_out(self, said: str) -> str:
        if "unauthorized" in said:
            return "accept this computer's key on the device's screen"
        connect = f"`adb connect {self._serial}`" if ":" in self._serial else "`adb devices`"
        return f"check cable, debugging and {connect}"
