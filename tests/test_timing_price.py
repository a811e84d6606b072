"""Pricing a profile: pairs of blocks, what is counted, and what cannot be priced.

The firmware is a loop of three blocks; its edges are written by hand.
"""

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from qrig.boards import find_board
from qrig.boards.board import Board, CacheSize
from qrig.build.image import FirmwareImage
from qrig.errors import FileFormatError, UsageError
from qrig.measure.timing import PricedPhase, find_model, model_cores, price_profile
from qrig.measure.timing.models import find_model as find_model_of
from qrig.measure.timing.pairs import PairCosts
from qrig.measure.timing.steps import REASONS
from qrig.profiles import (
    Access,
    Block,
    Cache,
    DataFills,
    Edge,
    InstructionFills,
    MemoryRange,
    Phase,
    Profile,
)
from thumb import HERE, M4, M7, a_board, block, image_of, lines, thumb

START = "movs r0, #4; mov.w r1, #0; mov.w r2, #0"
LOOP = "loop: ldr.w r3, [r1]; str.w r3, [r2]; subs r0, #1; bne loop"
END = "bx lr"
BLOCKS = (Block(HERE, 10, 3), Block(HERE + 10, 12, 4), Block(HERE + 22, 2, 1))
LOAD, STORE, BRANCH = HERE + 10, HERE + 14, HERE + 20
EDGES = (Edge(-1, 0, 1), Edge(0, 1, 1), Edge(1, 1, 3), Edge(1, 2, 1))


def firmware(start: str = START, loop: str = LOOP, end: str = END) -> FirmwareImage:
    return image_of("\n".join(lines(part) for part in (start, loop, end)) + "\n")


def a_phase(**changes: Any) -> Phase:
    return attrs.evolve(Phase("conv1", "layer", 1, EDGES), **changes)


def a_profile(*phases: Phase, image: FirmwareImage | None = None, **changes: Any) -> Profile:
    profile = Profile(
        source="a test",
        mode="memory",
        core=M7,
        elf_sha256=(image or firmware()).sha256,
        inferences=1,
        memories=(MemoryRange("code", 0, 1 << 20), MemoryRange("data", 0x2000_0000, 1 << 16)),
        caches=(
            Cache("other/data", "data", 512, 32, 4, ("code",)),
            Cache("chip/data", "data", 512, 32, 4, ("code",)),
            Cache("chip/instruction", "instruction", 512, 32, 4, ("code",)),
        ),
        blocks=BLOCKS,
        phases=phases or (a_phase(),),
    )
    return attrs.evolve(profile, **changes)


def priced(phase: Phase, board: Board, model: str | None = None) -> PricedPhase:
    (found,) = price_profile(a_profile(phase), firmware(), board, model).phases
    return found


def stall(phase: PricedPhase, address: int, reason: str) -> float:
    return phase.costs[address].stalls.get(reason, 0.0)


def test_m4_cycles_of_a_loop() -> None:
    found = priced(a_phase(), a_board(M4))
    # The start takes 3; a round 2 for the load, 1 each for store, subtraction and branch. Three
    # times the branch is taken, for 2, to a wide instruction at 2 modulo 4, for 1; the first time
    # that load is the third such instruction in a row, for 1. The return takes 3.
    assert found.cycles == pytest.approx(3 + 4 * (2 + 1 + 1 + 1) + 3 * (2 + 1) + 1 + 3)
    assert stall(found, LOAD, "alignment") == pytest.approx(3 + 1)
    assert stall(found, BRANCH, "branch") == pytest.approx(6)
    assert {address: cost.executions for address, cost in found.costs.items()} == {
        **dict.fromkeys((HERE, HERE + 2, HERE + 6), 1),
        **dict.fromkeys((LOAD, STORE, HERE + 18, BRANCH), 4),
        HERE + 22: 1,
    }


