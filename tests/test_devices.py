"""Microcontrollers as modm-devices knows them: memories, pins, DMA, and what is refused."""

import sys

import attrs
import pytest

from qrig.boards import find_board
from qrig.boards.chip import Marker
from qrig.boards.device import DmaRequest, Region, read_device
from qrig.boards.regions import with_addresses
from qrig.boards.wiring import Pin, wiring_of
from qrig.errors import UsageError


def test_a_part_is_found_by_the_beginning_of_its_name() -> None:
    device = read_device("stm32f746zg")
    assert device.name == "stm32f746zgt6"
    assert device.region("dtcm") == Region("dtcm", 0x2000_0000, 0x1_0000)
    assert device.region("flash").end == 0x0810_0000
    assert device.interrupt("USART3") == 39
    assert {"PA0", "PD8", "PG15"} <= device.pins
    assert "PZ0" not in device.pins


def test_the_plainest_of_several_packages_stands_for_a_part() -> None:
    assert read_device("stm32l4r5zi").name == "stm32l4r5zit6"


@pytest.mark.parametrize(
    ("part", "signal", "request_"),
    [
        ("stm32f746zg", "usart3_rx", DmaRequest(1, 1, 4, None, 12)),
        ("stm32f429zi", "usart3_rx", DmaRequest(1, 1, 4, None, 12)),
        ("stm32f407vg", "usart2_rx", DmaRequest(1, 5, 4, None, 16)),
        ("stm32f407vg", "usart1_rx", DmaRequest(2, 2, 4, None, 58)),
        ("stm32l4r5zi", "lpuart1_rx", DmaRequest(1, 1, 34, 0, 11)),
        ("stm32h743zi", "usart3_rx", DmaRequest(1, 0, 45, 0, 11)),
    ],
)
def test_dma_is_that_of_the_reference_manuals(part: str, signal: str, request_: DmaRequest) -> None:
    assert read_device(part).dma_request(signal) == request_


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("stm32f746", "a part like stm32f746zg"),
        ("STM32F746ZG", "a part like stm32f746zg"),
        ("", "a part like stm32f746zg"),
        ("../../secret", "a part like stm32f746zg"),
        ("stm32f746zq", "upgrade: pip install -U modm-devices"),
        ("stm32x999zz", "found 'stm32x999zz'; correct it"),
    ],
)
def test_an_unknown_part_is_refused(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_device(name)


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "modm_devices", None)
    with pytest.raises(UsageError, match="pip install modm-devices"):
        read_device.__wrapped__("stm32f746zg")


def test_what_a_part_does_not_have_is_refused_with_what_it_has() -> None:
    device = read_device("stm32f746zg")
    with pytest.raises(UsageError, match=r"a memory of stm32f746zgt6 \(.*sram1.*, found 'sram9'"):
        device.region("sram9")
    with pytest.raises(UsageError, match=r"an interrupt of stm32f746zgt6 .*found 'USART9'"):
        device.interrupt("USART9")
    with pytest.raises(UsageError, match=r"usart3_tx \(PB10, PC10, PD8\), found 'PD9'"):
        device.alternate_function("PD9", "usart3_tx")
    with pytest.raises(UsageError, match=r"usart9_tx .there is none"):
        device.alternate_function("PD9", "usart9_tx")
    with pytest.raises(UsageError, match=r"with DMA .*found 'usart9_rx'"):
        device.dma_request("usart9_rx")


def test_regions_that_adjoin_are_one_memory() -> None:
    found = with_addresses(
        {
            "code": {"regions": ["flash"], "wait_states": 7},
            "data": {"regions": ["dtcm", "sram1", "sram2"]},
            "other": {"origin": 1, "size_bytes": 2},
            "odd": 5,
        },
        read_device("stm32f746zg"),
    )
    flash = {"origin": 0x0800_0000, "size_bytes": 0x10_0000, "coupled_bytes": 0}
    assert found["code"] == {"wait_states": 7, **flash}
    assert found["data"] == {
        "origin": 0x2000_0000,
        "size_bytes": 0x5_0000,
        "coupled_bytes": 0x1_0000,
    }
    assert (found["other"], found["odd"]) == ({"origin": 1, "size_bytes": 2}, 5)


def test_a_region_may_be_mapped_elsewhere_as_well() -> None:
    regions = ["sram1", "ccm@0x20030000", "sram3"]
    found = with_addresses({"data": {"regions": regions}}, read_device("stm32l4r5zi"))
    assert (found["data"]["origin"], found["data"]["size_bytes"]) == (0x2000_0000, 0xA_0000)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"regions": []}, "in regions, found none"),
        ({"regions": ["sram1", "dtcm"]}, "sram1 ends at 0x2004c000 and dtcm begins at 0x20000000"),
        ({"regions": ["dtcm", "sram2"]}, "dtcm ends at 0x20010000 and sram2 begins at 0x2004c000"),
        ({"regions": ["dtcm", "sram1@0x30000000"]}, "sram1 begins at 0x30000000"),
        ({"regions": ["dtmc"]}, "found 'dtmc'"),
        ({"regions": ["dtcm@here"]}, "found 'dtcm@here'"),
        ({"regions": [7]}, "found '7'"),
        ({"regions": ["dtcm"], "origin": 5}, "expected origin from the device's regions"),
    ],
)
def test_regions_that_cannot_be_are_refused(table: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        with_addresses({"data": table}, read_device("stm32f746zg"))


def test_wiring_comes_from_the_device() -> None:
    wiring = wiring_of(find_board("nucleo-f746"))
    assert (wiring.tx, wiring.rx) == (Pin(3, 8, 7), Pin(3, 9, 7))
    assert (wiring.uart, wiring.interrupt, wiring.marker) == ("usart3", 39, Pin(3, 15))
    low_power = wiring_of(find_board("nucleo-l4r5"))
    assert (low_power.uart, low_power.tx, low_power.interrupt) == ("lpuart1", Pin(6, 7, 8), 70)
    unmarked = attrs.evolve(find_board("nucleo-f746"), marker=None)
    assert wiring_of(unmarked).marker is None


def test_wiring_that_cannot_be_is_refused() -> None:
    board = find_board("nucleo-f746")
    assert board.uart is not None
    with pytest.raises(UsageError, match=r"with usart3_tx .*found 'PD9'"):
        wiring_of(attrs.evolve(board, uart=attrs.evolve(board.uart, tx="PD9")))
    with pytest.raises(UsageError, match="a pin of stm32f746zgt6, found 'PK15'"):
        wiring_of(attrs.evolve(board, marker=Marker("PK15")))
    with pytest.raises(UsageError, match="expected a device and a UART with name, tx and rx"):
        wiring_of(find_board("mps2-an386"))
