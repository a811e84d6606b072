"""The cycle counter of a virtual board: it counts executed instructions, exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property_runs import tried
from virtual_machines import F4, F7, run_to_breakpoint, running

COUNTER = """
.thumb_func
reset:
    ldr r4, =0xE000EDFC; mov r0, #0x01000000; str r0, [r4]
    ldr r4, =0xE0001000; ldr r1, =0xC5ACCE55; str r1, [r4, #0xFB0]
    movs r0, #0; str r0, [r4, #4]; movs r0, #1; str r0, [r4]
"""
"""Switches the cycle counter on; r4 is the base of its registers."""


@pytest.mark.parametrize("chip", [F4, F7])
@pytest.mark.parametrize("rounds", [1, 2, 1000])
def test_the_cycle_counter_counts_every_instruction_of_a_loop(chip: str, rounds: int) -> None:
    body = f"ldr r5, ={rounds}; ldr r0, [r4, #4]; 1: nop; add.w r2, r2, #1; subs r5, #1; bne 1b;"
    made = running(COUNTER + body + "ldr r1, [r4, #4]; bkpt", chip)
    run_to_breakpoint(made)
    engine = made.chip.engine
    assert engine["r1"] - engine["r0"] == 1 + 4 * rounds


def test_reads_of_the_counter_within_one_block_are_exact() -> None:
    made = running(COUNTER + "ldr r0, [r4, #4]; nop; nop; ldr r1, [r4, #4]; ldr r2, [r4, #4]; bkpt")
    run_to_breakpoint(made)
    engine = made.chip.engine
    assert (engine["r1"] - engine["r0"], engine["r2"] - engine["r1"]) == (3, 1)


def test_the_counter_can_be_set_and_stopped_exactly() -> None:
    made = running(
        COUNTER + "movs r3, #100; str r3, [r4, #4]; nop; nop; ldr r0, [r4, #4];"
        "movs r5, #0; str r5, [r4]; nop; nop; nop; ldr r1, [r4, #4]; bkpt"
    )
    run_to_breakpoint(made)
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
    run_to_breakpoint(made)
    counted = made.chip.engine["r1"] - made.chip.engine["r0"]
    assert counted == 1 + sum(PARTS[part] for part in parts)


def test_the_counter_needs_its_key_on_an_m7_and_none_on_an_m4() -> None:
    source = COUNTER.replace("0xC5ACCE55", "0x12345678") + "ldr r0, [r4, #4]; bkpt"
    for chip, counts in ((F7, False), (F4, True)):
        made = running(source, chip)
        run_to_breakpoint(made)
        assert bool(made.chip.engine["r0"]) == counts
