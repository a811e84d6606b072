"""Real probes, as far as that goes without one: looked for anew, with their ports."""

from typing import Any

import pytest
from attrs import frozen

from qrig.backends.probe import usb_source
from qrig.backends.probe.instance import Instance
from qrig.backends.probe.serial_ports import FoundPort
from qrig.backends.probe.usb_source import UsbAttachment, UsbSource, connected_probes
from qrig.boards import find_board
from qrig.deadline import Deadline
from qrig.errors import ProbeError, TargetUnavailableError

BOARD = find_board("nucleo-f746")
PORTS = (FoundPort("/dev/ttyACM0", "STLINK", "066A"), FoundPort("/dev/ttyACM1", "STLINK", "077B"))


@frozen
class _Probe:
    """What pyOCD shows of a probe that is not open."""

    unique_id: str
    product: str | None = "STM32 STLink"

    @property
    def product_name(self) -> str:
        if self.product is None:
            raise OSError(16, "Resource busy")
        return self.product


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the list of the probes on USB; no lab.toml, and two ports."""
    found: list[Any] = [_Probe("066A"), _Probe("077B", None)]
    monkeypatch.setattr(usb_source, "_enumerate", lambda: found)
    monkeypatch.setattr(usb_source, "found_ports", lambda: PORTS)
    monkeypatch.delenv("QRIG_LAB", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nowhere")
    return found


def attached(instance: Instance) -> UsbAttachment:
    return UsbSource().attach(BOARD, instance)


@pytest.mark.usefixtures("probes")
def test_probes_are_listed_even_if_one_is_busy() -> None:
    first, second = connected_probes()
    assert str(first) == "066A (STM32 STLink)"
    assert "Resource busy" in str(second)


def test_a_probe_is_looked_for_anew_every_time(probes: list[Any]) -> None:
    attachment = attached(Instance("toy", "066a", "066a"))
    assert attachment.probe() is probes[0]
    assert attachment.port_url() == "/dev/ttyACM0"
    assert attachment.port_probe_id() == "066a"
    probes.clear()
    with pytest.raises(TargetUnavailableError, match="expected the probe 066a, found none"):
        attachment.probe()
    probes.append(_Probe("066A"))
    assert attachment.probe() is probes[0]


@pytest.mark.usefixtures("probes")
@pytest.mark.parametrize(
    ("port", "owner"),
    [("/dev/ttyACM1", "077B"), ("/dev/ttyACM0", "066A"), ("/dev/ttyS7", None), ("loop://", None)],
)
def test_whose_port_is_named_is_found_out(port: str, owner: str | None) -> None:
    attachment = attached(Instance("toy", "066a", "066a", port))
    assert attachment.port_url() == port
    assert attachment.port_probe_id() == owner


@pytest.mark.usefixtures("probes")
def test_a_board_is_not_taken_without_its_port() -> None:
    with pytest.raises(TargetUnavailableError, match="no-port"):
        attached(Instance("toy", "no-port", "no-port"))


@pytest.mark.usefixtures("probes")
def test_a_power_cycle_is_there_if_the_laboratory_has_one() -> None:
    assert attached(Instance("toy", "066a", "066a")).power_cycle is None
    failing = attached(Instance("toy", "066a", "066a", power_cycle=("/nowhere/switch",)))
    assert failing.power_cycle is not None
    with pytest.raises(ProbeError, match="/nowhere/switch"):
        failing.power_cycle(Deadline.after(5))
