"""The description of a board and how it is read.

`targets/<board>/board.toml` says everything that is particular to a board: core, memories, UART,
counter, and how each backend reaches it. An unknown key is a mistake, named with its line. With a
`device`, what that has need not be typed: memories are named (regions.py), and so is the UART.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from attrs import field, frozen
from attrs.validators import ge, in_, instance_of, matches_re, optional

from qrig.boards.chip import PIN, Chip, Clock, Marker, ProbeTarget, RenodeMachine
from qrig.boards.device import read_device
from qrig.boards.power import Power
from qrig.boards.regions import with_addresses
from qrig.boards.toml import structure
from qrig.errors import FileFormatError, UsageError
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
    `coupled_bytes` is how much of it, from its origin on, is tightly coupled to the core.
    """

    origin: int = field(validator=ge(0))
    size_bytes: int = field(validator=ge(1))
    wait_states: int = field(default=0, validator=ge(0))
    width_bits: int = field(default=32, validator=in_((32, 64, 128, 256)))
    cached: bool = False
    coupled_bytes: int = field(default=0, validator=ge(0))


@frozen
class Memories:
    """Where code and constants go, where data goes, and received bytes if DMA cannot reach that."""

    code: Memory
    data: Memory
    dma: Memory | None = None


@frozen
class Uart:
    """The UART the link runs over, and its speed.

    Either `base` and `rx_interrupt` are typed, or `name` is its name and `tx` and `rx` are its pins
    on a board with a device. `fast_baud` is the speed it can change to, None if it cannot.
    """

    baud: int = field(validator=ge(300))
    base: int | None = field(default=None, validator=optional(ge(0)))
    rx_interrupt: int | None = field(default=None, validator=optional(ge(0)))
    name: str | None = field(default=None, validator=optional(matches_re(r"(lp)?us?art[0-9]")))
    tx: str | None = field(default=None, validator=optional(matches_re(PIN)))
    rx: str | None = field(default=None, validator=optional(matches_re(PIN)))
    fast_baud: int | None = field(default=None, validator=optional(ge(300)))


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
    modelled; without a backend that is all it is good for. `device` is the part name of its
    microcontroller, as modm-devices knows it; such a board has a `chip`, and its counter is the
    core's own.
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
    device: str | None = None
    chip: Chip | None = None
    clock: Clock | None = None
    marker: Marker | None = None
    probe: ProbeTarget | None = None
    renode: RenodeMachine | None = None
    power: Power | None = None

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
    board = structure(_resolved(table, path), Board, path, text)
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
    _check(board, path)
    return board


def _resolved(table: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the table with the addresses of memories that it names."""
    device, memory = table.get("device"), table.get("memory")
    if device is None or not isinstance(memory, dict):
        return table
    if not isinstance(device, str):
        raise FileFormatError(f"{path}: device: expected str, found {device!r}; correct it")
    try:
        return table | {"memory": with_addresses(memory, read_device(device))}
    except UsageError as error:
        raise FileFormatError(f"{path}: {error}") from error


def _required(board: Board) -> tuple[str, ...]:
    """Return the keys a board must have beside those that all have."""
    if board.is_native:
        return ("port",)
    if not board.backends:
        return ("memory", "silicon")
    if board.device is not None:
        return ("memory", "port", "uart", "chip", "probe")
    return ("memory", "port", "uart", "counter")


def _check(board: Board, path: Path) -> None:
    """Raise FileFormatError for what does not go together."""
    uart, chip, memory = board.uart, board.chip, board.memory
    if uart is not None:
        names = ("base", "rx_interrupt") if board.device is None else ("name", "tx", "rx")
        missing = [name for name in names if getattr(uart, name) is None]
        if missing:
            raise FileFormatError(
                f"{path}: uart.{missing[0]}: expected this key, found none; add it"
            )
    if chip is not None and memory is not None and chip.flash_bytes != memory.code.size_bytes:
        raise FileFormatError(
            f"{path}: chip.sectors: expected sectors of {memory.code.size_bytes:,} bytes together, "
            f"as the code's memory has, found {chip.flash_bytes:,}; correct them"
        )
