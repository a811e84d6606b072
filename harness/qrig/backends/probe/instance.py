"""One concrete board that a run may use, and what is expected of it."""

from __future__ import annotations

from attrs import frozen

from qrig.boards.lab import LabEntry
from qrig.boards.state_folder import instance_key

DEFAULT_HZ = 4_000_000
"""The clock of the debug port: the fastest of an ST-LINK/V2-1."""


@frozen
class Instance:
    """One board behind a target.

    `name` is for messages, `key` names its lock and its state. `port` is where the firmware is
    reached, None to find it by the probe. `unique_id` is the chip expected there, None for any.
    """

    name: str
    key: str
    probe_id: str
    port: str | None = None
    unique_id: str | None = None
    power_cycle: tuple[str, ...] = ()
    attached: bool = False
    connect_hz: int = DEFAULT_HZ


def instance_of(entry: LabEntry, backend: str) -> Instance:
    """Return the instance that an entry of lab.toml describes."""
    return Instance(
        name=f"{entry.board}@{backend}:{entry.name}",
        key=instance_key(entry.probe),
        probe_id=entry.probe,
        port=entry.port,
        unique_id=entry.unique_id,
        power_cycle=entry.power_cycle,
        attached=entry.attached,
        connect_hz=entry.connect_hz or DEFAULT_HZ,
    )
