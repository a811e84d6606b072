"""The Cortex-M7 model, rules M1 to M8: what issues together, and when results can be read.

Every expected number is the position behind the last instruction: its cycle and half a cycle for
each slot used in it. A sequence begins with an empty pipeline and its code fetched.
"""

import pytest

from qrig.measure.timing.steps import Pass
from thumb import M7, block, cycles, reasons, run, simulate, thumb

EOR = "eor.w r8, r9, r10"


def total(source: str) -> float:
    return cycles(run(M7, source))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("add.w r0, r1, r2; add.w r3, r4, r5", 1.0, id="two-in-one-cycle"),
        pytest.param("add.w r0, r1, r2; add.w r3, r4, r5; add.w r6, r7, r8", 1.5, id="three"),
        pytest.param(
            f"ldrb.w r0, [r1]; {EOR}; eor.w r5, r0, r6; {EOR}", 3.0, id="older-stalls-both"
        ),
        pytest.param(f"ldrb.w r0, [r1]; {EOR}; {EOR}; eor.w r5, r0, r6", 2.5, id="in-order"),
    ],
)
def test_m1_two_instructions_a_cycle_in_order(source: str, expected: float) -> None:
    assert total(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("eor.w r0, r1, r2; eor.w r3, r0, r4", 1.5, id="late-alu-t+2"),
        pytest.param("add.w r0, r1, r2; eor.w r3, r0, r4", 1.0, id="early-alu-t+1"),
        pytest.param("ldr r0, [r1], #4; eor.w r3, r1, r4", 1.0, id="base-update-t+1"),
        pytest.param("ldr r0, [r1], #4; ldr r3, [r1], #4", 1.5, id="base-update-as-address"),
        pytest.param("ldr.w r0, [r1]; eor.w r3, r0, r4", 1.5, id="word-t+2"),
        pytest.param("ldrb.w r0, [r1]; eor.w r3, r0, r4", 2.5, id="byte-t+3"),
        pytest.param("ldrsh.w r0, [r1]; eor.w r3, r0, r4", 2.5, id="halfword-t+3"),
        pytest.param("mul r0, r1, r2; eor.w r3, r0, r4", 2.5, id="product-t+3"),
        pytest.param("smull r0, r5, r1, r2; eor.w r3, r5, r4", 2.5, id="upper-product-t+3"),
        pytest.param("ssat r0, #8, r1; eor.w r3, r0, r4", 2.5, id="ssat-t+3"),
        pytest.param("usat r0, #8, r1; eor.w r3, r0, r4", 2.5, id="usat-t+3"),
        pytest.param("qadd r0, r1, r2; eor.w r3, r0, r4", 2.5, id="qadd-t+3"),
        pytest.param("sadd16 r0, r1, r2; eor.w r3, r0, r4", 1.5, id="sadd16-t+2"),
        pytest.param("cmp.w r0, r1; adc.w r2, r3, r4", 1.5, id="flags-t+2"),
        pytest.param("adds.w r0, r1, r2; adc.w r3, r4, r5", 1.5, id="flags-are-never-early"),
        pytest.param("ldm.w r0, {r1, r2, r3, r4}; eor.w r5, r4, r6", 2.5, id="multiple-in-turn"),
        pytest.param("ldm.w r0, {r1, r2, r3, r4}; ldr.w r5, [r4]", 3.5, id="its-last-as-address"),
        pytest.param("ldm.w r0, {r1, r2, r3, r4}; ldr.w r5, [r2]", 2.5, id="its-first-as-address"),
    ],
)
def test_m2_when_results_can_be_read(source: str, expected: float) -> None:
    assert total(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("eor.w r0, r1, r2; ldr.w r3, [r0]", 2.5, id="address-EX1"),
        pytest.param("eor.w r0, r1, r2; ldr.w r3, [r4, r0, lsl #2]", 2.5, id="index-EX1"),
        pytest.param("eor.w r0, r1, r2; add.w r3, r4, r0, lsl #2", 2.5, id="shifted-EX1"),
        pytest.param("eor.w r0, r1, r2; add.w r3, r0, r4, lsl #2", 2.5, id="beside-shifted-EX1"),
        pytest.param("ldr.w r0, [r1]; add.w r3, r0, r4, lsl #2", 2.5, id="word-beside-shifted"),
        pytest.param("eor.w r0, r1, r2; ubfx r3, r0, #1, #4", 2.5, id="field-EX1"),
        pytest.param("eor.w r0, r1, r2; pkhbt r3, r4, r0, lsl #16", 2.5, id="pkhbt-EX1"),
        pytest.param("eor.w r0, r1, r2; pkhtb r3, r0, r4, asr #16", 2.5, id="pkhtb-EX1"),
        pytest.param("eor.w r0, r1, r2; ssat r3, #8, r0", 2.5, id="ssat-EX1"),
        pytest.param("eor.w r0, r1, r2; sxtab r3, r4, r0", 2.5, id="extend-and-add-EX1"),
        pytest.param("eor.w r0, r1, r2; sxtb.w r3, r0", 1.5, id="extend-EX2"),
        pytest.param("mul r0, r1, r2; mla r3, r4, r5, r0", 1.5, id="accumulator-EX3"),
        pytest.param("eor.w r0, r1, r2; mla r3, r4, r5, r0", 1.0, id="accumulator-same-cycle"),
        pytest.param("mul r0, r1, r2; smlald r0, r3, r4, r5", 1.5, id="long-accumulator-EX3"),
        pytest.param("mul r0, r1, r2; mla r3, r0, r5, r0", 2.5, id="accumulator-and-factor"),
        pytest.param("ldrb.w r0, [r1]; str.w r0, [r2]", 1.0, id="store-data-EX4"),
        pytest.param("eor.w r0, r1, r2; str.w r3, [r0]", 2.5, id="store-address-EX1"),
        pytest.param("eor.w r0, r1, r2; str.w r0, [r0]", 2.5, id="store-data-and-address"),
        pytest.param("eor.w r0, r1, r2; bx r0", 2.5, id="branch-target-EX1"),
    ],
)
def test_m3_when_operands_are_read(source: str, expected: float) -> None:
    assert total(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("ldr.w r0, [r1]; mul r3, r0, r4", 2.5, id="word-one-cycle-more"),
        pytest.param("ldr.w r0, [r1]; smlad r3, r4, r0, r5", 2.5, id="smlad-too"),
        pytest.param("ldrb.w r0, [r1]; mul r3, r0, r4", 2.5, id="byte-as-elsewhere"),
        pytest.param("ldr.w r0, [r1]; mla r3, r4, r5, r0", 1.0, id="accumulator-as-elsewhere"),
        pytest.param("eor.w r0, r1, r2; mul r3, r0, r4", 1.5, id="alu-result-as-elsewhere"),
    ],
)
def test_m4_factors_come_a_cycle_later_from_a_load(source: str, expected: float) -> None:
    assert total(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("add.w r0, r1, r2; ldr.w r3, [r0]", 1.5, id="add"),
        pytest.param("sub.w r0, r1, #4; ldr.w r3, [r0]", 1.5, id="sub"),
        pytest.param("mov.w r0, r1; ldr.w r3, [r0]", 1.5, id="mov"),
        pytest.param("movw r0, #0x1234; ldr.w r3, [r0]", 1.5, id="movw"),
        pytest.param("lsl.w r0, r1, #2; ldr.w r3, [r0]", 1.5, id="shift"),
        pytest.param("and.w r0, r1, r2; ldr.w r3, [r0]", 2.5, id="and-is-late"),
        pytest.param("add.w r0, r1, r2, lsl #1; ldr.w r3, [r0]", 2.5, id="shifted-add-is-late"),
        pytest.param(f"{EOR}; add.w r0, r1, r2; ldr.w r3, [r0]", 2.5, id="younger-add-is-late"),
        pytest.param(f"{EOR}; lsl.w r0, r1, #2; ldr.w r3, [r0]", 1.5, id="younger-shift-is-early"),
        pytest.param(
            "add.w r8, r9, r10, lsl #2; lsl.w r0, r1, #2; ldr.w r3, [r0]",
            2.5,
            id="not-beside-a-shifted-operand",
        ),
        pytest.param(
            f"eor.w r1, r4, r5; {EOR}; add.w r0, r1, r2; ldr.w r3, [r0]",
            3.5,
            id="inputs-not-ready-in-EX1",
        ),
    ],
)
def test_m5_the_early_alu(source: str, expected: float) -> None:
    assert total(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("mul r0, r1, r2; mul r3, r4, r5", 1.5, id="two-multiplies"),
        pytest.param("mul r0, r1, r2; str.w r3, [r4]", 1.5, id="multiply-store"),
        pytest.param("str.w r3, [r4]; mul r0, r1, r2", 1.5, id="store-multiply"),
        pytest.param("str.w r0, [r1]; str.w r2, [r3]", 1.5, id="two-stores"),
        pytest.param("ldr.w r0, [r1]; str.w r2, [r3]", 1.0, id="load-store-pairs"),
        pytest.param("sxtb.w r0, r1; uxth.w r2, r3", 1.5, id="two-dsp"),
        pytest.param(f"sxtb.w r0, r1; {EOR}", 1.0, id="dsp-older-pairs"),
        pytest.param(f"{EOR}; sxtb.w r0, r1", 1.5, id="dsp-younger"),
        pytest.param(f"{EOR}; ubfx r0, r1, #1, #4", 1.5, id="bit-field-younger"),
        pytest.param(
            "add.w r0, r1, r2, lsl #2; orr.w r3, r4, r5, lsr #1", 1.5, id="two-shifted-operands"
        ),
        pytest.param(
            "add.w r0, r1, #0x12000000; eor.w r3, r4, #0x3400", 1.5, id="two-shifted-constants"
        ),
        pytest.param(
            "add.w r0, r1, r2, lsl #2; eor.w r3, r4, #0x00120012", 1.0, id="pattern-is-no-shift"
        ),
        pytest.param("add.w r0, r1, r2, lsl #2; addw r3, r4, #0x400", 1.0, id="addw-is-no-shift"),
        pytest.param(
            "ubfx r0, r1, #1, #4; add.w r3, r4, r5, lsl #2", 1.5, id="bit-field-shifted-operand"
        ),
        pytest.param(
            "lsl.w r0, r1, #2; add.w r3, r4, r5, lsl #2", 1.5, id="plain-shift-shifted-operand"
        ),
        pytest.param(
            "add.w r3, r4, r5, lsl #2; lsl.w r0, r1, #2", 1.0, id="shifted-operand-plain-shift"
        ),
        pytest.param(f"smlad r0, r1, r2, r3; {EOR}", 1.0, id="smlad-older"),
        pytest.param(f"{EOR}; smlad r0, r1, r2, r3", 1.0, id="smlad-younger"),
        pytest.param("sxtb.w r4, r5; smlad r0, r1, r2, r3", 1.0, id="dsp-smlad"),
        pytest.param("vadd.f32 s0, s1, s2; eor.w r0, r1, r2", 1.5, id="floating-point-alone"),
    ],
)
def test_m6_which_pairs_issue_together(source: str, expected: float) -> None:
    assert total(source) == expected


