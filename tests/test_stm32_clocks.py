"""Clock trees of the STM32 port: what its registers say in the end, and the order of the writes.

The frequencies and limits are those of the data sheets and reference manuals: RM0090 (F4), RM0385
and RM0410 (F7), RM0432 (L4+), RM0433 (H7).
"""

import math
from collections.abc import Callable

import pytest
from attrs import frozen

from stm32_port import BOARDS, PlayedPort, played_port

_F4_RCC, _L4_RCC, _H7_RCC = 0x4002_3800, 0x4002_1000, 0x5802_4400
_PWR, _H7_PWR = 0x4000_7000, 0x5802_4800
_MHZ = 1_000_000
_APB_PRESCALERS = {0: 1, 4: 2, 5: 4, 6: 8, 7: 16}


@frozen
class Tree:
    """What runs how fast, and whether by the oscillator outside the chip."""

    input_hz: float
    vco_hz: float
    core_hz: float
    bus_hz: tuple[float, float]
    is_external: bool


@frozen
class Family:
    """Registers as they are after a reset, how they are read in the end, and what the chip stands.

    `wait_state_hz` is by how much faster flash may be read with each wait state.
    """

    reset: dict[int, int]
    tree: Callable[[PlayedPort], Tree]
    input_hz: tuple[float, float]
    vco_hz: tuple[float, float]
    bus_hz: tuple[float, float]
    flash: int
    wait_state_hz: float


def _f4_tree(port: PlayedPort) -> Tree:
    pll, cfgr = port[_F4_RCC + 4], port[_F4_RCC + 8]
    is_external = bool(pll >> 22 & 1)
    input_hz = (8 if is_external else 16) * _MHZ / (pll & 0x3F)
    vco_hz = input_hz * (pll >> 6 & 0x1FF)
    core_hz = vco_hz / (2 * (pll >> 16 & 3) + 2)
    assert cfgr >> 4 & 0xF == 0
    assert vco_hz / (pll >> 24 & 0xF) <= 48 * _MHZ
    buses = [core_hz / _APB_PRESCALERS[cfgr >> shift & 7] for shift in (10, 13)]
    return Tree(input_hz, vco_hz, core_hz, (buses[0], buses[1]), is_external)


def _l4_tree(port: PlayedPort) -> Tree:
    pll, cfgr = port[_L4_RCC + 0xC], port[_L4_RCC + 8]
    is_external = pll & 3 == 3
    assert is_external or (pll & 3 == 2 and port[_L4_RCC] >> 8 & 5 == 5)  # HSI16 is on, and ready
    input_hz = (8 if is_external else 16) * _MHZ / ((pll >> 4 & 0xF) + 1)
    vco_hz = input_hz * (pll >> 8 & 0x7F)
    core_hz = vco_hz / (2 * (pll >> 25 & 3) + 2)
    assert pll >> 24 & 1
    assert cfgr >> 4 & 0xF == 0
    assert cfgr >> 8 & 0x3F == 0
    return Tree(input_hz, vco_hz, core_hz, (core_hz, core_hz), is_external)


def _h7_tree(port: PlayedPort) -> Tree:
    select, config, dividers = (port[_H7_RCC + offset] for offset in (0x28, 0x2C, 0x30))
    is_external = select & 3 == 2
    input_hz = (8 if is_external else 64) * _MHZ / (select >> 4 & 0x3F)
    assert config & 0xF == 0b1100  # 8 to 16 MHz, the wide oscillator
    assert config >> 16 & 1
    vco_hz = input_hz * ((dividers & 0x1FF) + 1)
    core_hz = vco_hz / ((dividers >> 9 & 0x7F) + 1)
    d1, d2, d3 = (port[_H7_RCC + offset] for offset in (0x18, 0x1C, 0x20))
    assert (d1 >> 8 & 0xF, d1 & 0xF) == (0, 8)  # the core as fast as the PLL, the buses half
    buses = [
        core_hz / 2 / _APB_PRESCALERS[value >> shift & 7]
        for value, shift in ((d1, 4), (d2, 4), (d2, 8), (d3, 4))
    ]
    return Tree(input_hz, vco_hz, core_hz, (buses[1], max(buses)), is_external)


_FAMILIES = {
    "f4": Family(
        {_F4_RCC: 0x83, _F4_RCC + 4: 0x2400_3010, 0x4002_3C00: 0},
        _f4_tree,
        (1e6, 2e6),
        (100e6, 432e6),
        (45e6, 90e6),
        0x4002_3C00,
        30e6,
    ),
    "f7": Family(
        {_F4_RCC: 0x83, _F4_RCC + 4: 0x2400_3010, _PWR: 0xC000, 0x4002_3C00: 0},
        _f4_tree,
        (1e6, 2e6),
        (100e6, 432e6),
        (54e6, 108e6),
        0x4002_3C00,
        30e6,
    ),
    "l4": Family(
        {_L4_RCC: 0x63, _L4_RCC + 0xC: 0x1000, _PWR: 0x200, _PWR + 0x80: 0x100, 0x4002_2000: 0x600},
        _l4_tree,
        (4e6, 16e6),
        (64e6, 344e6),
        (120e6, 120e6),
        0x4002_2000,
        20e6,
    ),
    "h7": Family(
        {_H7_RCC: 0x25, _H7_PWR + 0xC: 6, 0x5200_2000: 0x37},
        _h7_tree,
        (8e6, 16e6),
        (192e6, 836e6),
        (100e6, 100e6),
        0x5200_2000,
        70e6,  # of the AXI bus, half the core's clock, in scale 1
    ),
}


