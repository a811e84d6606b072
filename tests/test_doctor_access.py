"""What `qrig doctor` says of devices that may not be opened, and how one gets to."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from made_up_machine import Machine, as_nobody, forbid, made_up
from qrig.deadline import Deadline
from qrig.runs.doctor_checks.access import account, groups, is_in, serial_group
from qrig.runs.doctor_checks.finding import Finding
from qrig.runs.doctor_checks.modem_manager import check_modem_manager, is_running
from qrig.runs.doctor_checks.probes import check_probes
from qrig.runs.doctor_checks.serial_access import check_serial
from qrig.runs.doctor_checks.udev_rules import INSTALL, udev_rules

NUCLEO = "066DFF495056805087072142"
DIALOUT = "dialout:x:54321:"


@pytest.fixture
def machine() -> Iterator[Machine]:
    with made_up() as found:
        found.groups(DIALOUT)
        yield found


def plug_in(machine: Machine) -> Path:
    return machine.usb("1-2", "0483:374b", serial=NUCLEO, ports=("ttyACM0",))


def probes(machine: Machine) -> list[Finding]:
    return list(check_probes(machine.root, Deadline.after(60)))


def serial(machine: Machine) -> dict[str, Finding]:
    return {finding.name: finding for finding in check_serial(machine.root)}


def test_no_probe_is_missing_and_not_needed(machine: Machine) -> None:
    (found,) = probes(machine)
    assert (found.verdict, found.found, found.needed) == ("missing", "none on USB", False)
    assert found.fix


def test_a_probe_that_may_be_opened_is_good(machine: Machine) -> None:
    machine.usb("1-2", "0d28:0204", serial="D1", product="CMSIS-DAP", ports=("ttyACM0",))
    (found,) = probes(machine)
    assert (found.name, found.verdict) == ("CMSIS-DAP", "good")
    assert found.found == "D1, 0d28:0204, ttyACM0"


def test_a_probe_without_permission_gets_the_rules(machine: Machine) -> None:
    node = plug_in(machine)
    forbid(node)
    with as_nobody():
        (found,) = probes(machine)
    assert (found.verdict, found.fix) == ("warning", INSTALL)
    assert str(node) in found.notes[0]
    assert "qrig doctor --udev | sudo tee /etc/udev/rules.d/70-qrig.rules" in found.fix


def test_a_probe_without_a_node_speaks_of_containers(machine: Machine) -> None:
    plug_in(machine).unlink()
    (found,) = probes(machine)
    assert found.verdict == "warning"
    assert "container" in found.notes[0]
    assert "--device" in found.fix[0]


@pytest.mark.parametrize("product", ["3744", "374d"])
def test_a_probe_that_debugs_nothing_is_a_warning(machine: Machine, product: str) -> None:
    machine.usb("1-2", f"0483:{product}", serial=NUCLEO)
    (found,) = probes(machine)
    assert (found.verdict, bool(found.notes)) == ("warning", True)


def test_a_jlink_wants_its_library(machine: Machine) -> None:
    machine.usb("1-2", "1366:0101", serial="000123456789", product="J-Link")
    (found,) = probes(machine)
    assert found.verdict == "warning"
    assert "SEGGER" in found.notes[0]
    machine.write("opt/SEGGER/JLink_V812/libjlinkarm.so.8")
    (found,) = probes(machine)
    assert (found.verdict, found.found) == ("good", "123456789, 1366:0101, no serial port")


def test_several_probes_are_a_line_each(machine: Machine) -> None:
    plug_in(machine)
    machine.usb("1-3", "0483:374b", serial="066BFF", address=(1, 5), ports=("ttyACM1",))
    assert [found.found.split(",")[0] for found in probes(machine)] == [NUCLEO, "066BFF"]


def test_a_port_names_the_probe_it_is_on(machine: Machine) -> None:
    plug_in(machine)
    found = serial(machine)["serial port"]
    assert found.verdict == "good"
    assert found.found == f"{machine.root / 'dev/ttyACM0'} of ST-Link V2-1 {NUCLEO}"


def test_no_port_is_missing_and_not_needed(machine: Machine) -> None:
    found = serial(machine)["serial port"]
    assert (found.verdict, found.needed) == ("missing", False)


def test_a_port_without_permission_gets_the_group(machine: Machine) -> None:
    plug_in(machine)
    forbid(machine.root / "dev/ttyACM0")
    with as_nobody():
        found = serial(machine)
        wanted = f"sudo usermod -aG dialout {account()}"
    for name in ("serial port", "serial permission"):
        assert found[name].verdict == "warning"
        assert found[name].fix[0].startswith(wanted)


def test_who_joined_the_group_since_the_login_is_told(machine: Machine) -> None:
    with as_nobody():
        machine_account = account()
    machine.groups(f"dialout:x:54321:somebody,{machine_account}")
    plug_in(machine)
    forbid(machine.root / "dev/ttyACM0")
    with as_nobody():
        found = serial(machine)["serial permission"]
    assert found.verdict == "warning"
    assert found.fix[0].startswith("log out and in again")


def test_who_is_in_the_group_is_well(machine: Machine) -> None:
    machine.groups(f"uucp:x:{os.getegid()}:")
    with as_nobody():
        found, name = serial(machine)["serial permission"], account()
    assert found.verdict == "good"
    assert found.found == f"{name} is in the group uucp"


def test_who_may_open_all_ports_needs_no_group(machine: Machine) -> None:
    plug_in(machine)
    (machine.root / "dev/ttyACM0").chmod(0o666)
    with as_nobody():
        found = serial(machine)["serial permission"]
    assert found.verdict == "good"
    assert "not in the group dialout" in found.found


def test_without_a_group_for_ports_the_rules_help(machine: Machine) -> None:
    machine.groups("users:x:54321:")
    plug_in(machine)
    forbid(machine.root / "dev/ttyACM0")
    with as_nobody():
        found = serial(machine)
    assert found["serial port"].fix == INSTALL
    assert found["serial permission"].fix == INSTALL


def test_lines_of_groups_that_are_broken_are_passed_over(machine: Machine) -> None:
    machine.write(
        "etc/group", b"bad\nwheel:x:ten:\n\xff\xfe:x:7:\ndialout:x:20:a,b\nmore:x:1:2:3\n"
    )
    assert [group.name for group in groups(machine.root)][-1] == "dialout"
    group = serial_group(machine.root)
    assert group is not None
    assert (group.number, group.members) == (20, ("a", "b"))
    assert is_in(group) == (20 in {os.getegid(), *os.getgroups()})


def test_modem_manager_is_not_told_of_where_it_does_not_run(machine: Machine) -> None:
    machine.process(1, "systemd")
    assert list(check_modem_manager(machine.root)) == []


def test_modem_manager_is_a_warning(machine: Machine) -> None:
    machine.process(1, "systemd")
    machine.process(731, "ModemManager")
    plug_in(machine)
    (found,) = check_modem_manager(machine.root)
    assert (found.verdict, found.needed) == ("warning", False)
    assert found.fix[: len(INSTALL)] == INSTALL
    assert "systemctl disable --now ModemManager" in found.fix[-1]


def test_modem_manager_that_was_told_leaves_the_probe_alone(machine: Machine) -> None:
    machine.process(731, "ModemManager")
    plug_in(machine)
    # udev's record of character device 189:3, the fourth device on the first bus
    machine.write(
        "run/udev/data/c189:3", "E:ID_MODEL=STM32_STLink\nE:ID_MM_DEVICE_IGNORE=1\nG:seat\n"
    )
    (found,) = check_modem_manager(machine.root)
    assert found.verdict == "good"
    machine.usb("2-1", "0483:374b", serial="other", address=(2, 1), ports=("ttyACM1",))
    (found,) = check_modem_manager(machine.root)
    assert found.verdict == "warning"
    machine.write("run/udev/data/c189:128", "E:ID_MM_DEVICE_IGNORE=1\n")
    (found,) = check_modem_manager(machine.root)
    assert found.verdict == "good"


def test_before_a_probe_is_plugged_in_the_rules_count(machine: Machine) -> None:
    machine.process(731, "ModemManager")
    machine.write("usr/lib/udev/rules.d/77-mm-x22x.rules", 'ATTRS{idVendor}=="1bbb"\n')
    (found,) = check_modem_manager(machine.root)
    assert found.verdict == "warning"
    machine.write("etc/udev/rules.d/70-qrig.rules", udev_rules(machine.root))
    (found,) = check_modem_manager(machine.root)
    assert found.verdict == "good"


def test_processes_of_this_machine_are_found() -> None:
    name = Path("/proc/self/comm").read_text().strip()
    assert is_running(name, Path("/"))
    assert not is_running("no-such-process", Path("/"))
