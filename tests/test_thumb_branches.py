"""Where Thumb instructions go: every encoding against capstone, a firmware against objdump."""

import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import capstone
import pytest
from capstone import arm

from full_runs import FULL_RUN
from hand_made import hand_made
from qrig.build import build_deployment
from qrig.build.image import read_image
from qrig.build.thumb import (
    Branch,
    Code,
    Halfwords,
    branch_of,
    is_return,
    it_length,
    read_code,
    table_targets,
)
from qrig.runs.targets import find_target

HERE = 0x0800_0000
FIRST_WIDE = 0xE800
_TO_NAMED = (arm.ARM_INS_B, arm.ARM_INS_BL, arm.ARM_INS_CBZ, arm.ARM_INS_CBNZ)
_CALLS = (arm.ARM_INS_BL, arm.ARM_INS_BLX, arm.ARM_INS_BLXNS)
_TABLES = (arm.ARM_INS_TBB, arm.ARM_INS_TBH)
_BY_REGISTER = (*_TABLES, arm.ARM_INS_BX, arm.ARM_INS_BXNS, arm.ARM_INS_BLX, arm.ARM_INS_BLXNS)
_LOADS = (arm.ARM_INS_LDR, arm.ARM_INS_LDRT)  # LDRT of register 15 is unpredictable, and not made
_LISTS = (arm.ARM_INS_LDM, arm.ARM_INS_LDMDB)


@pytest.fixture(scope="module")
def disassembler() -> Any:
    engine = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    engine.detail = True
    return engine


def decoded(disassembler: Any, halfwords: Halfwords) -> Any:
    """Return capstone's instruction, None where it knows none of that length."""
    data = b"".join(half.to_bytes(2, "little") for half in halfwords)
    found = next(disassembler.disasm(data, HERE), None)
    return found if found is not None and found.size == len(data) else None


def expected(instruction: Any) -> Branch | None:
    """Return where capstone's instruction goes, by its name and its operands.

    Capstone also lists results that the architecture leaves unpredictable: arithmetic of 32 bits
    whose destination is register 15, or addresses written back to it. They are no branches.
    """
    which, operands = instruction.id, instruction.operands
    if which in _TO_NAMED:
        target = operands[-1].imm
        conditional = which in (arm.ARM_INS_CBZ, arm.ARM_INS_CBNZ) or instruction.cc not in (
            arm.ARM_CC_AL,
            arm.ARM_CC_INVALID,
        )
        return Branch(target, conditional, which in _CALLS)
    if which in _BY_REGISTER:
        return Branch(None, False, which in _CALLS, which in _TABLES)
    narrow = instruction.size == 2
    results: list[Any] = []
    if which == arm.ARM_INS_POP:
        results = operands
    elif which in _LISTS:
        results = operands[1:]
    elif which in _LOADS or (narrow and which in (arm.ARM_INS_ADD, arm.ARM_INS_MOV)):
        results = operands[:1]
    registers = [each.reg for each in results if each.type == arm.ARM_OP_REG]
    return Branch(None) if arm.ARM_REG_PC in registers else None


def agrees(disassembler: Any, halfwords: Halfwords) -> bool:
    """Check one encoding; return whether capstone knows it."""
    instruction = decoded(disassembler, halfwords)
    if instruction is None:
        return False
    found = branch_of(HERE, halfwords)
    text = f"{' '.join(f'{half:04x}' for half in halfwords)} {instruction.mnemonic}"
    assert found == expected(instruction), f"{text} {instruction.op_str}"
    return True


def test_every_narrow_instruction_branches_where_capstone_says(disassembler: Any) -> None:
    known = [first for first in range(FIRST_WIDE) if agrees(disassembler, (first,))]
    assert len(known) > 55_000
    # What capstone does not know is undefined, or has bits set that should be zero; of these only
    # BX and BLX are taken for what they are without these bits.
    unknown = set(range(FIRST_WIDE)) - set(known)
    assert {first & 0xFF00 for first in unknown if branch_of(HERE, (first,))} <= {0x4700, 0xBD00}


