"""The firmware versions of ST-Links, read by pyOCD.

One command is sent that changes nothing on the probe or the board. A probe that another process
has open refuses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

from qrig.backends.probe.pyocd_log import PyocdLog
from qrig.deadline import Deadline
from qrig.runs.in_time import collect_in_time

_SHOWN = 200


def stlink_versions(is_wanted: Callable[[str], bool], deadline: Deadline) -> dict[str, str]:
    """Return the version (like V2J37M27) of the ST-Links that say it, by pyOCD's unique id.

    One that refuses has an empty text; one whose id is not wanted is left alone. Without pyOCD
    there are none, and none that come after the deadline.
    """
    if find_spec("pyocd") is None:
        return {}
    return collect_in_time(lambda: _versions(is_wanted), deadline)


def _versions(is_wanted: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    from pyocd.probe.stlink.usb import STLinkUSBInterface

    log = PyocdLog()  # else what cannot be opened is written to standard error
    try:
        for device in STLinkUSBInterface.get_all_connected_devices():
            serial = str(device.serial_number)
            if is_wanted(serial):
                yield serial, _version(device)
    finally:
        log.close()


def _version(device: Any) -> str:
    """Return what the probe says; nothing if it cannot be asked, as when another process does."""
    from pyocd.core.exceptions import Error
    from pyocd.probe.stlink.stlink import STLink

    link = STLink(device)
    try:
        device.open()
        try:
            link.get_version()
        finally:
            device.close()
    except (Error, OSError, ValueError, NotImplementedError):  # pyusb's errors are OSErrors
        pass  # pyOCD refuses firmware that is too old, after it has read its version
    return str(link.version_str or "")[:_SHOWN]
