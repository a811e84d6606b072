"""From a board's description to the setup of a virtual one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from qrig.backends.virtual.chips import find_chip
from qrig.backends.virtual.faults import Faults
from qrig.backends.virtual.setup import Setup
from qrig.boards.board import Board
from qrig.errors import TargetUnavailableError

_UNIQUE_ID_BYTES = 12


def setup_of(board: Board, name: str, flash: Path, faults: Faults) -> Setup:
    """Return the setup of the instance `name` of a board; raises TargetUnavailableError.

    The chip's number is made from the names of board and instance.
    """
    uart, device = board.uart, board.device
    chip = None if device is None else find_chip(device)
    if device is None or chip is None:
        raise TargetUnavailableError(
            f"{board.name}@virtual: expected a chip that there is a virtual one of, found "
            f"{device or 'none'}; choose another backend"
        )
    if uart is None or uart.name is None or uart.tx is None or uart.rx is None:
        raise TargetUnavailableError(
            f"{board.name}@virtual: expected a UART with a name and pins, found none; add it to "
            "its board.toml"
        )
    if uart.name not in chip.uarts:
        raise TargetUnavailableError(
            f"{board.name}@virtual: expected a UART of {chip.name} ({', '.join(chip.uarts)}), "
            f"found {uart.name}; correct its board.toml"
        )
    return Setup(
        chip=device,
        uart=uart.name,
        tx=uart.tx,
        rx=uart.rx,
        unique_id=faults.unique_id or unique_id_of(f"{board.name}-{name}"),
        flash=flash,
        hse_hz=None if board.clock is None else board.clock.hse_hz,
        marker=None if board.marker is None else board.marker.pin,
        faults=faults,
    )


def unique_id_of(name: str) -> str:
    """Return a chip's number for a name, always the same."""
    return hashlib.sha256(name.encode()).digest()[:_UNIQUE_ID_BYTES].hex()
