"""The profile of a latency table: device, runtime and settings that its rows are valid for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields

from tracking.files.records import typed


@dataclass(frozen=True)
class Profile:
    """What the latencies of a table are valid for: the family, and everything that a latency depends on apart from the network."""

    family: str
    device: str
    """Name of the device as given to `--device`, e.g. `local`."""
    runtime: str
    runtime_version: str
    threads: int
    """Number of threads that the runtime could use."""
    precision: str
    """Number format that the runtime was asked for, e.g. `fp32`."""
    cores: str
    """Cores that the process was kept on, such as `4-7`; empty for any."""
    clock: str
    """Clock whose times rank networks.

    `cpu` (CPU time of the process) with one thread on a processor, since other programs disturb it least; else `wall`."""
    chip: str
    """Processor of the device, as it calls itself."""
    os: str

    @property
    def fingerprint(self) -> str:
        """12 hexadecimal digits of a checksum of all fields."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]

    def differences(self, other: Profile) -> dict[str, list]:
        """Fields in which another profile differs, by name: [value of this one, value of the other]."""
        return {name: [value, getattr(other, name)] for name, value in asdict(self).items() if getattr(other, name) != value}

    def to_json(self) -> dict:
        """All fields and the fingerprint."""
        return {**asdict(self), "fingerprint": self.fingerprint}

    @classmethod
    def from_json(cls, record: dict) -> Profile:
        """Read what `to_json` wrote.

        Raises:
            ValueError: A field is missing or of another type, or the fingerprint does not fit the fields.
        """
        if not isinstance(record, dict):
            raise ValueError(f"a profile must be an object, got {record!r:.40}; measure the table again")
        missing = [field.name for field in fields(cls) if field.name not in record]
        if missing:
            raise ValueError(f"a profile needs the fields {', '.join(missing)}; measure the table again")
        kept = {field.name: record[field.name] for field in fields(cls)}
        profile = cls(**kept)
        if record.get("fingerprint") != profile.fingerprint:
            raise ValueError(
                f"fingerprint of the profile must be {profile.fingerprint}, got {record.get('fingerprint')!r:.40}; measure the table again"
            )
        return typed(cls, kept)
