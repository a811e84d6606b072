"""Firmware of ST-Links: read by pyOCD's own code from bytes as a probe sends them, and judged."""

import errno
import logging
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from made_up_machine import Machine, made_up
from qrig.boards.lock import BoardLock
from qrig.boards.state_folder import instance_key, instances_root
from qrig.deadline import Deadline
from qrig.runs.doctor_checks.finding import Finding
from qrig.runs.doctor_checks.probes import check_probes
from qrig.runs.doctor_checks.stlink import UPDATE, firmware_trouble, pyocd_id
from qrig.runs.doctor_checks.stlink_firmware import stlink_versions

usb = pytest.importorskip("pyocd.probe.stlink.usb", reason="pyOCD is not installed")
usb_core = pytest.importorskip("usb.core")

GET_VERSION, GET_VERSION_EXT = 0xF1, 0xFB


class FakeUsb:
    """The USB side of an ST-Link: answers GET_VERSION as the firmware does."""

    def __init__(self, serial: str, version: tuple[int, int, int], failure: str = "") -> None:
        self.serial_number = serial
        self.version = version
        self.failure = failure
        self.commands: list[int] = []
        self.is_open = False
        self.released = threading.Event()

    def open(self) -> None:
        if self.failure == "busy":
            raise usb_core.USBError("Resource busy", -6, errno.EBUSY)
        self.is_open = True

    def close(self) -> None:
        assert self.is_open
        self.is_open = False

    def transfer(self, command: list[int], readSize: int = 0) -> bytes:  # noqa: N803  # pyOCD's
        assert self.is_open
        self.commands.append(command[0])
        if self.failure == "hangs":
            self.released.wait(60)
        if self.failure == "silent":
            raise usb.exceptions.ProbeError("USB Error: timeout")
        generation, number, rest = self.version
        if command[0] == GET_VERSION:
            shown = number if generation < 3 else 0
            return struct.pack(">H4x", generation << 12 | shown << 6 | rest)
        assert command[0] == GET_VERSION_EXT
        return struct.pack("<6B6x", generation, 0, number, rest, 1, 0)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setenv("QRIG_STATE", str(tmp_path))
    with made_up() as found:
        yield found


def plug_in(monkeypatch: pytest.MonkeyPatch, *devices: FakeUsb) -> None:
    monkeypatch.setattr(usb.STLinkUSBInterface, "get_all_connected_devices", lambda: list(devices))


def long() -> Deadline:
    return Deadline.after(60)


def check(machine: Machine, deadline: Deadline | None = None) -> list[Finding]:
    return list(check_probes(machine.root, deadline or long()))


@pytest.mark.parametrize(
    ("version", "text"),
    [((2, 37, 26), "V2J37M26"), ((3, 13, 4), "V3J13M4B1"), ((2, 24, 11), "V2J24M11")],
)
def test_the_version_is_read(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], text: str
) -> None:
    device = FakeUsb("A", version)
    plug_in(monkeypatch, device)
    assert stlink_versions(lambda serial: True, long()) == {"A": text}
    assert not device.is_open
    assert set(device.commands) <= {GET_VERSION, GET_VERSION_EXT}  # nothing that changes a board


def test_firmware_pyocd_refuses_still_says_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    device = FakeUsb("A", (2, 14, 0))
    plug_in(monkeypatch, device)
    assert stlink_versions(lambda serial: True, long()) == {"A": "V2J14M0"}
    assert not device.is_open


@pytest.mark.parametrize("failure", ["busy", "silent"])
def test_a_probe_that_refuses_has_no_version(monkeypatch: pytest.MonkeyPatch, failure: str) -> None:
    refusing, good = FakeUsb("A", (2, 37, 26), failure), FakeUsb("B", (2, 37, 26))
    plug_in(monkeypatch, refusing, good)
    assert stlink_versions(lambda serial: True, long()) == {"A": "", "B": "V2J37M26"}
    assert not refusing.is_open


def test_a_probe_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    good, hanging = FakeUsb("A", (2, 37, 26)), FakeUsb("B", (2, 37, 26), "hangs")
    plug_in(monkeypatch, good, hanging)
    deadline = Deadline.after(5)
    try:
        assert stlink_versions(lambda serial: True, deadline) == {"A": "V2J37M26"}
        assert deadline.expired
        assert time.monotonic() < deadline.moment + 20
    finally:
        hanging.released.set()


