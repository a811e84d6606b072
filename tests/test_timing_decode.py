"""Decoding: what an instruction reads, writes and is, and what no model may price."""

import pytest

from qrig.measure.profile_columns import MIX
from qrig.measure.timing.decode import Decoder
from thumb import one, thumb


@pytest.mark.parametrize(
    ("source", "kind", "mix"),
    [
        ("ldr r0, [r1]", "load", "load"),
        ("ldrsb.w r0, [r1]", "load", "load"),
        ("ldr r0, [pc, #4]", "load", "load"),
        ("str r0, [r1]", "store", "store"),
        ("ldm r0!, {r1, r2}", "load multiple", "load"),
        ("pop {r4, pc}", "load multiple", "load"),
        ("push {r4, lr}", "store multiple", "store"),
        ("ldrd r0, r1, [r2]", "load multiple", "load"),
        ("vldr s0, [r0]", "load", "load"),
        ("vldr d0, [r0]", "load multiple", "load"),
        ("vpush {s16}", "store multiple", "store"),
        ("smlad r0, r1, r2, r3", "multiply", "smlad"),
        ("smladx r0, r1, r2, r3", "multiply", "smlad"),
        ("smusd r0, r1, r2", "multiply", "smlad"),
        ("smlald r0, r1, r2, r3", "multiply", "smlad"),
        ("smlsldx r0, r1, r2, r3", "multiply", "smlad"),
        ("mul r0, r1, r2", "multiply", "multiply"),
        ("muls r0, r1, r0", "multiply", "multiply"),
        ("smlabb r0, r1, r2, r3", "multiply", "multiply"),
        ("umaal r0, r1, r2, r3", "multiply", "multiply"),
        ("sdiv r0, r1, r2", "divide", "multiply"),
        ("sxtb16 r0, r1, ror #8", "alu", "simd"),
        ("pkhbt r0, r1, r2, lsl #16", "alu", "simd"),
        ("ssat r0, #8, r1", "alu", "simd"),
        ("qadd8 r0, r1, r2", "alu", "simd"),
        ("uxtb r0, r1", "alu", "simd"),
        ("rev r0, r1", "alu", "simd"),
        ("bfi r0, r1, #1, #2", "alu", "simd"),
        ("adds r0, #1", "alu", "alu"),
        ("movs r0, r1", "alu", "alu"),
        ("cmp r0, r1", "alu", "alu"),
        ("vadd.f32 s0, s1, s2", "float", "alu"),
        ("beq .", "branch", "branch"),
        ("bl .", "branch", "branch"),
        ("tbb [pc, r0]", "branch", "branch"),
        ("mov pc, r0", "alu", "alu"),
        ("nop", "other", "other"),
        ("dsb sy", "other", "other"),
        ("mrs r0, primask", "other", "other"),
        ("udf #0", "unknown", "unknown"),
        ("mcr p15, 0, r0, c1, c2, 0", "unknown", "unknown"),
    ],
)
def test_kind_and_class(source: str, kind: str, mix: str) -> None:
    found = one(source)
    assert (found.kind, found.mix) == (kind, mix)
    assert mix in MIX


@pytest.mark.parametrize(
    ("source", "words", "base"),
    [
        ("ldm r0!, {r1, r2, r3}", 3, "r0"),
        ("ldm r0, {r0, r1, r2}", 3, None),
        ("ldm.w r0, {r1, r2}", 2, None),
        ("ldmdb r0!, {r1, r2, pc}", 3, "r0"),
        ("stm r0!, {r1, r2}", 2, "r0"),
        ("stmdb r0!, {r1, r2, r3}", 3, "r0"),
        ("push {r4}", 1, "sp"),
        ("push {r4, r5, lr}", 3, "sp"),
        ("pop {pc}", 1, "sp"),
        ("pop {r4, r5, pc}", 3, "sp"),
        ("ldrd r0, r1, [r2]", 2, None),
        ("ldrd r0, r1, [r2, #8]!", 2, "r2"),
        ("strd r0, r1, [r2], #8", 2, "r2"),
        ("vldmia r0!, {s0, s1, s2}", 3, "r0"),
        ("vldmia r0, {d0, d1, d2}", 6, None),
        ("vpush {d8, d9}", 4, "sp"),
        ("vpop {s16, s17}", 2, "sp"),
        ("ldr r0, [r1], #4", 0, "r1"),
        ("ldr r0, [r1, #4]", 0, None),
    ],
)
def test_words_and_base_update(source: str, words: int, base: str | None) -> None:
    found = one(source)
    assert (found.words, found.write_back) == (words, base)
    assert base is None or base in found.writes