def test_m7_cycles_of_a_loop() -> None:
    # Its four instructions pair into two cycles, but their 12 bytes from 2 modulo 8 on lie in two
    # lines: two cycles, too. Around it: the start's three take 1.5, the first round begins in the
    # middle of a cycle and the return issues alone behind the last one.
    found = priced(a_phase(), a_board(M7))
    assert found.costs[LOAD].executions == 4
    rounds = [found.costs[address] for address in (LOAD, STORE, HERE + 18, BRANCH)]
    assert sum(cost.bare_cycles for cost in rounds) == 4 * 4 * 0.5
    assert sum(cost.cycles for cost in rounds) == pytest.approx(4 * 2.0, abs=1.0)


@pytest.mark.parametrize("core", [M4, M7])
def test_instructions_add_up_to_their_blocks(core: str) -> None:
    board = a_board(core)
    found = priced(a_phase(), board)
    pairs = PairCosts(find_model(core)(board))
    first, loop, last = (
        block(thumb(START)),
        block(thumb(LOOP, HERE + 10)),
        block(thumb(END, HERE + 22)),
    )
    expected = 0.0
    for source, target, entered, taken, weight in (
        (None, first, False, False, 1.0),
        (first, loop, False, True, 0.75),
        (first, loop, False, False, 0.25),
        (loop, loop, True, True, 3 * 0.75),
        (loop, loop, True, False, 3 * 0.25),
        (loop, last, False, True, 1.0),
    ):
        cost = pairs.cost(source, target, entered=entered, taken=taken)
        expected += weight * sum(bare + sum(stalls.values()) for bare, stalls in cost)
    assert found.cycles == pytest.approx(expected)
    assert all(reason in REASONS for cost in found.costs.values() for reason in cost.stalls)


def test_the_first_block_of_a_layer_is_priced_behind_the_one_before_the_mark() -> None:
    # The block before belongs to another phase and does not run in this one.
    found = priced(a_phase(edges=(Edge(0, 1, 1),)), a_board(M4))
    assert set(found.costs) == {LOAD, STORE, HERE + 18, BRANCH}


@pytest.mark.parametrize(
    ("core", "expected"), [pytest.param(M7, 2 * 8.0, id="m7"), pytest.param(M4, 0.0, id="m4")]
)
def test_m11_mispredicted_branches_are_added(core: str, expected: float) -> None:
    found = priced(a_phase(mispredicted={1: 2}), a_board(core))
    assert stall(found, BRANCH, "mispredicted") == expected


@pytest.mark.parametrize(
    ("core", "load", "store"),
    [
        pytest.param(M7, 3 * 3.5, 0.0, id="m12-m7"),
        pytest.param(M4, 3 * 1 + 2 * 1, 1.0, id="a8-m4"),
    ],
)
def test_misaligned_accesses_are_added(core: str, load: float, store: float) -> None:
    accesses = (Access(LOAD, 1, 4, 4, 0, 3, 2, 0), Access(STORE, 1, 4, 0, 4, 1, 0, 0))
    found = priced(a_phase(accesses=accesses), a_board(core))
    assert stall(found, LOAD, "misaligned") == load
    assert stall(found, STORE, "misaligned") == store


FILLS = (
    DataFills(0, LOAD, 0, 100, 0),  # in a cache of another board
    DataFills(1, LOAD, 0, 10, 0),
    DataFills(1, LOAD, 1, 5, 0),  # from RAM
    DataFills(1, STORE, 0, 0, 7),  # by a store
)


