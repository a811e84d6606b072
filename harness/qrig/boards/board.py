"""The description of a board and how it is read.

`targets/<board>/board.toml` says everything that is particular to a board: core, memories, UART,
counter, and how each backend reaches it. An unknown key is a mistake, named with its line.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from attrs import field, frozen
from attrs.validators import ge, in_, instance_of, matches_re, optional

from qrig.boards.toml import structure
from qrig.errors import FileFormatError
from qrig.networks.files import read_text

SCHEMA = "qrig-board/1"
"""The `schema` of board.toml."""

CORES = ("cortex-m4", "cortex-m7", "native")
"""The cores firmware is built for."""

_NAME = r"[a-z0-9][a-z0-9._-]*"


@frozen
class Memory:
    """One memory: where it is, its size, and what a read of it costs.

    `wait_states` are those of one access of `width_bits` at the board's clock; `cached` says
    whether the caches of `Silicon` stand before it (tightly coupled memory has none).
    """

    origin: int = field(validator=ge(0))
    size_bytes: int = field(validator=ge(1))
    wait_states: int = field(default=0, validator=ge(0))
    width_bits: int = field(default=32, validator=in_((32, 64, 128, 256)))
    cached: bool = False


@frozen
class Memories:
    """Where code and constants go, and where data goes."""

    code: Memory
    data: Memory


@frozen
class Uart:
    """The UART the link runs over: its registers, speed and receive interrupt."""

    base: int = field(validator=ge(0))
    baud: int = field(validator=ge(300))
    rx_interrupt: int = field(validator=ge(0))


@frozen
class Counter:
    """The counter that times layers: its registers and frequency."""

    base: int = field(validator=ge(0))
    hz: int = field(validator=ge(1))


@frozen
class CacheSize:
    """A cache, set-associative: its size, line and ways."""

    size_bytes: int = field(validator=ge(1))
    line_bytes: int = field(validator=in_((16, 32, 64)))
    ways: int = field(validator=ge(1))

    def __attrs_post_init__(self) -> None:
        """Raise ValueError for a size that lines and ways do not divide."""
        if self.size_bytes % (self.line_bytes * self.ways):
            raise ValueError(
                f"expected a size that {self.ways} ways of {self.line_bytes}-byte lines divide, "
                f"found {self.size_bytes}"
            )


@frozen
class Silicon:
    """What a timing model needs to know of a chip beside its core, clock and memories.

    `bus_divider` is core clock / bus clock, `ecc` whether RAM is written with error correction (a
    narrow store then reads first), `source` where the figures come from.
    """

    source: str
    bus_divider: int = field(default=1, validator=ge(1))
    ecc: bool = False
    instruction_cache: CacheSize | None = None
    data_cache: CacheSize | None = None


@frozen
class Qemu:
    """How QEMU calls the board."""

    machine: str = field(validator=matches_re(r"[A-Za-z0-9._-]+"))


@frozen
class Board:
    """A piece of hardware, as its board.toml describes it.

    `port` names the folder of `firmware/port`; `backends` are the ways to run firmware, the default
    first. A board of core "native" is this machine and has no memories. One with `silicon` can be
    modelled; without a backend that is all it is good for.
    """

    schema: str = field(validator=in_((SCHEMA,)))
    name: str = field(validator=matches_re(_NAME))
    title: str = field(validator=instance_of(str))
    core: str = field(validator=in_(CORES))
    clock_hz: int = field(validator=ge(0))
    backends: tuple[str, ...]
    port: str | None = field(default=None, validator=optional(matches_re(r"[a-z0-9_]+")))
    fpu: str | None = field(default=None, validator=optional(matches_re(r"[a-z0-9-]+")))
    memory: Memories | None = None
    uart: Uart | None = None
    counter: Counter | None = None
    qemu: Qemu | None = None
    silicon: Silicon | None = None

    @property
    def is_native(self) -> bool:
        """Whether the board is this machine."""
        return self.core == "native"


def read_board(path: Path) -> Board:
    """Read a board.toml; raises FileFormatError with file, line and key."""
    text = read_text(path, what="a board description (board.toml)")
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers too long, arrays too deep
        raise FileFormatError(
            f"{path}: expected TOML, found a mistake: {error}; correct it"
        ) from error
    board = structure(table, Board, path, text)
    if board.name != path.parent.name:
        raise FileFormatError(
            f"{path}: expected the name of its folder, {path.parent.name!r}, found "
            f"{board.name!r}; rename one of them"
        )
    missing = [key for key in _required(board) if getattr(board, key) is None]
    if missing:
        raise FileFormatError(
            f"{path}: expected {missing[0]!r} for core {board.core} with backends "
            f"{list(board.backends)}, found none; add it"
        )
    return board


def _required(board: Board) -> tuple[str, ...]:
    """Return the keys a board must have beside those that all have."""
    if board.is_native:
        return ("port",)
    return ("memory", "port", "uart", "counter") if board.backends else ("memory", "silicon")
