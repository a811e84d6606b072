"""The Cortex-M7 model, rules M9 to M13: fetch, branches, the store buffer; and that costs add up.

Expected numbers are worked out by hand from the rules, cycle by cycle where that is not obvious.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrig.measure.timing.models import find_model
from qrig.measure.timing.pairs import PairCosts
from qrig.measure.timing.steps import Pass
from thumb import HERE, M7, a_board, block, cycles, one, reasons, run, simulate, thumb

EOR = "eor.w r8, r9, r10"
LOOP = "here: subs.w r0, r0, #1; bne.w here"


def loop_cycles(source: str, address: int) -> float:
    """Return the cycles of one round of a block that follows itself."""
    body = block(thumb(source, address))
    cost = PairCosts(find_model(M7)(a_board(M7))).cost(body, body, entered=True, taken=True)
    return sum(bare + sum(stalls.values()) for bare, stalls in cost)


def test_m9_two_wide_instructions_a_cycle_are_fetched() -> None:
    assert cycles(run(M7, "; ".join([EOR] * 16))) == 8.0


def test_m9_two_lines_are_there_at_the_start() -> None:
    # The instruction lies across two lines.
    assert cycles(run(M7, EOR, address=HERE + 6)) == 0.5


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        pytest.param(0, 1.0, id="in-one-line"),
        pytest.param(2, 2.0, id="branch-across-two-lines"),
        pytest.param(4, 2.0, id="in-two-lines"),
        pytest.param(6, 2.0, id="subtraction-across-two-lines"),
    ],
)
def test_m9_a_loop_fetches_every_line_it_touches(offset: int, expected: float) -> None:
    assert loop_cycles(LOOP, HERE + offset) == expected


def test_m9_four_lines_wait_in_the_queue() -> None:
    # While four divisions run, four lines are fetched ahead. Each round of the loop takes a cycle
    # to issue and two to fetch: the lines ahead last for five rounds, the sixth waits half a cycle.
    divisions = block(thumb("; ".join(["sdiv r1, r2, r3"] * 4)))
    body = block(thumb(LOOP, HERE + 0x14))
    steps = simulate(M7, Pass(divisions, taken=False), *[Pass(body, taken=True)] * 8)
    assert [cycles(each) for each in steps[1:]] == [1.0, 1.0, 1.0, 1.0, 1.0, 1.5, 2.0, 2.0]
    assert reasons(steps[8]) == {"fetch": 1.0}


@pytest.mark.parametrize(
    ("before", "taken", "behind", "expected"),
    [
        pytest.param("nop.w; beq.w .", False, "eor.w r0, r1, r2", 1.5, id="not-taken-younger"),
        pytest.param("beq.w .", False, "eor.w r0, r1, r2", 1.0, id="not-taken-pairs-with-next"),
        pytest.param("beq.w .", True, "eor.w r0, r1, r2", 1.5, id="taken-ends-the-group"),
        pytest.param("nop.w; b.w .", True, "eor.w r0, r1, r2", 1.5, id="taken-as-the-younger"),
        pytest.param("beq.w .", False, "b.w .", 1.5, id="two-branches"),
        pytest.param("pop {r4, pc}", True, "eor.w r0, r1, r2", 1.5, id="pop-pc"),
    ],
)
def test_m10_branches_in_pairs(before: str, taken: bool, behind: str, expected: float) -> None:
    first, second = block(thumb(before)), block(thumb(behind, HERE + 0x40))
    steps = simulate(M7, Pass(first, taken), Pass(second, taken=False))
    assert cycles([step for each in steps for step in each]) == expected


def test_m10_what_a_taken_branch_leaves_of_its_cycle_is_its_targets_stall() -> None:
    steps = simulate(
        M7, Pass(block(thumb("b.w .")), taken=True), Pass(block(thumb(EOR, 0x9000)), taken=False)
    )
    assert [reasons(each) for each in steps] == [{}, {"branch": 0.5}]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(f"cmp r0, r1; {EOR}; {EOR}; {EOR}; {EOR}; beq .", 8.0, id="five-before"),
        pytest.param(f"cmp r0, r1; {EOR}; {EOR}; {EOR}; {EOR}; {EOR}; beq .", 6.0, id="six-before"),
        pytest.param("; ".join([EOR] * 6) + "; beq .", 6.0, id="in-no-recent-instruction"),
        pytest.param(f"{EOR}; beq .", 8.0, id="in-the-block-before"),
        pytest.param("; ".join([EOR] * 6) + "; .hword 0xb110", 8.0, id="cbz-compares"),
        pytest.param("; ".join([EOR] * 6) + "; bx lr", 8.0, id="indirect"),
        pytest.param("; ".join([EOR] * 6) + "; b .", 8.0, id="unconditional"),
        pytest.param(EOR, 0.0, id="no-branch"),
    ],
)
def test_m11_a_wrong_guess(source: str, expected: float) -> None:
    assert find_model(M7)(a_board(M7)).mispredicted_cycles(thumb(source)) == expected


def test_m12_a_misaligned_load_costs_three_and_a_half() -> None:
    model = find_model(M7)(a_board(M7))
    assert model.misaligned_cycles(one("ldr.w r0, [r1]"), 10, 5) == 35.0
    assert model.misaligned_cycles(one("str.w r0, [r1]"), 10, 5) == 0.0


def _stores(instruction: str, count: int, *, misaligned: float = 0.0, ecc: bool = False) -> float:
    stores = block(thumb("; ".join([instruction] * count)), misaligned=misaligned)
    (steps,) = simulate(M7, Pass(stores, taken=False), ecc=ecc)
    return cycles(steps)


def test_m12_misaligned_stores_fill_the_buffer() -> None:
    # Stores enter at 0, 1, 2, 3, 4, 5 and leave at 4, 8, 12, 16, 20, 24: at 6 five wait, until 8;
    # the eighth enters at 12.
    assert _stores("str.w r0, [r1]", 6, misaligned=1.0) == 5.5
    assert _stores("str.w r0, [r1]", 7, misaligned=1.0) == 8.5
    assert _stores("str.w r0, [r1]", 8, misaligned=1.0) == 12.5


def test_m13_words_leave_the_buffer_as_fast_as_they_come() -> None:
    assert _stores("str.w r0, [r1]", 20) == 19.5
    assert _stores("strb.w r0, [r1]", 20) == 19.5
    assert _stores("stmia.w r0, {r1, r2, r3, r4, r5, r6, r7, r8}", 4, ecc=True) == 16.0


def test_m13_bytes_take_two_point_four_cycles_with_ecc() -> None:
    # They leave at 2.4, 4.8, 7.2, 9.6 ...: the eighth finds five waiting at 7, until 7.2, and
    # enters at 8; the ninth at 9, until 9.6, and enters at 10.
    assert _stores("strb.w r0, [r1]", 7, ecc=True) == 6.5
    assert _stores("strb.w r0, [r1]", 8, ecc=True) == 8.5
    assert _stores("strb.w r0, [r1]", 9, ecc=True) == 10.5


def test_m13_halfwords_take_two_cycles_with_ecc() -> None:
    # They leave at 2, 4, 6 ...: the tenth finds five waiting at 9, until 10.
    assert _stores("strh.w r0, [r1]", 9, ecc=True) == 8.5
    assert _stores("strh.w r0, [r1]", 10, ecc=True) == 10.5
    assert _stores("strh.w r0, [r1]", 10) == 9.5


def test_a_full_store_buffer_is_named() -> None:
    stores = block(thumb("; ".join(["str.w r0, [r1]"] * 7)), misaligned=1.0)
    (steps,) = simulate(M7, Pass(stores, taken=False))
    assert dict(steps[6][1]) == {"pairing": 0.5, "store buffer": 2.0}


def test_a_loop_costs_the_mean_of_its_steady_state() -> None:
    # An odd number of instructions issues in 1.5 cycles a round, but the taken branch ends the
    # cycle it issues in: two cycles. The product is not waited for.
    assert loop_cycles("here: mul r1, r2, r3; subs r0, #1; bne here", HERE) == 2.0
    # The accumulator is the only chain: a multiplication a cycle, nothing else in its way.
    body = "here: smlad r4, r5, r6, r4; smlad r4, r5, r6, r4; subs.w r0, r0, #1; bne.w here"
    assert loop_cycles(body, HERE) == 3.0


POOL = (
    "ldr.w r0, [r1]",
    "ldrb r2, [r3], #1",
    "str.w r0, [r4]",
    "strb.w r2, [r5, #1]!",
    "smlad r6, r0, r2, r6",
    "sdiv r7, r6, r0",
    "ldm.w r1, {r0, r2, r3}",
    "add.w r1, r6, r7, lsl #3",
    "adds r0, r0, #1",
    "ssat r2, #8, r6",
    "pkhbt r3, r0, r2, lsl #16",
    "lsl.w r7, r0, #2",
    "nop",
)


@settings(max_examples=60, deadline=None)
@given(
    chosen=st.lists(st.sampled_from(POOL), min_size=2, max_size=12),
    where=st.floats(0, 1),
    bank=st.booleans(),
)
def test_costs_add_up_wherever_a_sequence_is_divided(
    chosen: list[str], where: float, bank: bool
) -> None:
    # Each position in time is one number, so the way to it does not depend on the borders.
    code = tuple(one(text) for text in chosen)
    cut = int(where * len(code))
    whole = simulate(M7, Pass(block(code, same_bank=bank), taken=False))
    parts = simulate(
        M7,
        Pass(block(code[:cut], same_bank=bank), taken=False),
        Pass(block(code[cut:], same_bank=bank), taken=False),
    )
    assert [step for each in parts for step in each] == whole[0]
    assert cycles(whole[0]) % 0.5 == 0
    assert all(bare == 0.5 and all(cost > 0 for _, cost in stalls) for bare, stalls in whole[0])
