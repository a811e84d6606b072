"""The core of a virtual board: its sleep, its debugger, its instructions."""

import itertools
import struct
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property_runs import tried
from qrig.backends.virtual.core.core import HALTED
from qrig.backends.virtual.core.thumb import (
    count_instructions,
    divisor_register,
    find_divisions,
)
from virtual_machines import (
    DCRDR,
    DCRSR,
    DEMCR,
    DFSR,
    DHCSR,
    F4,
    F7,
    HALT,
    KEY,
    STACK_TOP,
    assemble,
    attach,
    machine,
    read32,
    run,
    run_to_breakpoint,
    running,
    write32,
)

CATCH_RESET = 1
S_SLEEP, S_RESET = 1 << 18, 1 << 25


@pytest.mark.parametrize("chip", [F4, F7])
def test_a_sleeping_core_wakes_by_a_pending_interrupt_that_is_enabled(chip: str) -> None:
    made = running(
        ".thumb_func\nreset: cpsid i; ldr r4, =0xE000E100; movs r0, #0x80; str r0, [r4, #4];"
        "wfi; movs r1, #1; ldr r4, =0xE000E280; str r0, [r4, #4]; wfi; movs r1, #2; b .",
        chip,
    )
    core = run(made)
    assert core.is_asleep
    attach(made)
    assert read32(made, DHCSR) & S_SLEEP
    write32(made, 0xE000_E204, 1)  # another interrupt
    core.wake()
    assert core.is_asleep
    write32(made, 0xE000_E204, 0x80)
    core.wake()
    run(made)
    assert core.is_asleep
    assert core.engine["r1"] == 1


def test_a_wfi_with_an_interrupt_pending_goes_on() -> None:
    made = running(
        ".thumb_func\nreset: cpsid i; ldr r4, =0xE000E100; movs r0, #1; str r0, [r4];"
        "ldr r5, =0xE000E200; str r0, [r5]; wfi; wfi; movs r1, #5; bkpt"
    )
    run_to_breakpoint(made)
    assert made.chip.engine["r1"] == 5


def test_an_erased_chip_locks_up_and_can_be_halted() -> None:
    for chip in (F4, F7):
        made = machine(chip=chip)
        core = run(made)
        assert core.is_locked
        write32(made, DHCSR, KEY | 3)
        assert core.is_halted


def test_a_reset_stops_at_the_first_instruction_when_the_debugger_wants_it() -> None:
    made = running(".thumb_func\nreset: movs r0, #1; b .")
    attach(made, CATCH_RESET)
    write32(made, 0xE000_ED0C, 0x05FA_0004)
    core = made.chip.core
    assert core.is_halted
    assert core.engine["pc"] == read32(made, 0x0800_0004) - 1
    assert core.engine["sp"] == STACK_TOP
    assert read32(made, DHCSR) & S_RESET
    assert not read32(made, DHCSR) & S_RESET
    assert read32(made, DEMCR) == CATCH_RESET


def test_the_firmware_can_reset_the_chip() -> None:
    made = running(
        ".thumb_func\nreset: ldr r4, =0x40023874; ldr r0, [r4]; tst r0, #0x10000000; bne 1f;"
        "mov r1, #0x1000000; str r1, [r4]; ldr r5, =0xE000ED0C; ldr r6, =0x05FA0004;"
        "str r6, [r5]; 2: b 2b; 1: bkpt"
    )
    attach(made)
    run(made)
    assert made.chip.core.is_halted
    assert made.chip.engine["r0"] & 0xFF00_0000 == 0x1400_0000


def test_the_debugger_reads_and_writes_registers_while_halted() -> None:
    made = running(".thumb_func\nreset: b .")
    attach(made)
    write32(made, DHCSR, KEY | 3)
    for number in (*range(13), 17, 33, 64, 95):
        write32(made, DCRDR, 0x1234_5670 + number & ~3 if number != 33 else 0x0100_0000)
        write32(made, DCRSR, 1 << 16 | number)
    for number in (*range(13), 17, 33, 64, 95):
        write32(made, DCRDR, 0)
        write32(made, DCRSR, number)
        wanted = 0x1234_5670 + number & ~3 if number != 33 else 0x0100_0000
        assert read32(made, DCRDR) == wanted


def test_steps_execute_one_instruction_each() -> None:
    made = running(".thumb_func\nreset: movs r0, #1; movs r0, #2; ldr r1, =0x12345678; b .")
    attach(made)
    write32(made, DHCSR, KEY | 3)
    begin = made.chip.engine["pc"]
    seen = []
    for _ in range(3):
        write32(made, DHCSR, KEY | 5)
        seen.append((made.chip.engine["r0"], made.chip.engine["pc"] - begin))
    assert seen == [(1, 2), (2, 4), (2, 6)]
    assert read32(made, DFSR) & HALTED


def test_an_endless_loop_is_left_when_the_core_is_interrupted() -> None:
    made = running(".thumb_func\nreset: 1: adds r0, #1; b 1b")
    core = made.chip.core
    threading.Timer(0.05, setattr, (core, "interrupted", True)).start()
    run(made)
    assert core.is_running
    assert core.counter.total > 0
    write32(made, DHCSR, KEY | 1 | HALT)
    assert core.is_halted


@given(st.binary(max_size=64).map(lambda data: data[: len(data) & ~1]))
@tried(50)
def test_divisions_are_found_at_every_halfword(code: bytes) -> None:
    halves = struct.unpack(f"<{len(code) // 2}H", code)
    expected = [
        2 * index
        for index, (first, second) in enumerate(itertools.pairwise(halves))
        if first & 0xFFD0 == 0xFB90 and second & 0xF0F0 == 0xF0F0
    ]
    assert find_divisions(code) == expected
    sdiv = struct.pack("<2H", 0xFB91, 0xF2F3)
    assert find_divisions(code + sdiv)[-1:] == [len(code)]


def test_other_code_at_a_place_of_a_division_divides_by_nothing() -> None:
    assert divisor_register(struct.pack("<2H", 0xFB91, 0xF2F3)) == 3
    assert divisor_register(struct.pack("<2H", 0xBF00, 0xFB91)) is None
    assert divisor_register(b"") is None


def test_instructions_are_counted_by_their_length() -> None:
    image = assemble("reset: nop; add.w r0, r0, #1; ldr.w r1, [r2]; bx lr; vadd.f32 s0, s1, s2")
    begin = int.from_bytes(image[4:8], "little") - 0x0800_0001 + 1 & ~1
    assert count_instructions(image[begin : begin + 16]) == 5
