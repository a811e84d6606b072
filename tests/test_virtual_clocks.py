"""Clocks, power, timers and identity of a virtual board."""

import pytest

from qrig.backends.virtual.faults import Faults
from qrig.backends.virtual.machine import Machine
from virtual_machines import (
    F4,
    F7,
    F407,
    F767,
    UNIQUE_ID,
    attach,
    machine,
    read32,
    run,
    running,
    write32,
)

RCC, PWR, ACR, TIM2 = 0x4002_3800, 0x4000_7000, 0x4002_3C00, 0x4000_0000
HSE_ON, HSE_READY, PLL_ON, PLL_READY = 1 << 16, 1 << 17, 1 << 24, 1 << 25
SPEEDS = [(F4, 180, 5), (F407, 168, 5), (F7, 216, 7), (F767, 216, 7)]


def _speed_up(
    made: Machine, mhz: int, wait_states: int, *, overdrive: bool = True, divide: bool = True
) -> None:
    """Run from the PLL, fed by 8 MHz from outside."""
    write32(made, RCC + 0x40, 1 << 28)
    write32(made, RCC, read32(made, RCC) | HSE_ON)
    write32(made, RCC + 4, 4 | mhz << 6 | 0 << 16 | 1 << 22 | 8 << 24)
    write32(made, RCC, read32(made, RCC) | PLL_ON)
    if overdrive:
        write32(made, PWR, 0xC000 | 1 << 16)
        write32(made, PWR, 0xC000 | 3 << 16)
    write32(made, ACR, wait_states)
    write32(made, RCC + 8, (5 << 10 | 4 << 13) if divide else 0)
    write32(made, RCC + 8, read32(made, RCC + 8) | 2)


@pytest.mark.parametrize(("chip", "mhz", "wait_states"), SPEEDS)
def test_the_core_runs_at_full_speed(chip: str, mhz: int, wait_states: int) -> None:
    made = machine(chip=chip)
    made.chip.core.is_locked = False
    _speed_up(made, mhz, wait_states)
    assert read32(made, RCC) & (HSE_READY | PLL_READY) == HSE_READY | PLL_READY
    assert read32(made, RCC + 8) >> 2 & 3 == 2
    assert made.chip.clock.core_hz == mhz * 1_000_000
    assert made.chip.rcc.bus_hz(1) == mhz * 250_000
    assert made.chip.rcc.timer_hz(1) == mhz * 500_000
    assert not made.chip.core.is_locked


@pytest.mark.parametrize(
    ("wait_states", "overdrive", "divide", "said"),
    [
        (6, True, True, "wait states"),
        (7, False, True, "over-drive"),
        (7, True, False, "bus 1 runs at 216,000,000 Hz"),
    ],
)
def test_a_clock_that_a_chip_cannot_stand_stops_it(
    wait_states: int, overdrive: bool, divide: bool, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    made = machine(chip=F7)
    made.chip.core.is_locked = False
    _speed_up(made, 216, wait_states, overdrive=overdrive, divide=divide)
    assert made.chip.core.is_locked
    assert said in capfd.readouterr().err


def test_an_oscillator_that_does_not_start_is_never_ready() -> None:
    made = machine(chip=F7, faults=Faults(no_hse=True))
    write32(made, RCC, read32(made, RCC) | HSE_ON)
    assert not read32(made, RCC) & HSE_READY
    assert read32(made, RCC) & 3 == 3


@pytest.mark.parametrize("chip", [F4, F7])
def test_a_timer_follows_the_instructions(chip: str) -> None:
    body = """
.thumb_func
reset: ldr r4, =0x40023840; movs r0, #1; str r0, [r4]; ldr r5, =0x40000000
    movw r0, #1599; str r0, [r5, #0x28]; movs r0, #1; str r0, [r5, #0x14]; str r0, [r5]
    ldr r6, =500000; 1: subs r6, #1; bne 1b
    ldr r7, [r5, #0x24]; bkpt
"""
    made = running(body, chip)
    attach(made)
    run(made)
    assert made.chip.core.is_halted
    assert made.chip.engine["r7"] == 625  # a million instructions at 16 MHz, ticks of 0.1 ms


def test_a_timer_counts_on_while_the_core_sleeps_and_says_when_it_is_due() -> None:
    made = machine(chip=F7)
    made.chip.core.is_locked = False
    write32(made, RCC + 0x40, 1)
    write32(made, TIM2 + 0x28, 15_999)
    write32(made, TIM2 + 0x14, 1)
    write32(made, TIM2 + 0x10, 0)
    write32(made, TIM2 + 0x34, 500)
    write32(made, TIM2 + 0x0C, 2)
    write32(made, TIM2, 1)
    write32(made, 0xE000_E100, 1 << 28)
    assert made.until_event_s() == pytest.approx(0.5)
    made.chip.clock.sleep(0.2)
    assert read32(made, TIM2 + 0x24) == 200
    assert not read32(made, TIM2 + 0x10) & 2
    made.chip.core.is_asleep = True
    made.chip.clock.sleep(0.4)
    made.until_event_s()
    assert read32(made, TIM2 + 0x10) & 2
    assert not made.chip.core.is_asleep


def test_a_timer_wraps_at_its_reload_value() -> None:
    made = machine(chip=F4)
    write32(made, RCC + 0x40, 1)
    write32(made, TIM2 + 0x28, 15_999)
    write32(made, TIM2 + 0x2C, 99)
    write32(made, TIM2 + 0x14, 1)
    write32(made, TIM2 + 0x10, 0)
    write32(made, TIM2, 1)
    made.chip.clock.sleep(0.25)
    assert read32(made, TIM2 + 0x24) == 50
    assert read32(made, TIM2 + 0x10) & 1


@pytest.mark.parametrize(
    ("chip", "device_id", "kilobytes", "number", "size"),
    [
        (F4, 0x419, 2048, 0x1FFF_7A10, 0x1FFF_7A22),
        (F407, 0x413, 1024, 0x1FFF_7A10, 0x1FFF_7A22),
        (F7, 0x449, 1024, 0x1FF0_F420, 0x1FF0_F442),
        (F767, 0x451, 2048, 0x1FF0_F420, 0x1FF0_F442),
    ],
)
def test_a_chip_says_what_it_is(
    chip: str, device_id: int, kilobytes: int, number: int, size: int
) -> None:
    made = machine(chip=chip)
    assert read32(made, 0xE004_2000) & 0xFFF == device_id
    words = [read32(made, number + offset) for offset in (0, 4, 8)]
    assert "".join(f"{word:08x}" for word in words) == UNIQUE_ID
    assert int.from_bytes(made.read(size, 2, 1), "little") == kilobytes
    assert read32(made, 0xE000_ED00) >> 4 & 0xFFF == (0xC24 if chip in (F4, F407) else 0xC27)


def test_reset_flags_say_why_until_they_are_cleared() -> None:
    made = running(".thumb_func\nreset: b .")
    assert read32(made, RCC + 0x74) >> 24 == 0x0E
    write32(made, RCC + 0x74, 1 << 24)
    assert read32(made, RCC + 0x74) >> 24 == 0
    made.hold_reset(held=True)
    made.hold_reset(held=False)
    assert read32(made, RCC + 0x74) >> 24 == 0x04
    write32(made, 0xE000_ED0C, 0x05FA_0004)
    assert read32(made, RCC + 0x74) >> 24 == 0x14
