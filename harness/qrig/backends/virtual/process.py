"""What the process of a virtual board does; launch.py starts it."""

from __future__ import annotations

import os
import signal
import socket
import sys
import traceback
from typing import Any

from qrig.backends.virtual.chips import find_chip
from qrig.backends.virtual.flash_file import open_flash
from qrig.backends.virtual.machine import Machine
from qrig.backends.virtual.messages import OK, encode_answer
from qrig.backends.virtual.server import Server
from qrig.backends.virtual.setup import from_json
from qrig.backends.virtual.terminal import Terminal

_BROKEN = 70


def run(arguments: list[str]) -> None:
    """Be a board until the connection of the descriptor is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run that owns us decides
    sys.unraisablehook = _end_with
    descriptor, text = arguments
    setup = from_json(text)
    connection = socket.socket(fileno=int(descriptor))
    chip = find_chip(setup.chip)
    if chip is None:
        raise ValueError(setup.chip)
    terminal = Terminal(setup.faults)
    machine = Machine(setup, open_flash(setup.flash, chip.flash_bytes), terminal)
    connection.sendall(encode_answer(OK, terminal.name.encode()))
    Server(machine, terminal, connection).serve()
    if machine.chip.bus.strangers:
        shown = ", ".join(f"{address:#010x}" for address in sorted(machine.chip.bus.strangers))
        sys.stderr.write(f"the firmware used registers that are not modelled: {shown}\n")
    sys.stderr.flush()
    os._exit(0)  # the watcher may be waiting


def _end_with(raised: Any) -> None:
    """End the process with an error that came in a callback of Unicorn's."""
    traceback.print_exception(raised.exc_type, raised.exc_value, raised.exc_traceback)
    sys.stderr.flush()
    os._exit(_BROKEN)
