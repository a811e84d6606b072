"""What `qrig doctor` sees on USB, in sysfs trees as Linux lays them out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from made_up_machine import Machine, made_up
from qrig.runs.doctor_checks.probes import find_probes
from qrig.runs.doctor_checks.stlink import MODELS
from qrig.runs.doctor_checks.sysfs_usb import serial_ports, usb_devices

NUCLEO = "066DFF495056805087072142"


@pytest.fixture
def machine() -> Iterator[Machine]:
    with made_up() as found:
        yield found


def test_a_machine_without_usb_has_no_devices(machine: Machine) -> None:
    assert usb_devices(machine.root) == ()
    assert serial_ports(machine.root) == ()
    assert find_probes(machine.root) == ()


def test_a_nucleo_is_found_with_its_port(machine: Machine) -> None:
    node = machine.usb(
        "1-2",
        "0483:374b",
        serial=NUCLEO,
        product="STM32 STLink",
        address=(1, 12),
        interfaces=("ST-Link Debug", "ST-Link Mass Storage"),
        ports=("ttyACM0",),
    )
    (device,) = usb_devices(machine.root)
    assert (device.vendor, device.product, device.id_text) == (0x0483, 0x374B, "0483:374b")
    assert (device.serial, device.title) == (NUCLEO, "STM32 STLink")
    assert device.interfaces == ("ST-Link Debug", "ST-Link Mass Storage")
    assert device.ports == ("ttyACM0",)
    assert device.node == node == machine.root / "dev/bus/usb/001/012"
    (probe,) = find_probes(machine.root)
    assert (probe.kind, probe.unique_id, probe.trouble) == ("ST-Link V2-1", NUCLEO, "")


def test_every_port_belongs_to_its_own_board(machine: Machine) -> None:
    # As with the places 1-2 and 1-2.1, one is behind a hub at the other: a name within a name.
    machine.usb("1-2", "1a40:0101", product="USB 2.0 Hub", address=(1, 2))
    machine.usb("1-2.1", "0483:374e", serial="A", address=(1, 3), ports=("ttyACM0", "ttyACM1"))
    machine.usb("1-2.2", "0483:374b", serial="B", address=(1, 4), ports=("ttyACM2",))
    machine.usb("1-2.3", "0403:6001", serial="FT", product="FT232R", ports=("ttyUSB0",))
    found = {probe.unique_id: probe.device.ports for probe in find_probes(machine.root)}
    assert found == {"A": ("ttyACM0", "ttyACM1"), "B": ("ttyACM2",)}


def test_terminals_and_uarts_that_are_not_there_are_no_ports(machine: Machine) -> None:
    machine.terminal("tty1")
    machine.uart("ttyS0", 4)
    machine.uart("ttyS1", 0)
    machine.usb("1-1", "0403:6001", ports=("ttyUSB0",))
    assert [port.name for port in serial_ports(machine.root)] == ["ttyS0", "ttyUSB0"]
    assert serial_ports(machine.root)[0].node == machine.root / "dev/ttyS0"


def test_the_raw_bytes_of_an_early_stlink_become_the_id_of_pyocd(machine: Machine) -> None:
    raw = bytes.fromhex("51FF6E064989525428271287")  # a line's end and a blank may be among them
    machine.usb("1-1", "0483:3748", serial=raw.decode("latin-1"), product="STM32 STLink")
    (probe,) = find_probes(machine.root)
    assert (probe.kind, probe.unique_id) == ("ST-Link V2", "51FF6E064989525428271287")


@pytest.mark.parametrize("last", [b"\n", b" ", b"\x7f"])
def test_blanks_in_raw_bytes_stay(machine: Machine, last: bytes) -> None:
    raw = b"\x09" + b"A" * 10 + last
    machine.usb("1-1", "0483:3748", serial=raw)
    (probe,) = find_probes(machine.root)
    assert probe.unique_id == raw.hex().upper()


@pytest.mark.parametrize(("product", "model"), MODELS.items())
def test_every_stlink_is_known(machine: Machine, product: int, model: object) -> None:
    machine.usb("1-1", f"0483:{product:04x}", serial=NUCLEO)
    (probe,) = find_probes(machine.root)
    assert (probe.kind, probe.trouble) == (MODELS[product].name, MODELS[product].trouble)
    assert probe.is_stlink


@pytest.mark.parametrize("product", [0x3744, 0x374D, 0x3755])
def test_stlinks_that_debug_nothing_say_so(product: int) -> None:
    assert MODELS[product].trouble


def test_pyocd_opens_every_stlink_that_debugs() -> None:
    usb = pytest.importorskip("pyocd.probe.stlink.usb", reason="pyOCD is not installed")
    known = usb.STLinkUSBInterface.USB_PID_EP_MAP
    ours = {product: model.name for product, model in MODELS.items() if not model.trouble}
    if 0x3755 in known:  # pyOCD takes the loader of the V3PWR for a probe
        known = {product: each for product, each in known.items() if product != 0x3755}
    assert set(ours) == set(known)
    for product, each in known.items():
        assert ours[product].startswith(f"ST-Link {each.version_name}")


def test_cmsis_dap_is_told_by_its_names(machine: Machine) -> None:
    machine.usb("1-1", "0d28:0204", serial="D1", product="DAPLink CMSIS-DAP")
    machine.usb(
        "1-2", "2e8a:000c", serial="D2", product="Debug Probe", interfaces=("CMSIS-DAP v2",)
    )
    machine.usb("1-3", "2e8a:0003", serial="D3", product="RP2 Boot", interfaces=("Reset",))
    found = [(probe.kind, probe.unique_id) for probe in find_probes(machine.root)]
    assert found == [("CMSIS-DAP", "D1"), ("CMSIS-DAP", "D2")]


def test_a_jlink_is_told_by_its_vendor(machine: Machine) -> None:
    machine.usb("1-1", "1366:0105", serial="000682354321", product="J-Link")
    (probe,) = find_probes(machine.root)
    assert (probe.kind, probe.unique_id) == ("J-Link", "682354321")


def test_other_devices_of_st_are_no_probes(machine: Machine) -> None:
    machine.usb("1-1", "0483:5740", product="STM32 Virtual ComPort", ports=("ttyACM0",))
    machine.usb("1-2", "0483:df11", product="STM32  BOOTLOADER")
    assert find_probes(machine.root) == ()
    assert len(usb_devices(machine.root)) == 2


def test_what_has_no_strings_or_odd_ones_is_listed(machine: Machine) -> None:
    machine.usb("1-1", "0483:374b")
    machine.usb(
        "1-2", "0483:374b", serial=b"\xff\xfe\x1b[31m", product="\x07\N{RIGHT-TO-LEFT OVERRIDE}"
    )
    machine.usb("1-3", "zz:374b", serial="no number")
    bare, odd = find_probes(machine.root)
    assert bare.unique_id == ""
    assert odd.unique_id.endswith("\x1b[31m")


def test_a_device_that_vanishes_is_not_listed(machine: Machine) -> None:
    machine.usb("1-1", "0483:374b", serial=NUCLEO)
    machine.link("sys/bus/usb/devices/1-9", machine.root / "sys/devices/gone")
    (machine.root / "sys/bus/usb/devices/1-1:1.0").symlink_to(Path("/nowhere"))
    assert len(usb_devices(machine.root)) == 1


def test_this_machine_can_be_listed() -> None:
    listed = usb_devices(Path("/"))
    there = Path("/sys/bus/usb/devices").glob("*/idVendor")
    assert len(listed) == len(list(there))
    for port in serial_ports(Path("/")):
        assert port.node.is_char_device()