def _started(name: str, *, has_hse: bool) -> tuple[PlayedPort, Family, list[tuple[int, int]]]:
    port = played_port(name, started=False)
    family = _FAMILIES[port.family]
    for address, value in family.reset.items():
        port[address] = value
    return port, family, port.start_clock(has_hse=has_hse)


@pytest.mark.parametrize("has_hse", [True, False])
@pytest.mark.parametrize("name", [*BOARDS, "nucleo-f767"])
def test_every_clock_is_within_its_limits(name: str, *, has_hse: bool) -> None:
    port, family, _ = _started(name, has_hse=has_hse)
    tree = family.tree(port)
    assert tree.core_hz == port.board.clock_hz
    assert tree.is_external == (has_hse and port.board.clock is not None)
    assert family.input_hz[0] <= tree.input_hz <= family.input_hz[1]
    assert family.vco_hz[0] <= tree.vco_hz <= family.vco_hz[1]
    assert all(found <= most for found, most in zip(tree.bus_hz, family.bus_hz, strict=True))
    flash_hz = tree.core_hz / (2 if port.family == "h7" else 1)
    states = port[family.flash] & 0xF
    memory = port.board.memory
    assert memory is not None
    assert states == math.ceil(flash_hz / family.wait_state_hz) - 1 == memory.code.wait_states
    assert f"clock={'hse' if tree.is_external else 'hsi'}\n" in port.description


def _position(writes: list[tuple[int, int]], address: int, mask: int, value: int) -> int:
    """Return where a register first has these bits among the writes."""
    return next(
        index
        for index, write in enumerate(writes)
        if write[0] == address and write[1] & mask == value
    )


@pytest.mark.parametrize("name", ["nucleo-f746", "nucleo-f767", "nucleo-f429"])
def test_the_regulator_is_overdriven_between_the_plls_start_and_its_use(name: str) -> None:
    port, family, writes = _started(name, has_hse=True)
    steps = [
        _position(writes, _F4_RCC + 0x40, 1 << 28, 1 << 28),  # PWREN
        _position(writes, _F4_RCC + 4, 0x3F, 4),
        _position(writes, _F4_RCC, 1 << 24, 1 << 24),  # PLLON
        _position(writes, _PWR, 1 << 16, 1 << 16),  # ODEN
        _position(writes, _PWR, 3 << 16, 3 << 16),  # ODSWEN
        _position(writes, family.flash, 0xF, port[family.flash] & 0xF),
        _position(writes, _F4_RCC + 8, 7 << 10, 5 << 10),
        _position(writes, _F4_RCC + 8, 3, 2),  # SW
    ]
    assert steps == sorted(steps)
    assert all(value & 0xC000 == 0xC000 for address, value in writes if address == _PWR)


def test_a_slower_chip_is_not_overdriven() -> None:
    port, _, writes = _started("stm32f4-discovery", has_hse=True)
    assert port[_PWR] == 1 << 14  # scale 1, one bit on F405/407
    scale = _position(writes, _PWR, 1 << 14, 1 << 14)
    assert scale < _position(writes, _F4_RCC, 1 << 24, 1 << 24)


@pytest.mark.parametrize(("device", "prefetches"), [(0x413, True), (0x411, False)])
def test_the_first_f407_does_not_prefetch(device: int, *, prefetches: bool) -> None:
    port = played_port("stm32f4-discovery", started=False)
    port[0xE004_2000] = 0x1000_0000 | device
    port.start_clock()
    assert bool(port[0x4002_3C00] & 1 << 8) == prefetches
    assert port[0x4002_3C00] & 3 << 9 == 3 << 9


def test_l4_boosts_its_voltage_and_goes_by_way_of_half_the_speed() -> None:
    port, _, writes = _started("nucleo-l4r5", has_hse=True)
    cfgr = [value for address, value in writes if address == _L4_RCC + 8]
    assert [(value >> 4 & 0xF, value & 3) for value in cfgr] == [(8, 0), (8, 3), (0, 3)]
    boost = _position(writes, _PWR + 0x80, 1 << 8, 0)
    assert boost < _position(writes, _L4_RCC + 8, 3, 3)
    assert port[_PWR] >> 9 & 3 == 1  # range 1
    assert port[_PWR + 4] & 1 << 9  # the supply of PG2 to PG15


def test_h7_names_its_supply_once_before_it_raises_the_voltage() -> None:
    port, _, writes = _started("nucleo-h743", has_hse=True)
    supply = [value for address, value in writes if address == _H7_PWR + 0xC]
    assert supply == [2]  # the LDO, and no more updates
    scale = _position(writes, _H7_PWR + 0x18, 3 << 14, 3 << 14)
    assert _position(writes, _H7_PWR + 0xC, 7, 2) < scale
    assert scale < _position(writes, _H7_RCC, 1 << 24, 1 << 24)
    assert port[0x5200_2000] == 2 | 2 << 4  # and WRHIGHFREQ
