"""The Cortex-M4 model, rules A1 to A8; expected cycles are worked out by hand from the rules."""

import pytest

from qrig.measure.timing.models import find_model
from qrig.measure.timing.steps import Pass
from thumb import HERE, M4, a_board, block, cycles, one, reasons, run, simulate, thumb

WIDE = "eor.w r8, r9, r10"


def total(source: str, address: int = HERE) -> float:
    return cycles(run(M4, source, address=address))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("eor.w r0, r1, r2", 1, id="alu"),
        pytest.param("smlad r0, r1, r2, r3", 1, id="smlad"),
        pytest.param("umlal r0, r1, r2, r3", 1, id="long-multiply"),
        pytest.param("ldr r0, [r1]", 2, id="load"),
        pytest.param("ldr r0, [r1]; ldr r2, [r1]", 3, id="load-load"),
        pytest.param("ldr r0, [r1]; ldrb r2, [r1]; ldrh r3, [r1]", 4, id="three-loads"),
        pytest.param("ldr r0, [r1]; ldr r2, [r0]", 4, id="load-needs-load"),
        pytest.param("ldr r0, [r1]; nop; ldr r2, [r1]", 5, id="load-other-load"),
        pytest.param("ldm r0!, {r1, r2, r3}", 4, id="three-words"),
        pytest.param("ldm r0, {r0, r1, r2}", 4, id="base-in-list"),
        pytest.param("push {r4, lr}", 3, id="push"),
        pytest.param("ldrd r0, r1, [r2]", 3, id="ldrd"),
        pytest.param("strd r0, r1, [r2]", 3, id="strd"),
        pytest.param("vpush {d8, d9}", 5, id="two-doubles-are-four-words"),
        pytest.param("vldr d0, [r0]", 3, id="a-double-is-two-words"),
        pytest.param("vldr s0, [r0]", 2, id="a-single-is-a-load"),
        pytest.param("str r0, [r1]", 1, id="store"),
        pytest.param("str r0, [r1, r2]", 2, id="store-register-offset"),
        pytest.param("ldr r3, [r4]; str r0, [r1, r2]", 3, id="load-store-register-offset"),
        pytest.param("sdiv r0, r1, r2", 6, id="divide"),
        pytest.param("movs r0, #1; it eq; moveq r0, r1", 2, id="it-folds"),
        pytest.param("mov.w r0, #1; it eq; moveq r0, r1", 3, id="it-behind-a-wide-one"),
    ],
)
def test_a1_instructions(source: str, expected: float) -> None:
    assert total(source) == expected


@pytest.mark.parametrize(
    ("source", "taken", "expected"),
    [
        pytest.param("b .", True, 3, id="taken"),
        pytest.param("beq .", False, 1, id="not-taken"),
        pytest.param("bl .", True, 3, id="call"),
        pytest.param("bx lr", True, 3, id="return"),
        pytest.param("pop {r4, pc}", True, 5, id="pop-pc"),
        pytest.param("tbb [pc, r0]", True, 4, id="table"),
        pytest.param("mov pc, r0", True, 3, id="computed"),
    ],
)
def test_a2_branches(source: str, taken: bool, expected: float) -> None:
    assert cycles(run(M4, source, taken=taken)) == expected


@pytest.mark.parametrize(
    ("address", "source", "expected"),
    [
        pytest.param(HERE + 0x40, WIDE, 1, id="wide-at-0-modulo-4"),
        pytest.param(HERE + 0x42, WIDE, 2, id="wide-at-2-modulo-4"),
        pytest.param(HERE + 0x42, "movs r0, #1", 1, id="narrow-at-2-modulo-4"),
    ],
)
def test_a3_targets_of_branches(address: int, source: str, expected: float) -> None:
    target = block(thumb(source, address))
    jump, fall = (
        simulate(M4, Pass(block(thumb("b .")), taken), Pass(target, taken=False))[1]
        for taken in (True, False)
    )
    assert cycles(jump) == expected
    assert cycles(fall) == 1