@pytest.mark.parametrize(
    ("source", "reads", "writes"),
    [
        ("sxtab r0, r1, r2", "r1 r2", "r0"),
        ("pkhtb r0, r1, r2, asr #16", "r1 r2", "r0"),
        ("usat r0, #8, r1, asr #3", "r1", "r0"),
        ("smlald r0, r1, r2, r3", "r0 r1 r2 r3", "r0 r1"),
        ("umlal r0, r1, r2, r3", "r0 r1 r2 r3", "r0 r1"),
        ("smull r0, r1, r2, r3", "r2 r3", "r0 r1"),
        ("smlad r0, r1, r2, r3", "r1 r2 r3", "r0"),
        ("add.w r0, r1, r2, lsl #3", "r1 r2", "r0"),
        ("adds r0, #1", "r0", "r0 flags"),
        ("ands r0, r1", "r0 r1", "r0 flags"),
        ("adcs r0, r1", "r0 r1 flags", "r0 flags"),
        ("cmp r0, r1", "r0 r1", "flags"),
        ("movt r0, #1", "r0", "r0"),
        ("bfi r0, r1, #1, #2", "r0 r1", "r0"),
        ("str r0, [r1, r2]", "r0 r1 r2", ""),
        ("str r0, [r1], #4", "r0 r1", "r1"),
        ("ldm r0!, {r1, r2}", "r0", "r1 r2 r0"),
        ("pop {r4, pc}", "sp", "r4 sp"),
        ("push {r4, lr}", "r4 lr sp", "sp"),
        ("stmdb r0!, {r1, r2}", "r0 r1 r2", "r0"),
        ("vpush {d8}", "s16 s17 sp", "sp"),
        ("vldmia r0!, {d0}", "r0", "s0 s1 r0"),
        ("vmla.f32 s0, s1, s2", "s0 s1 s2", "s0"),
        ("strex r0, r1, [r2]", "r1 r2", "r0"),
        ("bl .", "", "lr"),
        ("bx lr", "lr", ""),
        ("tbh [pc, r0, lsl #1]", "r0", ""),
    ],
)
def test_registers(source: str, reads: str, writes: str) -> None:
    found = one(source)
    assert found.reads == set(reads.split())
    assert found.writes == tuple(writes.split())


@pytest.mark.parametrize(
    ("source", "facts"),
    [
        ("b .", {"branch"}),
        ("beq .", {"branch", "conditional"}),
        ("beq.w .", {"branch", "conditional"}),
        (".hword 0xb110", {"branch", "conditional", "compares"}),  # cbz
        ("bx lr", {"branch", "indirect"}),
        ("blx r3", {"branch", "indirect"}),
        ("pop {pc}", {"branch", "indirect"}),
        ("ldr pc, [r0]", {"branch", "indirect"}),
        ("mov pc, r0", {"branch", "indirect"}),
        ("tbb [pc, r0]", {"branch", "indirect", "table"}),
        ("it eq; bxeq lr", {"branch", "indirect", "conditional", "predicated"}),
        ("it eq; popeq {r4, pc}", {"branch", "indirect", "conditional", "predicated"}),
        ("it eq; beq .", {"branch", "conditional"}),
        ("it eq; ldreq r0, [r1]", {"predicated"}),
        ("pop {r4}", set()),
        ("adds r0, #1", {"sets_flags"}),
    ],
)
def test_branches_and_conditions(source: str, facts: set[str]) -> None:
    names = ("branch", "conditional", "compares", "indirect", "table", "predicated", "sets_flags")
    assert {name for name in names if getattr(one(source), name)} == facts


def test_targets_are_absolute() -> None:
    assert [each.target for each in thumb("nop; here: nop; b here", 0x9000)] == [None, None, 0x9002]


def test_it_blocks_take_the_flags_from_narrow_instructions() -> None:
    it, add, move, free = thumb("ite eq; addeq r0, #1; movne r1, #2; adds r0, #1")
    assert it.kind == "it"
    assert [each.sets_flags for each in (add, move, free)] == [False, False, True]
    assert [each.predicated for each in (add, move, free)] == [True, True, False]


def test_what_cannot_be_decoded_is_unknown_and_decoding_goes_on() -> None:
    # 0xde00 is UDF, which capstone knows; 0xb640 and 0xffff ffff are no instructions at all.
    code = bytes.fromhex("00bf 00de 40b6 ffffffff 00bf")
    found = Decoder().decode(code, 0x100)
    assert [each.kind for each in found] == ["other", *["unknown"] * 3, "other"]
    assert [each.address for each in found] == [0x100, 0x102, 0x104, 0x106, 0x10A]
    assert b"".join(each.data for each in found) == code


def test_half_an_instruction_is_unknown() -> None:
    (found,) = Decoder().decode(bytes.fromhex("ddf8"), 0x100)
    assert (found.kind, found.size_bytes) == ("unknown", 2)
