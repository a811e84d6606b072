"""The rules `qrig doctor --udev` prints, read by a small udev of our own."""

import fnmatch
import re
from collections.abc import Mapping, Sequence

import pytest
from attrs import Factory, define

from made_up_machine import made_up
from qrig.runs.doctor_checks.stlink import MODELS
from qrig.runs.doctor_checks.udev_rules import RULES_FILE, udev_rules

_TERM = re.compile(r'([A-Z]+(?:\{[A-Za-z_]+\})?)(==|!=|\+=|=)"([^"]*)"')


@define
class Event:
    """A device that udev was told of: its own and its parents' attributes, what rules gave it."""

    subsystem: str
    parents: Sequence[Mapping[str, str]]
    action: str = "add"
    env: dict[str, str] = Factory(dict)
    given: dict[str, str] = Factory(dict)


def terms(line: str) -> list[tuple[str, str, str]]:
    """Split a rule; fails on what is no rule."""
    found = []
    for part in re.split(r",\s*(?=[A-Z])", line):
        match = _TERM.fullmatch(part)
        assert match is not None, f"udev would refuse {part!r} in {line!r}"
        key, operator, value = match.groups()
        found.append((key, operator, value))
    return found


def matches(event: Event, rule: list[tuple[str, str, str]]) -> bool:
    """Whether all conditions hold; those on ATTRS hold together, of one parent."""
    own = {"ACTION": event.action, "SUBSYSTEM": event.subsystem}
    own |= {f"ENV{{{name}}}": value for name, value in event.env.items()}
    for key, operator, value in rule:
        if operator in ("==", "!=") and not key.startswith("ATTRS"):
            fits = any(fnmatch.fnmatchcase(own.get(key, ""), each) for each in value.split("|"))
            if fits != (operator == "=="):
                return False
    wanted = [(key[6:-1], value) for key, _, value in rule if key.startswith("ATTRS")]
    return any(
        all(
            any(fnmatch.fnmatchcase(parent.get(name, ""), each) for each in value.split("|"))
            for name, value in wanted
        )
        for parent in event.parents
    )


def apply(rules: str, event: Event) -> Event:
    label = None
    for line in rules.splitlines():
        if not line or line.startswith("#"):
            continue
        rule = terms(line)
        if label is not None:
            if rule == [("LABEL", "=", label)]:
                label = None
            continue
        if rule[0][0] == "LABEL" or not matches(event, rule):
            continue
        for key, operator, value in rule:
            if key == "GOTO":
                label = value
            elif operator in ("=", "+="):
                if key.startswith("ENV"):
                    event.env[key[4:-1]] = value
                else:
                    event.given[key] = value
    assert label is None, "a jump to nowhere"
    return event


def usb(identity: str, product: str = "") -> Mapping[str, str]:
    vendor, number = identity.split(":")
    return {"idVendor": vendor, "idProduct": number, "product": product}


HUB = usb("1d6b:0002", "xHCI Host Controller")
IDENTITIES = [*(f"0483:{product:04x}" for product in MODELS), "1366:0105", "1366:1015"]


@pytest.fixture
def rules() -> str:
    with made_up() as machine:
        machine.groups("plugdev:x:46:")
        return udev_rules(machine.root)


@pytest.mark.parametrize("identity", IDENTITIES)
def test_probes_are_opened_to_who_is_there(rules: str, identity: str) -> None:
    event = apply(rules, Event("usb", (usb(identity), HUB)))
    assert event.given == {"TAG": "uaccess", "MODE": "0660", "GROUP": "plugdev"}
    assert event.env["ID_MM_DEVICE_IGNORE"] == "1"


@pytest.mark.parametrize("subsystem", ["usb", "hidraw"])
def test_cmsis_dap_is_told_by_its_name(rules: str, subsystem: str) -> None:
    device = usb("0d28:0204", "DAPLink CMSIS-DAP")
    event = apply(rules, Event(subsystem, ({}, {}, device, HUB)))
    assert event.given == {"TAG": "uaccess", "MODE": "0660", "GROUP": "plugdev"}


def test_ports_of_probes_keep_their_group(rules: str) -> None:
    event = apply(rules, Event("tty", ({}, {}, usb("0483:374b"), HUB)))
    assert event.given == {"TAG": "uaccess"}
    assert event.env["ID_MM_DEVICE_IGNORE"] == "1"


@pytest.mark.parametrize(
    "event",
    [
        Event("usb", (usb("0483:5740", "STM32 Virtual ComPort"), HUB)),
        Event("usb", (usb("0483:df11"), HUB)),
        Event("usb", (usb("046d:374b"), HUB)),
        Event("tty", ({}, usb("0403:6001", "FT232R"), HUB)),
        Event("block", ({}, usb("0483:374b"), HUB)),
        Event("usb", (usb("0483:374b"), HUB), action="remove"),
    ],
)
def test_nothing_else_is_touched(rules: str, event: Event) -> None:
    assert apply(rules, event).given == {}
    assert "ID_MM_DEVICE_IGNORE" not in event.env


@pytest.mark.parametrize("action", ["add", "change", "bind"])
def test_a_later_event_does_not_undo_them(rules: str, action: str) -> None:
    event = apply(rules, Event("usb", (usb("0483:374b"), HUB), action=action))
    assert event.given["TAG"] == "uaccess"


def test_a_group_that_is_not_there_is_not_named() -> None:
    with made_up() as machine:
        machine.groups("dialout:x:20:")
        rules = udev_rules(machine.root)
    assert "plugdev" not in rules
    event = apply(rules, Event("usb", (usb("0483:374b"), HUB)))
    assert event.given == {"TAG": "uaccess", "MODE": "0660"}


def test_the_rules_say_how_they_are_installed(rules: str) -> None:
    comments = [line for line in rules.splitlines() if line.startswith("#")]
    assert any(f"qrig doctor --udev | sudo tee {RULES_FILE}" in line for line in comments)
    assert any("udevadm control --reload" in line for line in comments)
    number = int(RULES_FILE.rpartition("/")[2].partition("-")[0])
    assert number < 73  # 73-seat-late.rules acts on the tag
