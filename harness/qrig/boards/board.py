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
    """One memory: where it is, its size, and the wait states of a read."""

    origin: int = field(validator=ge(0))
    size_bytes: int = field(validator=ge(1))
    wait_states: int = field(default=0, validator=ge(0))


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
class Qemu:
    """How QEMU calls the board."""

    machine: str = field(validator=matches_re(r"[A-Za-z0-9._-]+"))


@frozen
class Board:
    """A piece of hardware, as its board.toml describes it.

    `port` names the folder of `firmware/port`; `backends` are the ways to run firmware, the default
    first. A board of core "native" is this machine and has no memories.
    """

    schema: str = field(validator=in_((SCHEMA,)))
    name: str = field(validator=matches_re(_NAME))
    title: str = field(validator=instance_of(str))
    core: str = field(validator=in_(CORES))
    clock_hz: int = field(validator=ge(0))
    port: str = field(validator=matches_re(r"[a-z0-9_]+"))
    backends: tuple[str, ...]
    fpu: str | None = field(default=None, validator=optional(matches_re(r"[a-z0-9-]+")))
    memory: Memories | None = None
    uart: Uart | None = None
    counter: Counter | None = None
    qemu: Qemu | None = None

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
    if not board.backends:
        raise FileFormatError(f"{path}: expected at least one backend, found none; name one")
    missing = [
        key
        for key in ("memory", "uart", "counter")
        if getattr(board, key) is None and not board.is_native
    ]
    if missing:
        raise FileFormatError(
            f"{path}: expected a table [{missing[0]}] for core {board.core}, found none; add it"
        )
    return board