def test_exceptions_and_hints_are_no_branches(disassembler: Any) -> None:
    """QEMU ends a block behind them, yet they come back to the next instruction."""
    for first in (0xBE00, 0xDF00, 0xDFFF, 0xDE00, 0xBF10, 0xBF30, 0xB672):  # BKPT, SVC, UDF, WFI
        assert branch_of(HERE, (first,)) is None
    # MSR, NOP.W, DSB, DMB, ISB, MRS.
    for wide in (
        (0xF380, 0x8808),
        (0xF3AF, 0x8000),
        *((0xF3BF, 0x8F40 + 16 * n) for n in (0, 1, 2)),
    ):
        assert branch_of(HERE, wide) is None
    assert branch_of(HERE, (0xF3EF, 0x8005)) is None
    assert decoded(disassembler, (0xF3BF, 0x8F6F)).mnemonic == "isb"


def wide_sample(seed: int, count: int) -> Iterator[Halfwords]:
    """Return wide encodings: half of them any, half of them near those that may branch."""
    chance = random.Random(seed)
    for _ in range(count):
        yield chance.randrange(FIRST_WIDE, 0x10000), chance.randrange(0x10000)
        first = chance.choice((0xF000, 0xF400, 0xE8D0, 0xE890, 0xE910, 0xF850, 0xF8D0))
        yield (
            first | chance.randrange(0x400 if first >= 0xF000 else 0x40),
            chance.randrange(0x10000),
        )


@pytest.mark.parametrize(
    ("seed", "count"),
    [(1, 15_000), *(pytest.param(seed, 100_000, marks=FULL_RUN) for seed in (2, 3))],
)
def test_wide_instructions_branch_where_capstone_says(
    disassembler: Any, seed: int, count: int
) -> None:
    known = sum(agrees(disassembler, halfwords) for halfwords in wide_sample(seed, count))
    assert known > count // 2


@pytest.mark.parametrize("opcode", [0x8000, 0x9000, 0xD000])
def test_every_bit_of_a_long_distance_counts(disassembler: Any, opcode: int) -> None:
    bits = [(1 << n, 0) for n in range(11)] + [(0, 1 << n) for n in (*range(11), 11, 13)]
    for first, second in bits:
        for sign in (0, 0x400):
            assert agrees(disassembler, (0xF000 ^ first ^ sign, opcode ^ second))


def test_an_it_makes_as_many_conditional_as_capstone_says(disassembler: Any) -> None:
    found = {}
    for first in range(FIRST_WIDE):
        instruction = decoded(disassembler, (first,))
        if instruction is not None:
            letters = instruction.mnemonic if instruction.id == arm.ARM_INS_IT else "-"
            assert it_length((first,)) == len(letters) - 1, f"{first:04x} {letters}"
            found[letters] = first
    assert len(found) == 16  # fifteen of them, and what is none
    assert it_length((0xF3AF, 0xBF08)) == 0


@pytest.mark.parametrize(
    ("halfwords", "branch"),
    [
        ((0x4770,), Branch(None, True)),
        ((0xE000,), Branch(HERE + 4, True)),
        ((0x4798,), Branch(None, True, True)),
        ((0xF000, 0xF800), Branch(HERE + 4, True, True)),
        ((0xE8DF, 0xF000), Branch(None, True, table=True)),
        ((0xBF00,), None),
    ],
)
def test_what_an_it_makes_conditional_falls_through(
    halfwords: Halfwords, branch: Branch | None
) -> None:
    assert branch_of(HERE, halfwords, predicated=True) == branch


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("7047", True), ("10bd", True), ("bde81080", True), ("5df804fb", True),  # LDR PC, [SP], #4
        ("1847", False), ("9847", False), ("9f46", False), ("53f820f0", False), ("dfe800f0", False),
        ("93e81080", False),  # LDM R3
    ],
)  # fmt: skip
def test_returns_take_their_target_from_the_link_register_or_the_stack(
    text: str, back: bool
) -> None:
    (halfwords,) = Code(((HERE, bytes.fromhex(text)),)).halfwords(HERE, 1) or [()]
    branch = branch_of(HERE, halfwords)
    assert branch is not None
    assert branch.target is None
    assert is_return(halfwords) == back


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("dfe800f0 0304 0500 00bf", {3, 4, 5, 0}),  # TBB, an odd entry's pad byte
        ("dfe810f0 0200 0001 00bf", {2, 256}),  # TBH
        ("dfe810f0 0300 ffff 0400", {3, 0xFFFF, 4}),
        ("dfe800f0 ff", {255}),
        ("dfe800f0", set()),
    ],
)
def test_a_table_is_read_up_to_its_first_target(text: str, entries: set[int]) -> None:
    code = Code(((HERE, bytes.fromhex(text)),))
    (halfwords,) = code.halfwords(HERE, 1) or [()]
    found = table_targets(code, HERE, halfwords)
    assert found == {HERE + 4 + 2 * entry for entry in entries}