@pytest.mark.parametrize(
    ("same_bank", "expected"),
    [pytest.param(True, 1.5, id="same"), pytest.param(False, 1.0, id="other")],
)
def test_m6_two_loads_pair_in_different_banks(same_bank: bool, expected: float) -> None:
    loads = block(thumb("ldr.w r0, [r1]; ldr.w r2, [r3]"), same_bank=same_bank)
    (steps,) = simulate(M7, Pass(loads, taken=False))
    assert cycles(steps) == expected
    assert reasons(steps) == ({"bank": 0.5} if same_bank else {})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("ldm.w r0, {r1, r2, r3, r4}", 2.0, id="four-words"),
        pytest.param("ldm r0!, {r1, r2, r3}", 2.0, id="three-words"),
        pytest.param("ldm r0, {r0, r1, r2}", 2.0, id="base-in-list"),
        pytest.param("stm r0!, {r1, r2}", 1.0, id="two-words"),
        pytest.param("push {r4, r5, r6, r7, lr}", 3.0, id="push-five"),
        pytest.param("pop {r4, r5, r6, pc}", 2.0, id="pop-with-pc"),
        pytest.param("ldrd r0, r1, [r2]", 1.0, id="ldrd"),
        pytest.param("strd r0, r1, [r2], #8", 1.0, id="strd"),
        pytest.param("vldmia r0!, {s0, s1, s2, s3}", 2.0, id="four-singles"),
        pytest.param("vpush {d8, d9}", 2.0, id="two-doubles-are-four-words"),
        pytest.param("vldr d0, [r0]", 1.0, id="a-double-is-two-words"),
        pytest.param(f"{EOR}; ldrd r0, r1, [r2]", 2.0, id="not-as-the-younger"),
        pytest.param(f"ldrd r0, r1, [r2]; {EOR}", 1.5, id="not-as-the-older"),
        pytest.param(f"it eq; moveq r0, r1; {EOR}", 1.5, id="it-takes-a-slot"),
    ],
)
def test_m7_multiples_issue_alone(source: str, expected: float) -> None:
    assert total(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("sdiv r0, r1, r2", 4.0, id="four-cycles"),
        pytest.param("udiv r0, r1, r2; eor.w r3, r0, r4", 4.5, id="result-behind-it"),
        pytest.param(f"{EOR}; sdiv r0, r1, r2", 5.0, id="not-as-the-younger"),
    ],
)
def test_m8_divisions_issue_alone(source: str, expected: float) -> None:
    assert total(source) == expected


def test_the_binding_reason_is_named() -> None:
    source = "mul r0, r1, r2; mul r3, r4, r5; eor.w r6, r3, r7; ldrd r8, r9, [r10]; sdiv r0, r1, r2"
    found = [dict(stalls) for _, stalls in run(M7, source)]
    assert found == [
        {},
        {"pairing": 0.5},
        {"operand": 1.5},  # the second product is there for EX2 in cycle 4, from issue in cycle 3
        {"pairing": 0.5, "multiple": 0.5},
        {"divide": 3.5},
    ]
