"""The platform files for Renode against the boards' descriptions: nothing is typed differently."""

import pytest

from platform_files import Entry, read_platform, spread
from qrig.backends.renode.backend import MIPS, board_script
from qrig.boards import Board
from qrig.boards.wiring import wiring_of
from qrig.resources import targets_root
from renode_there import renode_boards

BOARDS = pytest.mark.parametrize("board", renode_boards(), ids=lambda board: str(board.name))
_TIMER_PER_CORE = {"f4": 0.5, "f7": 0.5, "h7": 0.5, "l4": 1.0}


def _platform(board: Board) -> dict[str, Entry]:
    return read_platform(board_script(board).with_suffix(".repl"))


def test_every_board_with_a_chip_is_described() -> None:
    assert {"nucleo-f746", "nucleo-f429"} <= {board.name for board in renode_boards()}
    for board in renode_boards():
        assert "renode" in board.backends
        script = board_script(board).read_text()
        assert f'$name?="{board.name}"' in script
        assert f"$platform?=$ORIGIN/{board.name}.repl" in script


def test_every_model_is_compiled() -> None:
    folder = targets_root() / "renode"
    script = (folder / "board.resc").read_text()
    assert {path.name for path in folder.glob("*.cs")} == {
        word.removeprefix("$ORIGIN/") for word in script.split() if word.endswith(".cs")
    }


@BOARDS
def test_the_counter_counts_each_instruction(board: Board) -> None:
    platform = _platform(board)
    mips = platform["cpu"].number("PerformanceInMips")
    assert str(mips) == MIPS
    assert 1000 % mips == 0, "an instruction takes whole nanoseconds"
    assert platform["dwt"].number("frequency") == 1_000_000 * mips
    assert platform["cpu"].properties["cpuType"].strip('"').startswith(board.core)


@BOARDS
def test_the_timer_keeps_pace_with_the_core(board: Board) -> None:
    assert board.chip is not None
    timer = _platform(board)["timer2"]
    assert timer.address == 0x4000_0000
    assert timer.number("initialLimit") == (1 << 32) - 1
    ratio = _TIMER_PER_CORE[board.chip.family]
    assert timer.number("frequency") == ratio * 1_000_000 * int(MIPS)


@BOARDS
def test_memories_are_those_of_the_board(board: Board) -> None:
    assert board.memory is not None
    platform = _platform(board)
    code, flash = board.memory.code, platform["flash"]
    assert (flash.address, flash.number("size")) == (code.origin, code.size_bytes)
    assert flash.number("ResetByte") == 0xFF
    for memory in filter(None, (board.memory.data, board.memory.dma)):
        wanted = (memory.origin, memory.size_bytes)
        assert wanted in [
            (entry.address, entry.number("size"))
            for entry in platform.values()
            if entry.type == "Memory.MappedMemory"
        ]


@BOARDS
def test_the_uart_reaches_its_interrupt_and_its_dma(board: Board) -> None:
    platform, wiring = _platform(board), wiring_of(board)
    uart, dma = platform[wiring.uart], wiring.rx_dma
    assert uart.wires["IRQ"] == f"nvic@{wiring.interrupt}"
    controller = f"dma{dma.controller}"
    if dma.mux_channel is None:
        assert uart.wires["ReceiveRequest"] == f"{controller}@{8 * dma.stream + dma.request}"
    else:
        mux = platform["dmamux1"]
        assert uart.wires["ReceiveRequest"] == f"dmamux1@{dma.request}"
        reached = {
            output: (target.partition("@")[0], channel)
            for outputs, target in mux.wires.items()
            for output, channel in zip(
                spread(outputs), spread(target.partition("@")[2]), strict=True
            )
        }
        index = dma.stream - 1 if board.chip and board.chip.family == "l4" else dma.stream
        assert reached[dma.mux_channel] == (controller, index)
    ((outputs, interrupts),) = platform[controller].wires.items()
    numbers = spread(interrupts.removeprefix("nvic@"))
    by_output = dict(zip(spread(outputs), numbers, strict=True))
    first = 1 if board.chip and board.chip.family == "l4" else 0
    assert by_output[dma.stream - first] == dma.interrupt


@BOARDS
def test_pins_are_there(board: Board) -> None:
    platform, wiring = _platform(board), wiring_of(board)
    for pin in filter(None, (wiring.tx, wiring.rx, wiring.marker)):
        port = platform[f"gpioPort{chr(ord('A') + pin.port)}"]
        assert port.type == "GPIOPort.STM32_GPIOPort"
        assert port.address & 0x3FFF == 0x400 * pin.port & 0x3FFF


@BOARDS
def test_the_chip_says_what_it_is(board: Board) -> None:
    chip, platform = board.chip, _platform(board)
    assert chip is not None
    idcode = platform["dbgmcu"].registers("powerOn")[chip.idcode_address]
    assert idcode & 0xFFF == chip.device_id
    factory = platform["factory"].registers("powerOn")
    size = factory[chip.flash_size_address & ~3] >> 8 * (chip.flash_size_address & 3)
    assert 1024 * (size & 0xFFFF) == chip.flash_bytes
    assert all(factory[chip.unique_id_address + offset] for offset in (0, 4, 8))


def test_no_two_chips_have_the_same_number() -> None:
    numbers = []
    for board in renode_boards():
        assert board.chip is not None
        words = _platform(board)["factory"].registers("powerOn")
        numbers.append(tuple(words[board.chip.unique_id_address + n] for n in (0, 4, 8)))
    assert len(set(numbers)) == len(numbers)
