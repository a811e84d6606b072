"""Rules for udev: who may use debug probes, and that nobody looks for modems in them."""

from __future__ import annotations

from pathlib import Path

from qrig.runs.doctor_checks.access import groups
from qrig.runs.doctor_checks.stlink import MODELS, VENDOR

RULES_FILE = "/etc/udev/rules.d/70-qrig.rules"
"""Where the rules go: before 73-seat-late.rules, which acts on the tag `uaccess`."""

INSTALL = (
    f"qrig doctor --udev | sudo tee {RULES_FILE}",
    "sudo udevadm control --reload && sudo udevadm trigger   (then plug the probe in again)",
)
"""How the rules are installed."""

IGNORED = "ID_MM_DEVICE_IGNORE"
"""The property by which ModemManager leaves a device alone."""

_GROUP = "plugdev"
_FOLDERS = ("etc/udev/rules.d", "run/udev/rules.d", "usr/lib/udev/rules.d", "lib/udev/rules.d")
_LIMIT_BYTES = 1 << 20
_USB_MAJOR = 189
_DEVICES_PER_BUS = 128


def udev_rules(root: Path) -> str:
    """Return the rules for this machine, with how to install them.

    Members of the group plugdev are let in too, where there is one.
    """
    products = "|".join(f"{product:04x}" for product in MODELS)
    has_group = any(each.name == _GROUP for each in groups(root))
    who = f"who is at this machine{f' and the group {_GROUP}' if has_group else ''}"
    group = f', GROUP="{_GROUP}"' if has_group else ""
    return f"""\
# Debug probes for {who}, written by qrig.
#
# Install: {INSTALL[0]}
#          {INSTALL[1]}

ACTION=="remove", GOTO="qrig_end"
SUBSYSTEM!="usb|tty|hidraw", GOTO="qrig_end"

# ST-Link, J-Link, CMSIS-DAP
ATTRS{{idVendor}}=="{VENDOR:04x}", ATTRS{{idProduct}}=="{products}", ENV{{QRIG_PROBE}}="1"
ATTRS{{idVendor}}=="1366", ENV{{QRIG_PROBE}}="1"
ATTRS{{product}}=="*CMSIS-DAP*", ENV{{QRIG_PROBE}}="1"
ENV{{QRIG_PROBE}}!="1", GOTO="qrig_end"

# The serial ports keep their group (dialout); ModemManager leaves them alone.
TAG+="uaccess", ENV{{{IGNORED}}}="1"
SUBSYSTEM=="usb|hidraw", MODE="0660"{group}

LABEL="qrig_end"
"""


def has_rules(root: Path) -> bool:
    """Return whether some rules of this machine keep ModemManager from ST-Links."""
    for folder in _FOLDERS:
        for path in sorted((root / folder).glob("*.rules")):
            text = _read(path)
            if IGNORED in text and f'"{VENDOR:04x}"' in text and "374b" in text.lower():
                return True
    return False


def is_ignored(root: Path, node: Path) -> bool:
    """Return whether udev noted for the USB device at `node` that ModemManager leaves it alone."""
    bus, device = node.parent.name, node.name
    if not (bus.isdecimal() and device.isdecimal()):
        return False
    minor = (int(bus) - 1) * _DEVICES_PER_BUS + int(device) - 1
    noted = _read(root / f"run/udev/data/c{_USB_MAJOR}:{minor}")
    return f"E:{IGNORED}=1" in noted.splitlines()


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(_LIMIT_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
