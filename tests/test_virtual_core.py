"""The core of a virtual board: exact counting, sleep, faults with their frames, the debugger."""

import itertools
import struct
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property_runs import tried
from qrig.backends.virtual.core.core import BREAKPOINT, CAUGHT, HALTED
from qrig.backends.virtual.core.thumb import count_instructions, find_divisions
from qrig.backends.virtual.machine import Machine
from virtual_machines import (
    BFAR,
    CFSR,
    DCRDR,
    DCRSR,
    DEMCR,
    DFSR,
    DHCSR,
    F4,
    F7,
    HALT,
    HFSR,
    KEY,
    STACK_TOP,
    assemble,
    attach,
    machine,
    read32,
    run,
    running,
    write32,
)

CATCH_HARD_FAULT, CATCH_RESET = 1 << 10, 1
S_HALT, S_SLEEP, S_LOCKUP, S_RESET = 1 << 17, 1 << 18, 1 << 19, 1 << 25
FORCED, DEBUG_EVENT = 1 << 30, 1 << 31

COUNTER = """
.thumb_func
reset:
    ldr r4, =0xE000EDFC; mov r0, #0x01000000; str r0, [r4]
    ldr r4, =0xE0001000; ldr r1, =0xC5ACCE55; str r1, [r4, #0xFB0]
    movs r0, #0; str r0, [r4, #4]; movs r0, #1; str r0, [r4]
"""
"""Switches the cycle counter on; r4 is the base of its registers."""


def _end(made: Machine) -> int:
    """Run to a breakpoint; returns where."""
    attach(made)
    core = run(made)
    assert core.is_halted
    assert read32(made, DFSR) & BREAKPOINT
    return core.engine["pc"]


@pytest.mark.parametrize("chip", [F4, F7])
@pytest.mark.parametrize("rounds", [1, 2, 1000])
def test_the_cycle_counter_counts_every_instruction_of_a_loop(chip: str, rounds: int) -> None:
    body = f"ldr r5, ={rounds}; ldr r0, [r4, #4]; 1: nop; add.w r2, r2, #1; subs r5, #1; bne 1b;"
    made = running(COUNTER + body + "ldr r1, [r4, #4]; bkpt", chip)
    _end(made)
    engine = made.chip.engine
    assert engine["r1"] - engine["r0"] == 1 + 4 * rounds


def test_reads_of_the_counter_within_one_block_are_exact() -> None:
    made = running(COUNTER + "ldr r0, [r4, #4]; nop; nop; ldr r1, [r4, #4]; ldr r2, [r4, #4]; bkpt")
    _end(made)
    engine = made.chip.engine
    assert (engine["r1"] - engine["r0"], engine["r2"] - engine["r1"]) == (3, 1)


def test_the_counter_can_be_set_and_stopped_exactly() -> None:
    made = running(
        COUNTER + "movs r3, #100; str r3, [r4, #4]; nop; nop; ldr r0, [r4, #4];"
        "movs r5, #0; str r5, [r4]; nop; nop; nop; ldr r1, [r4, #4]; bkpt"
    )
    _end(made)
    assert (made.chip.engine["r0"], made.chip.engine["r1"]) == (103, 105)


PARTS = {
    "nop": 1,
    "add.w r2, r2, #1": 1,
    "cmp r2, r2; bne 9f; adds r3, #1; 9:": 3,
    "cmp r2, r2; beq 9f; adds r3, #1; adds r3, #1; 9:": 2,
    "cmp r2, r2; it ne; addne r3, #1": 3,
    "bl twice": 3,
    "movs r6, #3; 8: subs r6, #1; bne 8b": 7,
    "ldr r7, =0x20001000; ldr r7, [r7]": 2,
    "ldr r7, [r4]": 1,
    "ldr r7, [r4, #4]": 1,
    "wfi": 1,
}
"""Pieces of code, and how many instructions are executed in each."""


