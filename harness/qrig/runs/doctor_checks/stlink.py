"""ST-Links: their generations by USB id, and the firmware pyOCD wants of each."""

from __future__ import annotations

import re

from attrs import frozen

VENDOR = 0x0483
"""ST's vendor id on USB."""

UPDATE = (
    "bring it up to date with ST's STM32CubeProgrammer (menu Firmware upgrade) or STSW-LINK007, "
    "then plug it in again"
)
"""What to do about old firmware."""

_LOADER = "it waits for new firmware and debugs nothing; end the upgrade, or plug it in again"
_FIRST = "pyOCD does not speak to the first generation; use an ST-Link V2 or newer"


@frozen
class StLink:
    """A generation of ST-Links; `trouble` is why pyOCD cannot use it as it is, if so."""

    name: str
    trouble: str = ""


MODELS = {
    0x3744: StLink("ST-Link V1", _FIRST),
    0x3748: StLink("ST-Link V2"),
    0x374A: StLink("ST-Link V2-1"),
    0x374B: StLink("ST-Link V2-1"),
    0x374D: StLink("ST-Link V3 loader", _LOADER),
    0x374E: StLink("ST-Link V3E"),
    0x374F: StLink("ST-Link V3"),
    0x3752: StLink("ST-Link V2-1"),
    0x3753: StLink("ST-Link V3"),
    0x3754: StLink("ST-Link V3"),
    0x3755: StLink("ST-Link V3PWR loader", _LOADER),
    0x3757: StLink("ST-Link V3PWR"),
}
"""Generations by product id, as OpenOCD and pyOCD list them."""

_OLDEST = {2: 24, 3: 2, 4: 2}
"""The oldest J number pyOCD 0.46 works with, by generation (MIN_JTAG_VERSION... of its STLink)."""

_MANY_PORTS = 28
"""From V2J28 on the probe reaches more than one access port, which the STM32H7 has."""

_VERSION = re.compile(r"V(\d+)J(\d+)")
_HANGS = "with old firmware the board's serial port (virtual COM port) hangs now and then"


def firmware_trouble(version: str) -> tuple[str, ...]:
    """Return what is wrong with the firmware `version` (like V2J37M27); nothing if it is good."""
    found = _VERSION.match(version)
    if found is None:
        return (f"its firmware says version {version!r}, which tells nothing", _HANGS)
    generation, number = int(found.group(1)), int(found.group(2))
    oldest = _OLDEST.get(generation)
    if oldest is not None and number < oldest:
        return (f"pyOCD wants V{generation}J{oldest} or newer, found {version}", _HANGS)
    if generation == 2 and number < _MANY_PORTS:
        return (f"an STM32H7 wants V2J{_MANY_PORTS} or newer, found {version}", _HANGS)
    return ()


def pyocd_id(serial: str) -> str:
    """Return the unique id pyOCD knows an ST-Link by, from the serial number on USB.

    The firmware of early ST-Links V2 sends twelve raw bytes, each as a character.
    """
    if len(serial) == 12 and all(ord(mark) < 0x100 for mark in serial):
        return bytes(map(ord, serial)).hex().upper()
    return serial
