"""Ways to reach a device, by the first word of its name."""

from latency_tables.transports.local import Local

TRANSPORTS = {"local": Local}