def test_a_probe_that_is_not_wanted_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    device = FakeUsb("A", (2, 37, 26))
    plug_in(monkeypatch, device)
    assert stlink_versions(lambda serial: serial != "A", long()) == {}
    assert device.commands == []


def test_pyocd_writes_nothing_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def listed() -> list[Any]:
        logging.getLogger("pyocd.probe").warning("no permission")
        return []

    monkeypatch.setattr(logging.getLogger("pyocd"), "propagate", False)
    monkeypatch.setattr(usb.STLinkUSBInterface, "get_all_connected_devices", listed)
    before = list(logging.getLogger("pyocd").handlers)
    assert stlink_versions(lambda serial: True, long()) == {}
    assert logging.getLogger("pyocd").handlers == before
    assert capfd.readouterr().err == ""


def test_the_probes_of_this_machine_can_be_asked() -> None:
    found = stlink_versions(lambda serial: True, Deadline.after(60))
    assert all(isinstance(text, str) for text in found.values())


@pytest.mark.parametrize(
    "version", ["V2J28S7", "V2J37M27", "V2J45M31", "V3J2M1", "V3J13M4", "V4J6M2"]
)
def test_newer_firmware_is_good(version: str) -> None:
    assert firmware_trouble(version) == ()


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        ("V2J14S0", "V2J24 or newer"),
        ("V2J23M3", "V2J24 or newer"),
        ("V2J24M11", "V2J28 or newer"),
        ("V2J27M15", "V2J28 or newer"),
        ("V3J1M1", "V3J2 or newer"),
        ("V4J1", "V4J2 or newer"),
        ("garbage", "'garbage'"),
    ],
)
def test_older_firmware_is_told(version: str, wanted: str) -> None:
    first, second = firmware_trouble(version)
    assert wanted in first
    assert version in first
    assert "serial port" in second
    assert "hangs" in second


def test_pyocd_wants_what_we_say() -> None:
    from pyocd.probe.stlink.stlink import STLink

    assert STLink.MIN_JTAG_VERSION == 24
    assert STLink.MIN_JTAG_VERSION_MULTI_AP == 28
    assert STLink.MIN_JTAG_VERSION_DPBANKSEL[3] == 2


def test_old_firmware_is_a_warning_with_what_to_do(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = bytes.fromhex("51FF6E064989525428271287")
    machine.usb("1-1", "0483:3748", serial=raw.decode("latin-1"))
    plug_in(monkeypatch, FakeUsb(raw.hex().upper(), (2, 14, 0)))
    (found,) = check(machine)
    assert (found.verdict, found.fix) == ("warning", (UPDATE,))
    assert "firmware V2J14M0" in found.found
    assert "V2J24" in found.notes[0]


def test_good_firmware_is_good(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.usb("1-1", "0483:374b", serial="066DFF", ports=("ttyACM0",))
    plug_in(monkeypatch, FakeUsb("066DFF", (2, 37, 26)))
    (found,) = check(machine)
    assert (found.verdict, found.notes) == ("good", ())
    assert found.found == "066DFF, firmware V2J37M26, 0483:374b, ttyACM0"


def test_a_board_in_use_is_left_alone(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.usb("1-1", "0483:374b", serial="066DFF")
    device = FakeUsb("066DFF", (2, 37, 26))
    plug_in(monkeypatch, device)
    with BoardLock(instances_root(), instance_key("066DFF"), "desk", "a measurement") as lock:
        assert lock.try_acquire()
        (found,) = check(machine)
    assert found.verdict == "good"
    assert found.found.endswith("(firmware not read: the board is in use)")
    assert device.commands == []


def test_a_probe_of_another_program_is_told(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.usb("1-1", "0483:374b", serial="066DFF")
    plug_in(monkeypatch, FakeUsb("066DFF", (2, 37, 26), "busy"))
    (found,) = check(machine)
    assert found.verdict == "warning"
    assert "another program has it" in found.notes[0]
    assert "OpenOCD" in found.fix[0]


@pytest.mark.parametrize("serial", ["066DFF495056805087072142", "", "A" * 11, "A" * 13, "€" * 12])
def test_other_serial_numbers_are_the_ids(serial: str) -> None:
    assert pyocd_id(serial) == serial