@pytest.mark.parametrize(
    ("board", "expected"),
    [
        pytest.param(a_board(M7, wait_states=7), 10 * 10.4, id="m14-216-MHz-7-wait-states"),
        pytest.param(
            a_board(M7, wait_states=2, bus_divider=2), 10 * 10.8, id="m14-bus-at-half-the-clock"
        ),
        pytest.param(
            a_board(M4, wait_states=5, width_bits=128, line_bytes=16), 10 * 5.0, id="a9-f4"
        ),
        pytest.param(
            a_board(M4, wait_states=4, width_bits=64, line_bytes=32), 10 * 16.0, id="a9-l4"
        ),
        pytest.param(a_board(M4), 0.0, id="a9-no-wait-states"),
    ],
)
def test_lines_of_constants_are_added_to_the_load(board: Board, expected: float) -> None:
    found = priced(a_phase(data_fills=FILLS), board)
    assert stall(found, LOAD, "memory") == pytest.approx(expected)
    assert stall(found, STORE, "memory") == 0.0


def test_m14_lines_of_code_are_shared_out_over_a_block() -> None:
    # The block from 0x800a to 0x8016 lies in one line of 32 bytes; one from 0x801c on in two.
    fills = (InstructionFills(2, 1, 3),)
    found = priced(a_phase(instruction_fills=fills), a_board(M7, wait_states=7))
    assert stall(found, LOAD, "memory") == pytest.approx(3 * 10.4)
    image = image_of(lines("nop.w; " * 7 + "nop.w; nop.w; bx lr") + "\n")
    phase = a_phase(edges=(Edge(-1, 0, 2),), instruction_fills=(InstructionFills(2, 0, 4),))
    blocks = (Block(HERE + 28, 10, 3),)
    (two,) = price_profile(
        a_profile(phase, image=image, blocks=blocks), image, a_board(M7, wait_states=7)
    ).phases
    assert stall(two, HERE + 28, "memory") == pytest.approx(2 * 10.4)
    assert stall(two, HERE + 32, "memory") == pytest.approx(2 * 10.4)


def test_a9_lines_of_code_are_free_on_the_m4() -> None:
    fills = (InstructionFills(2, 1, 3),)
    found = priced(a_phase(instruction_fills=fills), a_board(M4, wait_states=5))
    assert not any("memory" in cost.stalls for cost in found.costs.values())


def test_m15_the_caches_of_the_f746() -> None:
    silicon = find_board("nucleo-f746").silicon
    assert silicon is not None
    assert silicon.data_cache == CacheSize(4096, 32, 4)
    assert silicon.instruction_cache == CacheSize(4096, 32, 2)


def test_m6_loads_are_in_one_bank_if_most_of_their_accesses_are() -> None:
    image = image_of(lines("ldr.w r0, [r1]; ldr.w r2, [r3]; bx lr") + "\n")
    second = HERE + 4

    def bank(same: int) -> float:
        accesses = (Access(second, 1, 4, 100, 0, 0, 0, same),)
        phase = a_phase(edges=(Edge(-1, 0, 1),), accesses=accesses)
        profile = a_profile(phase, image=image, blocks=(Block(HERE, 10, 3),))
        (found,) = price_profile(profile, image, a_board(M7)).phases
        return stall(found, second, "bank")

    assert [bank(same) for same in (0, 50, 51, 100)] == [0.0, 0.0, 0.5, 0.5]


def test_m12_misaligned_stores_are_simulated() -> None:
    image = image_of(lines("str.w r0, [r1]; " * 8 + "bx lr") + "\n")
    accesses = tuple(Access(HERE + 4 * n, 1, 4, 0, 1, 1, 0, 0) for n in range(8))
    phase = a_phase(edges=(Edge(-1, 0, 1),), accesses=accesses)
    profile = a_profile(phase, image=image, blocks=(Block(HERE, 34, 9),))
    (found,) = price_profile(profile, image, a_board(M7)).phases
    assert stall(found, HERE + 24, "store buffer") == 2.0
    assert stall(found, HERE + 28, "store buffer") == 3.0