@given(st.lists(st.sampled_from(sorted(PARTS)), max_size=12))
@tried(20)
def test_the_counter_is_exact_for_any_code(parts: list[str]) -> None:
    pend = "cpsid i; ldr r7, =0xE000E100; movs r0, #1; str r0, [r7]; str r0, [r7, #0x100];"
    code = f"{pend} ldr r0, [r4, #4];{';'.join(parts)}; ldr r1, [r4, #4]; bkpt"
    made = running(f"{COUNTER}{code}\n.thumb_func\ntwice: adds r3, #2; bx lr")
    _end(made)
    counted = made.chip.engine["r1"] - made.chip.engine["r0"]
    assert counted == 1 + sum(PARTS[part] for part in parts)


def test_the_counter_needs_its_key_on_an_m7_and_none_on_an_m4() -> None:
    source = COUNTER.replace("0xC5ACCE55", "0x12345678") + "ldr r0, [r4, #4]; bkpt"
    for chip, counts in ((F7, False), (F4, True)):
        made = running(source, chip)
        _end(made)
        assert bool(made.chip.engine["r0"]) == counts


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
    _end(made)
    assert made.chip.engine["r1"] == 5


FAULTS = [
    ("ldr r5, =0xD0000000; ldr r6, [r5]", 1 << 9 | 1 << 15, 0xD000_0000),
    ("ldr r5, =0xD0000000; str r6, [r5]", 1 << 9 | 1 << 15, 0xD000_0000),
    ("udf #1", 1 << 16, None),
    ("udf.w #1", 1 << 16, None),
    ("movs r1, #0; sdiv r2, r2, r1", 1 << 25, None),
    ("movs r1, #0; udiv r2, r2, r1", 1 << 25, None),
    ("ldr r5, =0x20001001; ldrex r6, [r5]", 1 << 24, None),
]


@pytest.mark.parametrize("chip", [F4, F7])
@pytest.mark.parametrize(("code", "status", "address"), FAULTS)
def test_faults_become_hard_faults_with_status_and_frame(
    chip: str, code: str, status: int, address: int | None
) -> None:
    made = running(
        ".thumb_func\nreset: cpsid i; ldr r4, =0xE000ED14; mov r0, #0x10; str r0, [r4];"
        f"movs r0, #10; movs r2, #12; movs r3, #13; mov r12, r3; mov lr, r2; {code}; nop; nop\n"
        ".thumb_func\nhard_fault: mrs r7, msp; wfi; b .",
        chip,
    )
    attach(made)
    core = run(made)
    assert core.is_asleep
    assert read32(made, CFSR) == status
    assert read32(made, HFSR) == FORCED
    if address is not None:
        assert read32(made, BFAR) == address
    engine = core.engine
    assert engine["lr"] == 0xFFFF_FFF9
    assert engine["sp"] == engine["r7"] == STACK_TOP - 32
    r0, _, r2, r3, r12, lr, pc, xpsr = struct.unpack("<8I", made.read(STACK_TOP - 32, 4, 8))
    assert (r0, r2, r3, r12, lr) == (10, 12, 13, 13, 12)
    assert xpsr & 0x0100_01FF == 0x0100_0000
    assert pc & 1 == 0
    assert core.exceptions.current == 3


def test_the_frame_of_a_fault_names_the_faulting_instruction() -> None:
    source = ".thumb_func\nreset: nop; nop; ldr r5, =0xD0000000; nop; here: ldr r6, [r5]; b ."
    made = running(source)
    _fault(made)
    pc = struct.unpack("<I", made.read(STACK_TOP - 32 + 24, 4, 1))[0]
    assert made.read(pc, 2, 1) == b"\x2e\x68"  # ldr r6, [r5]


def _fault(made: Machine) -> None:
    """Run to the handler of hard faults, and stop there."""
    attach(made, CATCH_HARD_FAULT)
    core = run(made)
    assert core.is_halted
    assert read32(made, DFSR) & CAUGHT


@pytest.mark.parametrize("chip", [F4, F7])
def test_a_debugger_catches_hard_faults_at_the_handlers_first_instruction(chip: str) -> None:
    made = running(
        ".thumb_func\nreset: ldr r5, =0xD0000000; ldr r6, [r5]; b .\n"
        ".thumb_func\nhard_fault: movs r1, #77; b .",
        chip,
    )
    _fault(made)
    vector = read32(made, 0x0800_000C)
    assert made.chip.engine["pc"] == vector - 1
    assert made.chip.engine["r1"] != 77


