"""Faults and exceptions of a virtual board's core: their status, their frames, their handlers."""

import struct

import pytest

from qrig.backends.virtual.core.core import CAUGHT
from qrig.backends.virtual.machine import Machine
from virtual_machines import (
    BFAR,
    CFSR,
    DFSR,
    DHCSR,
    F4,
    F7,
    HFSR,
    KEY,
    STACK_TOP,
    attach,
    read32,
    run,
    run_to_breakpoint,
    running,
    write32,
)

CATCH_HARD_FAULT = 1 << 10
S_HALT, S_LOCKUP = 1 << 17, 1 << 19
FORCED, DEBUG_EVENT = 1 << 30, 1 << 31

FAULTS = [
    ("ldr r5, =0xD0000000; ldr r6, [r5]", 1 << 9 | 1 << 15, 0xD000_0000),
    ("ldr r5, =0xD0000000; str r6, [r5]", 1 << 9 | 1 << 15, 0xD000_0000),
    ("udf #1", 1 << 16, None),
    ("udf.w #1", 1 << 16, None),
    ("movs r1, #0; sdiv r2, r2, r1", 1 << 25, None),
    ("movs r1, #0; udiv r2, r2, r1", 1 << 25, None),
    ("ldr r5, =0x20001001; ldrex r6, [r5]", 1 << 24, None),
    ("ldr r5, =0x20001002; ldrd r6, r7, [r5, #8]", 1 << 24, None),
    ("ldr r5, =0x20001002; strd r6, r7, [r5], #8", 1 << 24, None),
    ("ldr r5, =0x20001001; ldm r5!, {r6, r7}", 1 << 24, None),
    ("ldr r5, =0x20001001; stmdb r5!, {r6, r9}", 1 << 24, None),
    ("ldr r5, =0x20001002; vldr s0, [r5]", 1 << 24, None),
    ("ldr r5, =0x20001002; vstmia r5!, {d0-d1}", 1 << 24, None),
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


ALIGNED = [
    "ldr r6, [r5, #1]",
    "ldrh r6, [r5, #1]",
    "str r6, [r5, #3]",
    "ldrd r6, r7, [r5, #4]",
    "strd r6, r7, [r5]",
    "stm r5, {r6, r7}",
    "ldm r5, {r6, r7}",
    "vstr s0, [r5, #4]",
    "vmov d0, r6, r7",
    "ldrex r6, [r5]",
    "tbb [pc, r4]; .byte 1, 1",
]


@pytest.mark.parametrize("code", ALIGNED)
def test_what_a_core_does_at_any_address_or_does_right_is_no_fault(code: str) -> None:
    made = running(
        f".thumb_func\nreset: ldr r5, =0x20001000; movs r4, #0; mov r8, #200\n"
        f"1: {code}; subs r8, #1; bne 1b; bkpt"
    )
    run_to_breakpoint(made)
    assert made.chip.engine["r8"] == 0
    assert made.chip.core.counter.total == 3 + 200 * 3


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
    run_to_breakpoint(made)
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
