"""Blocks that QEMU cut at the ends of pages are made whole, and what was counted stays."""

import copy
import random
from typing import Any

import pytest

from full_runs import FULL_RUN
from qrig.backends.qemu_blocks import mend_blocks
from qrig.build.thumb import Code

PAGE = 0x8400
NOP, WIDE, BX_LR, TO_NEXT_PAGE = "00bf", "aff30080", "7047", "00d0"

Record = list[int]


def code(*instructions: str, start: int) -> Code:
    return Code(((start, bytes.fromhex("".join(instructions))),))


def taken(
    blocks: list[Record],
    edges: list[Record],
    *,
    mispredicted: list[Record] | None = None,
    fills: list[Record] | None = None,
) -> dict[str, Any]:
    """What the plugin wrote, with one phase."""
    return {
        "blocks": copy.deepcopy(blocks),
        "phases": [
            {
                "edges": copy.deepcopy(edges),
                "mispredicted": copy.deepcopy(mispredicted or []),
                "instruction_fills": copy.deepcopy(fills or []),
            }
        ],
    }


def instructions_run(raw: dict[str, Any]) -> int:
    return sum(
        count * raw["blocks"][target][2]
        for phase in raw["phases"]
        for _, target, count in phase["edges"]
    )


def mended(raw: dict[str, Any], program: Code) -> dict[str, Any]:
    """Mend a copy; as many instructions must have run in it."""
    changed = copy.deepcopy(raw)
    mend_blocks(changed, program)
    assert instructions_run(changed) == instructions_run(raw)
    return changed