def test_an_enabled_fault_has_its_own_handler_and_returns() -> None:
    made = running(
        ".thumb_func\nreset: ldr r4, =0xE000ED24; mov r0, #0x40000; str r0, [r4];"
        "mov r7, sp; udf #3; movs r2, #9; mov r6, sp; bkpt\n"
        ".thumb_func\nusage_fault: ldr r1, [sp, #24]; adds r1, #2; str r1, [sp, #24];"
        "movs r3, #33; bx lr"
    )
    _end(made)
    engine = made.chip.engine
    assert engine["r2"] == 9
    assert engine["r3"] != 33  # of the frame
    assert engine["r6"] == engine["r7"]
    assert made.chip.core.exceptions.current == 0


def test_a_core_that_used_floats_stacks_them() -> None:
    made = running(
        ".thumb_func\nreset: ldr r4, =0xE000ED88; mov r0, #0xF00000; str r0, [r4];"
        "vmov.f32 s0, #1.0; vmov.f32 s15, #2.0; udf #0; b .",
    )
    _fault(made)
    engine = made.chip.engine
    assert engine["lr"] == 0xFFFF_FFE9
    assert engine["sp"] == STACK_TOP - 104
    frame = made.read(STACK_TOP - 104, 4, 26)
    assert struct.unpack_from("<f", frame, 32)[0] == 1.0
    assert struct.unpack_from("<f", frame, 32 + 60)[0] == 2.0


def test_a_fault_in_the_handler_of_hard_faults_locks_the_core_up() -> None:
    made = running(
        ".thumb_func\nreset: ldr r5, =0xD0000000; ldr r6, [r5]; b .\n"
        ".thumb_func\nhard_fault: udf #0"
    )
    attach(made)
    core = run(made)
    assert core.is_locked
    assert read32(made, DHCSR) & S_LOCKUP
    write32(made, DHCSR, KEY | 3)
    assert read32(made, DHCSR) & (S_HALT | S_LOCKUP) == S_HALT
    assert core.engine["pc"] == 0xFFFF_FFFE


def test_a_stack_that_left_ram_still_gets_to_the_handler() -> None:
    made = running(
        ".thumb_func\nreset: ldr r5, =0x20000004; mov sp, r5; push {r0-r4, lr}; b .\n"
        ".thumb_func\nhard_fault: ldr r5, =0x20001000; mov sp, r5; movs r7, #42; wfi"
    )
    core = run(made)
    assert core.is_asleep
    assert core.engine["r7"] == 42
    assert read32(made, CFSR) & 1 << 12  # STKERR: the frame did not fit either
    assert read32(made, BFAR) == 0x1FFF_FFEC


@pytest.mark.parametrize(
    ("target", "status"), [(0xD000_0001, 1), (0x4000_0001, 1), (0x0900_0001, 1 << 8)]
)
def test_a_jump_to_where_nothing_can_be_executed(target: int, status: int) -> None:
    made = running(f".thumb_func\nreset: ldr r5, ={target}; bx r5")
    _fault(made)
    assert read32(made, CFSR) == status
    assert struct.unpack("<I", made.read(STACK_TOP - 8, 4, 1))[0] == target - 1


def test_a_jump_to_an_even_address_is_an_invalid_state() -> None:
    made = running(".thumb_func\nreset: ldr r5, =0x20000000; bx r5")
    _fault(made)
    assert read32(made, CFSR) == 1 << 17


def test_a_breakpoint_without_a_debugger_is_a_hard_fault() -> None:
    made = running(".thumb_func\nreset: bkpt; b .\n.thumb_func\nhard_fault: wfi")
    core = run(made)
    assert core.is_asleep
    assert read32(made, HFSR) == DEBUG_EVENT


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


def test_instructions_are_counted_by_their_length() -> None:
    image = assemble("reset: nop; add.w r0, r0, #1; ldr.w r1, [r2]; bx lr; vadd.f32 s0, s1, s2")
    begin = int.from_bytes(image[4:8], "little") - 0x0800_0001 + 1 & ~1
    assert count_instructions(image[begin : begin + 16]) == 5
