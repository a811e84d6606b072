"""The serial port that is a part of a debug probe, found by the probe's USB serial number."""

from __future__ import annotations

import os
from collections.abc import Sequence

from attrs import frozen
from serial.tools import list_ports

from qrig.backends.probe.identity import same_probe
from qrig.errors import TargetUnavailableError


@frozen
class FoundPort:
    """A serial port of this machine: its device, what it is, and its USB serial number if any."""

    device: str
    description: str
    usb_serial: str | None = None

    def __str__(self) -> str:
        """Return it as a part of a sentence."""
        return f"{self.device} ({self.description})"


def found_ports() -> tuple[FoundPort, ...]:
    """Return the serial ports of this machine, sorted by device."""
    return tuple(
        FoundPort(port.device, port.description or "unnamed", port.serial_number or None)
        for port in sorted(list_ports.comports(), key=lambda port: str(port.device))
    )


def port_of(name: str, probe_id: str, ports: Sequence[FoundPort]) -> str:
    """Return the device of `ports` that belongs to a probe; `name` is the board's.

    Raises TargetUnavailableError with the ports there are.
    """
    own = [port for port in ports if port.usb_serial and same_probe(port.usb_serial, probe_id)]
    if own:
        return own[0].device
    there = ", ".join(map(str, ports)) or "no serial port at all"
    raise TargetUnavailableError(
        f"{name}: expected a serial port that belongs to probe {probe_id}, found {there}; name the "
        "board's port in lab.toml (port = ...)"
    )


def probe_of(device: str, probe_ids: Sequence[str], ports: Sequence[FoundPort]) -> str | None:
    """Return the one of `probe_ids` that a port is a part of, None if it is of none of them."""
    real = os.path.realpath(device)
    for port in ports:
        if port.usb_serial is not None and os.path.realpath(port.device) == real:
            return next((one for one in probe_ids if same_probe(one, port.usb_serial)), None)
    return None