def phase(raw: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = raw["phases"][0]
    return found


# Two instructions up to a page's end, then a third that returns.
START = PAGE - 4
RUN = code(NOP, NOP, BX_LR, start=START)
CUT = [[START, 4, 2], [PAGE, 2, 1]]
THROUGH = [[-1, 0, 1], [0, 1, 5], [1, 0, 4]]


def test_a_run_that_a_page_cuts_is_one_block() -> None:
    raw = mended(taken(CUT, THROUGH), RUN)
    assert raw["blocks"][0] == [START, 6, 3]
    assert phase(raw)["edges"] == [[-1, 0, 1], [0, 0, 4]]


@pytest.mark.parametrize("looked", [0, 2])
@pytest.mark.parametrize("before", [1, 2, 3])
def test_a_size_that_counts_a_look_beyond_the_end_is_corrected(looked: int, before: int) -> None:
    """A wide instruction does not fit in before the page ends, so the block ends before it."""
    start = PAGE - 2 - 2 * before
    program = code(*[NOP] * before, WIDE, BX_LR, start=start)
    blocks = [[start, 2 * before + looked, before], [PAGE - 2, 6, 2], [0x9000, 2, 1]]
    raw = mended(taken(blocks, [[-1, 2, 3], [2, 0, 3], [2, 1, 3]]), program)
    assert raw["blocks"] == [[start, 2 * before, before], *blocks[1:]]
    raw = mended(taken(blocks, [[-1, 0, 3], [0, 1, 3], [1, 2, 3]]), program)
    assert raw["blocks"][0] == [start, 2 * before + 6, before + 2]


def test_blocks_away_from_the_ends_of_pages_stay_as_they_are() -> None:
    start = PAGE - 8
    program = code(NOP, NOP, NOP, NOP, BX_LR, start=start)
    raw = taken([[start, 4, 2], [start + 4, 2, 1]], [[-1, 0, 1], [0, 1, 1]], mispredicted=[[0, 1]])
    assert mended(raw, program) == raw


def test_a_chain_of_pages_is_one_block() -> None:
    program = code(*[NOP] * 1025, BX_LR, start=START)
    blocks = [
        [PAGE + 1024, 1022 + 2, 511 + 1], [START, 4, 2], [PAGE, 1024, 512], [0x100, 2, 1],
    ]  # fmt: skip
    raw = mended(taken(blocks, [[3, 1, 2], [1, 2, 2], [2, 0, 2], [0, 3, 2]]), program)
    assert raw["blocks"][1] == [START, 4 + 1024 + 1024, 2 + 512 + 512]
    assert phase(raw)["edges"] == [[3, 1, 2], [1, 3, 2]]


def test_what_something_else_enters_stays_a_block() -> None:
    blocks = [*CUT, [0x9000, 2, 1]]
    edges = [[-1, 0, 2], [0, 1, 2], [1, 2, 3], [2, 1, 1]]
    raw = mended(taken(blocks, edges), RUN)
    assert raw["blocks"] == blocks
    assert phase(raw)["edges"] == edges


def test_what_is_entered_first_of_all_stays_a_block() -> None:
    edges = [[-1, 1, 1], [1, 0, 2], [0, 1, 2]]
    raw = mended(taken(CUT, edges), RUN)
    assert raw["blocks"] == CUT
    assert phase(raw)["edges"] == edges


def test_what_is_entered_otherwise_in_another_phase_stays_a_block() -> None:
    blocks = [*CUT, [0x9000, 2, 1]]
    raw = taken(blocks, [[-1, 0, 2], [0, 1, 2]])
    raw["phases"] += taken(blocks, [[2, 1, 1]])["phases"]
    assert mended(raw, RUN)["blocks"] == blocks


def test_what_goes_on_elsewhere_stays_a_block() -> None:
    """An exception can come between: the run goes on in its handler."""
    blocks = [*CUT, [0x9000, 2, 1]]
    edges = [[-1, 0, 3], [0, 1, 2], [0, 2, 1]]
    assert mended(taken(blocks, edges), RUN)["blocks"] == blocks


@pytest.mark.parametrize("branch", [BX_LR, TO_NEXT_PAGE, "00e0", "8047"])
def test_a_branch_at_a_pages_end_ends_its_block(branch: str) -> None:
    program = code(NOP, branch, NOP, BX_LR, start=START)
    blocks = [[START, 4, 2], [PAGE, 4, 2]]
    raw = taken(blocks, THROUGH, mispredicted=[[0, 3]])
    assert mended(raw, program) == raw


def test_a_block_that_was_cut_but_never_left_stays() -> None:
    raw = taken(CUT, [[-1, 0, 1], [-1, 1, 1]])
    assert mended(raw, RUN) == raw


def test_blocks_outside_of_the_firmware_stay_as_they_are() -> None:
    raw = taken(CUT, THROUGH, mispredicted=[[0, 1]])
    assert mended(raw, code(NOP, start=0x100)) == raw


def test_mispredictions_move_to_the_first_block() -> None:
    raw = mended(taken(CUT, THROUGH, mispredicted=[[1, 3]]), RUN)
    assert phase(raw)["mispredicted"] == [[0, 3]]


def test_mispredictions_of_what_is_no_branch_are_forgotten() -> None:
    """A size that is wrong by a look makes falling through look like a branch."""
    raw = mended(taken(CUT, THROUGH, mispredicted=[[0, 9], [1, 3]]), RUN)
    assert phase(raw)["mispredicted"] == [[0, 3]]


def test_fills_add_up_by_cache() -> None:
    fills = [[0, 0, 2], [1, 0, 3], [0, 1, 5], [2, 1, 7]]
    raw = mended(taken(CUT, THROUGH, fills=fills), RUN)
    assert sorted(phase(raw)["instruction_fills"]) == [[0, 0, 7], [1, 0, 3], [2, 0, 7]]


def random_run(chance: random.Random) -> tuple[dict[str, Any], Code]:
    """Walk at random through code of two pages, cut where QEMU cuts it."""
    start = PAGE - 512
    pieces: list[str] = []
    while sum(map(len, pieces)) < 2 * 2048:
        pieces.append(chance.choice([NOP] * 20 + [WIDE] * 20 + [BX_LR]))
    pieces.append(BX_LR)
    program = code(*pieces, start=start)
    sizes, ends, address = {}, set(), start
    for piece in pieces:
        sizes[address] = len(piece) // 2
        address += sizes[address]
        if piece == BX_LR:
            ends.add(address)
    blocks: dict[int, Record] = {}
    entries = chance.choices(sorted(sizes), k=3)
    edges: dict[tuple[int, int], int] = {}
    at, previous, left = entries[0], -1, 30
    while left > 0 or at not in entries:  # it ends at a branch
        left -= 1
        page_end = at // 1024 * 1024 + 1024
        end, count = at, 0
        while end == at or (end not in ends and end + sizes[end] <= page_end):
            end, count = end + sizes[end], count + 1
            if end >= page_end:
                break
        looked = 2 * (end == page_end - 2 and end not in ends)
        number = blocks.setdefault(at, [at, end - at + looked, count, len(blocks)])[3]
        edges[previous, number] = edges.get((previous, number), 0) + 1
        at, previous = (chance.choice(entries) if end in ends else end), number
    raw = taken([each[:3] for each in blocks.values()], [[*edge, n] for edge, n in edges.items()])
    return raw, program


@pytest.mark.parametrize(
    ("seed", "count"), [(1, 300), pytest.param(2, 5000, marks=FULL_RUN, id="2-5000")]
)
def test_whatever_ran_as_many_instructions_ran(seed: int, count: int) -> None:
    chance, joined = random.Random(seed), 0
    for _ in range(count):
        raw, program = random_run(chance)
        changed = mended(raw, program)
        (part,) = changed["phases"]
        used = {target for _, target, _ in part["edges"]}
        for index in used:
            address, size_bytes, instructions = changed["blocks"][index]
            halfwords = program.halfwords(address, instructions)
            assert halfwords is not None
            assert size_bytes == 2 * sum(map(len, halfwords))
        joined += len(used) < len(raw["blocks"])
    assert joined > count // 10
