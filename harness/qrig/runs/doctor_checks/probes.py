"""Debug probes on USB: which there are, whether we may open them, what their firmware is."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from attrs import frozen

from qrig.boards.lock import BoardLock
from qrig.boards.state_folder import instance_key, instances_root
from qrig.deadline import Deadline
from qrig.runs.doctor_checks.access import may_use
from qrig.runs.doctor_checks.finding import GOOD, MISSING, WARNING, Finding
from qrig.runs.doctor_checks.stlink import MODELS, UPDATE, VENDOR, firmware_trouble, pyocd_id
from qrig.runs.doctor_checks.stlink_firmware import stlink_versions
from qrig.runs.doctor_checks.sysfs_usb import UsbDevice, usb_devices
from qrig.runs.doctor_checks.udev_rules import INSTALL

_AREA = "Probes and ports"
_DAP = "CMSIS-DAP"
_SEGGER = 0x1366
_SEGGER_LIBRARIES = "opt/SEGGER/JLink*/libjlinkarm.so*"


@frozen
class Probe:
    """A debug probe: its kind, pyOCD's unique id for it, and its device on USB."""

    kind: str
    unique_id: str
    device: UsbDevice
    trouble: str = ""

    @property
    def is_stlink(self) -> bool:
        """Whether it is one of ST's."""
        return self.device.vendor == VENDOR


def find_probes(root: Path) -> tuple[Probe, ...]:
    """Return the debug probes on USB, also those that cannot be opened."""
    return tuple(probe for probe in map(_probe, usb_devices(root)) if probe is not None)


def _probe(device: UsbDevice) -> Probe | None:
    if device.vendor == VENDOR and device.product in MODELS:
        model = MODELS[device.product]
        return Probe(model.name, pyocd_id(device.serial), device, model.trouble)
    if device.vendor == _SEGGER:
        return Probe("J-Link", device.serial.lstrip("0"), device)
    if any(_DAP in text for text in (device.title, *device.interfaces)):
        return Probe(_DAP, device.serial, device)
    return None


def check_probes(root: Path, deadline: Deadline) -> Iterator[Finding]:
    """Yield what there is of debug probes; firmware is asked for its version until the deadline."""
    probes = find_probes(root)
    if not probes:
        notes = ("for targets @probe",)
        fix = ("plug in an ST-Link, a CMSIS-DAP probe or a J-Link",)
        yield Finding(_AREA, "debug probe", MISSING, "none on USB", notes=notes, fix=fix)
        return
    versions: dict[str, str] = {}
    if any(probe.is_stlink and may_use(probe.device.node) for probe in probes):
        versions = stlink_versions(lambda serial: not _is_busy(serial), deadline)
    for probe in probes:
        yield _finding(probe, versions.get(probe.unique_id), root)


def _finding(probe: Probe, version: str | None, root: Path) -> Finding:
    device = probe.device
    ports = ", ".join(device.ports) or "no serial port"
    firmware = f" firmware {version}," if version else ""
    found = f"{probe.unique_id or 'without a serial number'},{firmware} {device.id_text}, {ports}"
    if probe.trouble:
        return Finding(_AREA, probe.kind, WARNING, found, notes=(probe.trouble,))
    if not device.node.exists():
        notes = (f"{device.node} is not there: in a container, USB has to be passed on",)
        fix = ("docker run --device=/dev/bus/usb ...",)
        return Finding(_AREA, probe.kind, WARNING, found, notes=notes, fix=fix)
    if not may_use(device.node):
        notes = (f"it may not be opened: no permission for {device.node}",)
        return Finding(_AREA, probe.kind, WARNING, found, notes=notes, fix=INSTALL)
    if probe.kind == "J-Link" and not any(root.glob(_SEGGER_LIBRARIES)):
        notes = ("pyOCD opens a J-Link through SEGGER's library, and there is none in /opt/SEGGER",)
        fix = ("install SEGGER's J-Link software",)
        return Finding(_AREA, probe.kind, WARNING, found, notes=notes, fix=fix)
    if version and (trouble := firmware_trouble(version)):
        return Finding(_AREA, probe.kind, WARNING, found, notes=trouble, fix=(UPDATE,))
    if version or not probe.is_stlink:
        return Finding(_AREA, probe.kind, GOOD, found)
    return _unread(probe, found)


def _unread(probe: Probe, found: str) -> Finding:
    """Return what is to be said of an ST-Link whose firmware's version is not known."""
    if find_spec("pyocd") is None:
        unread = "firmware not read: pyocd is not installed"
    elif _is_busy(probe.unique_id):
        unread = "firmware not read: the board is in use"
    else:
        notes = ("it does not say its firmware's version: it hangs, or another program has it",)
        fix = ("end other debuggers (OpenOCD, an IDE), or plug it in again",)
        return Finding(_AREA, probe.kind, WARNING, found, notes=notes, fix=fix)
    return Finding(_AREA, probe.kind, GOOD, f"{found} ({unread})")


def _is_busy(unique_id: str) -> bool:
    return BoardLock(instances_root(), instance_key(unique_id), unique_id, "").is_taken()
