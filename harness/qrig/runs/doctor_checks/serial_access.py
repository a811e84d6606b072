"""Serial ports, and who may open them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from qrig.runs.doctor_checks.access import (
    account,
    is_in,
    is_root,
    joining,
    may_use,
    serial_group,
)
from qrig.runs.doctor_checks.finding import GOOD, MISSING, WARNING, Finding
from qrig.runs.doctor_checks.probes import find_probes
from qrig.runs.doctor_checks.sysfs_usb import SerialPort, serial_ports
from qrig.runs.doctor_checks.udev_rules import INSTALL

_AREA = "Probes and ports"


def check_serial(root: Path) -> Iterator[Finding]:
    """Yield the serial ports, and whether our account may open such."""
    ports = serial_ports(root)
    owners = {
        port: f"{probe.kind} {probe.unique_id}"
        for probe in find_probes(root)
        for port in probe.device.ports
    }
    for port in ports:
        yield _port(port, owners.get(port.name), root)
    if not ports:
        notes = ("for targets @probe; the port of a Nucleo is on its ST-Link",)
        yield Finding(_AREA, "serial port", MISSING, "none", notes=notes)
    yield _permission(ports, root)


def _port(port: SerialPort, owner: str | None, root: Path) -> Finding:
    found = f"{port.node} of {owner}" if owner else str(port.node)
    if may_use(port.node):
        return Finding(_AREA, "serial port", GOOD, found)
    if not port.node.exists():
        notes = (f"{port.node} is not there: in a container, it has to be passed on",)
        return Finding(_AREA, "serial port", WARNING, found, notes=notes)
    group = serial_group(root)
    notes = (f"{account()} may not open it",)
    fix = (joining(group),) if group is not None else INSTALL
    return Finding(_AREA, "serial port", WARNING, found, notes=notes, fix=fix)


def _permission(ports: tuple[SerialPort, ...], root: Path) -> Finding:
    name, group = "serial permission", serial_group(root)
    if is_root():
        return Finding(_AREA, name, GOOD, "root may open all ports")
    if group is not None and is_in(group):
        return Finding(_AREA, name, GOOD, f"{account()} is in the group {group.name}")
    outside = f"{account()} is in no group that owns serial ports"
    if group is not None:
        outside = f"{account()} is not in the group {group.name}"
    if ports and all(may_use(port.node) for port in ports):
        return Finding(_AREA, name, GOOD, f"{outside}, but may open all ports there are")
    fix = (joining(group),) if group is not None else INSTALL
    return Finding(_AREA, name, WARNING, outside, fix=fix)
