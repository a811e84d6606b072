"""What a firmware says of itself when a session opens."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntFlag

from attrs import field, frozen

from qrig.errors import LinkError, ProtocolMismatchError

PROTOCOL_MAJOR = 1
"""The major version of the protocol this harness speaks; another one cannot be talked to."""

_OFFSET_BYTES = 4
_MAX_SIZE = 0xFFFF - 1  # a frame's payload, without the status byte


class Capability(IntFlag):
    """What a firmware can do beyond the protocol's core, bit by bit."""

    PAUSE = 1 << 0
    STAGE_CRC = 1 << 1
    COUNTER = 1 << 2
    RESET = 1 << 3
    LOG = 1 << 4
    KERNELS = 1 << 5
    RUNTIME = 1 << 6
    BAUD = 1 << 7
    IMAGE = 1 << 8
    WINDOWS = 1 << 9


@frozen
class Banner:
    """The firmware's own description.

    `counter` is what its counter counts: "cycles", "ticks" or "none"; `max_write` and `max_read`
    are the largest payloads in bytes; `arena_bytes` is the memory for tensors of a firmware that
    calls kernels, zero in others. A board adds what it knows of itself: `unique_id` is its chip's
    own number in hex digits, `reset` what it started from, `clock` the oscillator it runs by,
    `debugger` whether one is attached.
    """

    protocol: tuple[int, int]
    capabilities: Capability
    board: str
    core: str
    build: str
    network: str
    clock_hz: int
    counter: str
    max_write: int
    max_read: int
    stages: int
    text: str = field(repr=False)
    arena_bytes: int = 0
    unique_id: str | None = None
    reset: str | None = None
    clock: str | None = None
    debugger: bool = False


def parse_banner(payload: bytes) -> Banner:
    """Read a banner: UTF-8 lines `key=value`; keys we do not know are left alone.

    Raises ProtocolMismatchError for another major version and LinkError if it is no banner.
    """
    text = payload.decode("utf-8", "replace")
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    protocol = _protocol(values, text)
    try:
        banner = Banner(
            protocol=protocol,
            capabilities=Capability(int(values["capabilities"], 16)),
            board=values["board"],
            core=values["core"],
            build=values["build"],
            network=values["network"],
            clock_hz=int(values["clock_hz"]),
            counter=values["counter"],
            max_write=int(values["max_write"]),
            max_read=int(values["max_read"]),
            stages=int(values["stages"]),
            text=text,
            arena_bytes=int(values.get("arena", "0")),
            unique_id=values.get("unique_id"),
            reset=values.get("reset"),
            clock=values.get("clock"),
            debugger=values.get("debugger") == "1",
        )
    except (KeyError, ValueError) as error:
        raise ProtocolMismatchError(
            f"expected a complete banner of protocol {PROTOCOL_MAJOR}, found one without "
            f"{error}; reflash the board"
        ) from error
    sizes = (banner.max_write - _OFFSET_BYTES, banner.max_read, banner.stages)
    if not all(0 < size <= _MAX_SIZE for size in sizes):
        raise ProtocolMismatchError(
            f"expected max_write, max_read and stages that can be used, found {banner.max_write}, "
            f"{banner.max_read} and {banner.stages}; reflash the board"
        )
    return banner


def _protocol(values: Mapping[str, str], text: str) -> tuple[int, int]:
    """Return the version of a protocol that this harness speaks."""
    try:
        major, minor = (int(part) for part in values["protocol"].split("."))
    except (KeyError, ValueError) as error:
        raise LinkError(
            f"expected the firmware's banner, found {text[:80]!r}; flash qrig's firmware"
        ) from error
    if major != PROTOCOL_MAJOR:
        raise ProtocolMismatchError(
            f"expected a firmware that speaks protocol {PROTOCOL_MAJOR}, found {major}.{minor}; "
            "reflash the board"
        )
    return major, minor
