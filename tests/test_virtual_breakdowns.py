"""What goes wrong with the firmware of a virtual board when that is asked for."""

import pytest

from qrig.backends.virtual.core.engine import NoMemoryError
from qrig.backends.virtual.faults import Faults
from qrig.backends.virtual.machine import Machine
from virtual_machines import F4, F7, attach, machine, read32, run, running, write32

DHCSR, KEY, S_HALT, S_LOCKUP = 0xE000_EDF0, 0xA05F_0000, 1 << 17, 1 << 19
RCC_CSR = 0x4002_3874
CHIPS = [F4, F7]

INFERENCES = """
.thumb_func
reset: ldr r0, =0x40023830; movs r1, #8; str r1, [r0]
    ldr r4, =0x40020C00; mov r1, #0x40000000; str r1, [r4]
    mov r2, #0x8000; mov r3, #0x80000000; movs r5, #0
again: str r2, [r4, #0x18]; adds r5, #1; mov r6, #3000
1:  subs r6, #1; bne 1b
    str r3, [r4, #0x18]; cmp r5, #5; bne again
    wfi
"""
"""Raises and lowers the marker five times, thousands of instructions apart; r5 counts."""


def _is_hung(made: Machine) -> bool:
    core = run(made)
    return core.is_stuck and not core.is_running


def _restart(made: Machine) -> None:
    made.hold_reset(held=True)
    made.hold_reset(held=False)


@pytest.mark.parametrize("chip", CHIPS)
def test_a_firmware_hangs_in_the_inference_that_is_named(chip: str) -> None:
    made = running(INFERENCES, chip, Faults(hang_inference=3))
    assert _is_hung(made)
    assert made.chip.engine["r5"] == 3
    assert 0 < made.chip.engine["r6"] < 3000, "in the middle of it"
    attach(made)
    assert not read32(made, DHCSR) & (S_HALT | S_LOCKUP)
    write32(made, DHCSR, KEY | 3)
    assert read32(made, DHCSR) & S_HALT
    _restart(made)
    assert not _is_hung(made)
    assert made.chip.core.is_asleep


def test_a_firmware_hangs_again_if_that_is_asked_for() -> None:
    made = running(INFERENCES, faults=Faults(hang_inference=2, hangs_again=True))
    for expected in (2, 1, 1):
        assert _is_hung(made)
        assert made.chip.engine["r5"] == expected
        _restart(made)


def test_a_firmware_hangs_some_time_after_every_reset() -> None:
    made = running(".thumb_func\nreset: cpsid i; 1: wfi; b 1b", faults=Faults(hang_after_s=2.5))
    for _ in range(2):
        run(made)
        assert made.until_event_s() == pytest.approx(2.5, abs=0.001)
        made.chip.clock.sleep(2.6)
        made.until_event_s()
        assert made.chip.core.is_stuck
        _restart(made)
        assert not made.chip.core.is_stuck


@pytest.mark.parametrize("chip", CHIPS)
def test_a_power_dip_starts_the_board_over_once_and_loses_its_memory(chip: str) -> None:
    source = """
.thumb_func
reset: ldr r4, =0x20001000; ldr r5, [r4]; ldr r6, =0x12345678; str r6, [r4]
    ldr r7, =20000; 1: subs r7, #1; bne 1b; wfi
"""
    made = running(source, chip, Faults(power_dip=10_000))
    write32(made, RCC_CSR, 1 << 24)
    core = run(made)
    assert core.is_asleep
    assert read32(made, RCC_CSR) >> 24 == 0x0E
    assert core.engine["r5"] != 0x1234_5678
    assert 50_000 < core.counter.total < 50_100


def test_a_broken_cycle_counter_stands_still() -> None:
    source = """
.thumb_func
reset: ldr r4, =0xE000EDFC; mov r0, #0x01000000; str r0, [r4]
    ldr r4, =0xE0001000; ldr r1, =0xC5ACCE55; str r1, [r4, #0xFB0]
    movs r0, #0; str r0, [r4, #4]; movs r0, #1; str r0, [r4]
    nop; nop; nop; ldr r5, [r4, #4]; wfi
"""
    for faults, stands in ((Faults(), False), (Faults(no_cycle_counter=True), True)):
        made = running(source, faults=faults)
        assert (run(made).engine["r5"] == 0) == stands


def test_a_held_reset_pin_leaves_only_the_debug_registers_in_reach() -> None:
    made = machine()
    made.hold_reset(held=True)
    assert not made.is_running
    assert read32(made, 0xE004_2000) & 0xFFF == 0x449
    write32(made, 0xE004_2004, 7)
    write32(made, DHCSR, KEY | 1)
    for address in (0x2000_0000, 0x0800_0000, 0x4002_3800):
        with pytest.raises(NoMemoryError):
            read32(made, address)
    made.hold_reset(held=False)
    assert read32(made, 0xE004_2004) == 7