@pytest.mark.parametrize(
    ("address", "count", "expected"),
    [
        pytest.param(HERE, 5, 5, id="at-0-modulo-4"),
        pytest.param(HERE + 2, 2, 2, id="two-at-2-modulo-4"),
        pytest.param(HERE + 2, 3, 4, id="the-third-pays"),
        pytest.param(HERE + 2, 5, 6, id="only-the-third-pays"),
    ],
)
def test_a4_runs_of_wide_instructions(address: int, count: int, expected: float) -> None:
    steps = run(M4, "; ".join([WIDE] * count), address=address)
    assert cycles(steps) == expected
    assert reasons(steps).get("alignment", 0) == expected - count


@pytest.mark.parametrize(
    ("address", "source", "expected"),
    [
        pytest.param(HERE + 2, "ldr r0, [r1]; ldr.w r2, [r1]", 3, id="wide-at-0-modulo-4"),
        pytest.param(HERE, "ldr r0, [r1]; ldr.w r2, [r1]", 4, id="wide-at-2-modulo-4"),
        pytest.param(HERE, "ldr r0, [r1], #4; ldr r2, [r1], #4", 4, id="one-base"),
        pytest.param(HERE, "ldr r0, [r1], #4; ldr r2, [r3], #4", 3, id="two-bases"),
        pytest.param(HERE, "ldr r0, [r1], #4; ldr.w r2, [r1]", 3, id="one-base-updated-once"),
    ],
)
def test_a5_loads_that_do_not_pipeline(address: int, source: str, expected: float) -> None:
    assert total(source, address) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("str r0, [r1]; ldr r2, [r3]", 4, id="load"),
        pytest.param("str r0, [r1]; ldm r2!, {r3, r4}", 5, id="multiple"),
        pytest.param("str r0, [r1]; nop; ldr r2, [r3]", 4, id="one-between"),
        pytest.param("str r0, [r1]; stm r2!, {r3, r4}", 4, id="store-multiple"),
    ],
)
def test_a6_loads_behind_a_store(source: str, expected: float) -> None:
    assert total(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("adds r0, #4; ldr r2, [r0]", 4, id="load"),
        pytest.param("adds r0, #4; str r2, [r0]", 3, id="address-of-a-store"),
        pytest.param("adds r0, #4; str r0, [r2]", 2, id="data-of-a-store"),
        pytest.param("adds r0, #4; ldm r0!, {r1, r2}", 5, id="multiple"),
        pytest.param("adds r0, #4; nop; ldr r2, [r0]", 4, id="one-between"),
        pytest.param("ldr r0, [r1]; str r2, [r0]", 3, id="loaded-address"),
        pytest.param("str r1, [r0], #4; str r2, [r0]", 2, id="updated-address"),
    ],
)
def test_a7_addresses_computed_just_before(source: str, expected: float) -> None:
    assert total(source) == expected


def test_a8_misaligned_words_cost_one_or_two() -> None:
    model = find_model(M4)(a_board(M4))
    # Seven misaligned accesses, of which three words at odd addresses: four cost 1, three cost 2.
    assert model.misaligned_cycles(one("ldr r0, [r1]"), 7, 3) == 10
    assert model.misaligned_cycles(one("strh r0, [r1]"), 7, 0) == 7


def test_a_wrong_guess_costs_nothing_more() -> None:
    assert find_model(M4)(a_board(M4)).mispredicted_cycles(thumb("beq .")) == 0


def test_reasons_are_named() -> None:
    source = "adds r0, #4; ldr r1, [r0]; ldm r2!, {r3, r4}; sdiv r5, r6, r7; str r0, [r1, r2]; b ."
    found = [dict(stalls) for _, stalls in run(M4, source, taken=True)]
    assert found == [
        {},
        {"address": 1, "load": 1},
        {"multiple": 2},
        {"divide": 5},
        {"store": 1},
        {"branch": 2},
    ]
