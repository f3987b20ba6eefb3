"""What a latency table is valid for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class Profile:
    """Everything that a latency depends on apart from the network; the key of a table."""

    family: str
    device: str
    runtime: str
    runtime_version: str
    threads: int
    precision: str
    cores: str
    """Cores that the process was kept on, such as `4-7`; empty for any."""
    clock: str
    """What ranks networks: `cpu` for one thread of a processor, which other programs disturb least, else `wall`."""
    chip: str
    os: str

    @property
    def fingerprint(self) -> str:
        """12 hexadecimal digits of the content."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]

    def differences(self, other: Profile) -> dict[str, list]:
        """The fields in which another profile differs: both values."""
        return {name: [value, getattr(other, name)] for name, value in asdict(self).items() if getattr(other, name) != value}

    def to_json(self) -> dict:
        """All fields and the fingerprint."""
        return {**asdict(self), "fingerprint": self.fingerprint}

    @classmethod
    def from_json(cls, record: dict) -> Profile:
        """Read what `to_json` wrote.

        Raises:
            ValueError: A field is missing, or the fingerprint is not that of the fields.
        """
        missing = [field.name for field in fields(cls) if field.name not in record]
        if missing:
            raise ValueError(f"a profile needs the fields {', '.join(missing)}; measure the table again")
        profile = cls(**{field.name: record[field.name] for field in fields(cls)})
        if record.get("fingerprint") != profile.fingerprint:
            raise ValueError(
                f"fingerprint of the profile must be {profile.fingerprint}, got {record.get('fingerprint')!r}; measure the table again"
            )
        return profile
