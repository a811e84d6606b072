"""A virtual board that runs: its process, its probe and its port."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from qrig.backends.base import ByteStream
from qrig.backends.process import ChildProcess
from qrig.backends.virtual.chips import find_chip
from qrig.backends.virtual.messages import Stream
from qrig.backends.virtual.setup import Setup, to_json
from qrig.errors import TargetUnavailableError

if TYPE_CHECKING:
    from qrig.backends.virtual.probe import VirtualProbe
    from qrig.backends.virtual.wire import Wire

START_S = 20.0
"""How long the process may take to start, on a machine with other work."""


class VirtualBoard:
    """A board in a process of its own; stop it in any case.

    `probe_id` is the unique id of its probe, `unique_id` the chip's number.
    """

    def __init__(self, setup: Setup, name: str, product: str) -> None:
        """Start the process; `name` is for messages and probe, such as "nucleo-f746-1".

        Raises TargetUnavailableError if it cannot be started.
        """
        self.name = name
        self.probe_id = f"VIRT-{name}"
        self.unique_id = setup.unique_id
        self._product = product
        self._faults = setup.faults
        chip = find_chip(setup.chip)
        if chip is None:
            raise TargetUnavailableError(
                f"{name}: expected a chip that there is a virtual one of, found {setup.chip}; "
                "choose another backend"
            )
        self._core = chip.core
        ours, theirs = socket.socketpair()
        program = Path(__file__).with_name("launch.py")
        command = [sys.executable, "-P", str(program), str(theirs.fileno())]
        self._process = ChildProcess([*command, to_json(setup)], ByteStream(name, ours), theirs)
        self._connection = ours
        self._wire: Wire | None = None
        try:
            ours.settimeout(START_S)
            _, _, device = Stream(ours).receive_answer()
        except OSError as error:
            words = self._process.last_words()
            self.stop()
            raise TargetUnavailableError(
                f"{name}: expected the virtual board to start within {START_S:g} s, found that "
                f"{words}; see what it says"
            ) from error
        self.port_url = device.decode()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def wire(self) -> Wire:
        """What all probes of the board share."""
        from qrig.backends.virtual.wire import Wire

        if self._wire is None:
            self._wire = Wire(self._connection, self._faults, self._process.last_words)
        return self._wire

    def probe(self) -> VirtualProbe:
        """Return a probe for pyOCD, not open; all probes of a board share its transfers' faults.

        Raises TargetUnavailableError if it was unplugged.
        """
        from qrig.backends.virtual.probe import VirtualProbe

        if self.wire.is_unplugged:
            raise TargetUnavailableError(
                f"{self.name}: expected the probe {self.probe_id}, found none; connect it"
            )
        return VirtualProbe(self.wire, self._core, self.probe_id, self._product)

    def power_cycle(self) -> None:
        """Take the board's power and give it back."""
        self.wire.power_cycle()

    def last_words(self) -> str:
        """Return what the process said, and how it ended."""
        return self._process.last_words()

    def stop(self) -> None:
        """End the process for certain; harmless the second time."""
        self._process.stop()