@pytest.mark.parametrize(
    "bytes_",
    [
        pytest.param(".hword 0xde00; nop", id="undefined-on-purpose"),
        pytest.param(".hword 0xffff, 0xffff", id="no-instruction"),
    ],
)
def test_unknown_instructions_have_no_cycles(bytes_: str) -> None:
    image = firmware(start=f"movs r0, #4; mov.w r1, #0; {bytes_}")
    count = 3 if "0xffff" in bytes_ else 4
    blocks = (Block(HERE, 10, count), *BLOCKS[1:])
    profile = a_profile(image=image, blocks=blocks)
    (found,) = price_profile(profile, image, a_board(M7)).phases
    assert found.unknown == {HERE + 6: 1}
    assert HERE + 6 not in found.costs
    assert found.costs[HERE].executions == 1


def test_only_layers_and_overhead_are_priced_unless_asked() -> None:
    kinds = ("start-up", "harness", "overhead", "layer")
    profile = a_profile(*(a_phase(name=kind, kind=kind) for kind in kinds))
    found = price_profile(profile, firmware(), a_board(M7))
    assert [bool(phase.costs) for phase in found.phases] == [False, False, True, True]
    assert [phase.name for phase in found.phases] == list(kinds)
    everything = price_profile(profile, firmware(), a_board(M7), kinds=kinds)
    assert all(phase.costs for phase in everything.phases)


def test_the_model_is_that_of_the_boards_core_unless_named() -> None:
    image, profile = firmware(), a_profile()
    assert price_profile(profile, image, a_board(M7)).core == M7
    other = price_profile(profile, image, a_board(M7), M4)
    assert (other.core, other.board) == (M4, "chip")
    assert other.phases[0].cycles == price_profile(profile, image, a_board(M4)).phases[0].cycles


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, True, id="all"),
        pytest.param({"mode": "blocks"}, False, id="blocks-alone"),
        pytest.param({"caches": ()}, False, id="without-caches"),
    ],
)
def test_whether_memory_was_counted_is_said(changes: dict[str, Any], expected: bool) -> None:
    found = price_profile(a_profile(**changes), firmware(), a_board(M7))
    assert found.memory_counted is expected


def test_an_unknown_core_is_refused_with_those_there_are() -> None:
    assert model_cores() == (M4, M7)
    with pytest.raises(UsageError, match=r"expected a core .*cortex-m4, cortex-m7.*'cortex-m33'"):
        find_model_of("cortex-m33")
    with pytest.raises(UsageError, match="native"):
        price_profile(a_profile(), firmware(), find_board("host"))


def test_another_firmware_is_refused() -> None:
    other = firmware(end="nop; bx lr")
    with pytest.raises(FileFormatError) as caught:
        price_profile(a_profile(), other, a_board(M7))
    assert firmware().sha256 in str(caught.value)
    assert other.sha256 in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        pytest.param(Block(0x100, 10, 3), "0x100", id="not-in-the-firmware"),
        pytest.param(Block(HERE, 10, 4), "expected 4 instructions", id="too-few"),
        pytest.param(Block(HERE, 12, 3), "found 4", id="too-many"),
    ],
)
def test_blocks_that_are_not_in_the_firmware_are_refused(wrong: Block, words: str) -> None:
    profile = a_profile(blocks=(wrong, *BLOCKS[1:]))
    with pytest.raises(FileFormatError, match=words) as caught:
        price_profile(profile, firmware(), a_board(M7))
    assert hex(wrong.address) in str(caught.value)


def test_a_pair_is_simulated_once_for_all_phases(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    make: Callable[[Board], Any] = find_model(M7)
    model = make(a_board(M7))
    simulate = type(model).simulate

    def counting(self: Any, passes: Any) -> Any:
        calls.append(len(passes))
        return simulate(self, passes)

    monkeypatch.setattr(type(model), "simulate", counting)
    price_profile(a_profile(a_phase()), firmware(), a_board(M7))
    once = len(calls)
    calls.clear()
    price_profile(a_profile(*[a_phase()] * 5), firmware(), a_board(M7))
    assert len(calls) == once