def test_code_is_cut_into_halfwords_by_length() -> None:
    data = bytes.fromhex("00bf aff30080 7047 ffff")
    code = Code(((0x100, b"\0" * 4), (0x8000, data)))
    assert code.halfwords(0x8000, 3) == [(0xBF00,), (0xF3AF, 0x8000), (0x4770,)]
    assert code.halfwords(0x8002, 1) == [(0xF3AF, 0x8000)]
    assert code.halfwords(0x100, 2) == [(0,), (0,)]
    assert code.halfwords(0x8000, 0) == []
    for address in (0, 0xFE, 0x104, 0x7FFE, 0x8000 + len(data)):
        assert code.halfwords(address, 1) is None


def test_code_that_goes_on_behind_its_segment_is_none() -> None:
    code = Code(((0x8000, bytes.fromhex("00bf aff3")),))
    assert code.halfwords(0x8000, 1) == [(0xBF00,)]
    assert code.halfwords(0x8000, 2) is None
    assert code.halfwords(0x8002, 1) is None
    assert Code(((0x8000, bytes(4)),)).halfwords(0x8000, 3) is None


_LINE = re.compile(r"\s*([0-9a-f]+):\t([0-9a-f]{4}(?: [0-9a-f]{4})?) *\t(\S+)(?:\t([^;<@]*))?")
_CONDITION = "(eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?"
_CALL = re.compile(rf"bl{_CONDITION}")
_NAMED = re.compile(rf"(bl|b){_CONDITION}(\.n|\.w)?|cbn?z")


def listed(address: int, name: str, operands: str) -> Branch | None:
    """Return where an instruction of objdump's listing goes, conditional or not."""
    if _NAMED.fullmatch(name):
        conditional = re.fullmatch(rf"b{_CONDITION}(\.n|\.w)?", name)
        either = name.startswith("cb") or bool(conditional and conditional[1])
        return Branch(int(operands.split(",")[-1], 16), either, _CALL.fullmatch(name) is not None)
    if re.fullmatch(rf"(bx|blx){_CONDITION}", name):
        return Branch(None, returns=name.startswith("blx"))
    if name in ("tbb", "tbh"):
        return Branch(None, table=True)
    first, _, rest = operands.partition(",")
    loads = name.startswith(("pop", "ldm")) and "pc" in (rest if name[0] == "l" else operands)
    moves = re.fullmatch(rf"(ldr|mov|add){_CONDITION}(\.w)?", name) and first.strip() == "pc"
    return Branch(None) if loads or moves else None


def test_a_firmware_branches_where_objdump_says() -> None:
    objdump = shutil.which("arm-none-eabi-objdump")
    if objdump is None:
        pytest.skip("arm-none-eabi-objdump is not installed: apt-get install gcc-arm-none-eabi")
    built = build_deployment(hand_made().quantized, find_target("mps2-an500@qemu").board)
    listing = subprocess.run(
        [objdump, "-d", "-M", "force-thumb", str(built.elf)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    code = read_code(read_image(built.elf))
    conditional, seen, branches = 0, 0, 0
    for line in listing.splitlines():
        match = _LINE.match(line)
        if match is None or match[3].startswith("."):
            continue
        address, operands = int(match[1], 16), (match[4] or "").strip()
        halfwords = tuple(int(half, 16) for half in match[2].split())
        assert code.halfwords(address, 1) == [halfwords], line
        expect = listed(address, match[3], operands)
        found = branch_of(address, halfwords)
        if found is not None and expect is not None and conditional:
            # objdump shows the condition of an IT as that of the branch.
            expect = Branch(expect.target, found.falls_through, expect.returns, expect.table)
            assert branch_of(address, halfwords, predicated=True) == Branch(
                expect.target, True, expect.returns, expect.table
            )
        assert found == expect, line
        is_it = re.fullmatch("i[te]+", match[3]) is not None
        assert it_length(halfwords) == (len(match[3]) - 1 if is_it else 0), line
        conditional = it_length(halfwords) or max(0, conditional - 1)
        seen += 1
        branches += found is not None
    assert seen > 1000
    assert branches > 100
