"""The STM32 boards: their files fit their devices, and mistakes in such files are named."""

from pathlib import Path

import pytest

from qrig.boards import Board, board_names, find_board
from qrig.boards.board import read_board
from qrig.boards.device import read_device
from qrig.boards.wiring import wiring_of
from qrig.errors import FileFormatError
from qrig.resources import targets_root

_BOARDS = [name for name in board_names() if find_board(name).device is not None]
_KB = 1024


def _text(name: str = "nucleo-f746") -> str:
    return (targets_root() / name / "board.toml").read_text()


def _read(folder: Path, text: str, name: str = "nucleo-f746") -> Board:
    path = folder / name / "board.toml"
    path.parent.mkdir()
    path.write_text(text)
    return read_board(path)


def test_all_six_are_there() -> None:
    nucleos = {f"nucleo-{name}" for name in ("f429", "f746", "f767", "h743", "l4r5")}
    assert set(_BOARDS) == {*nucleos, "stm32f4-discovery"}


@pytest.mark.parametrize(
    ("name", "flash_kb", "data_kb", "coupled_kb", "clock_mhz"),
    [
        ("nucleo-f746", 1024, 320, 64, 216),
        ("nucleo-f767", 2048, 512, 128, 216),
        ("nucleo-f429", 2048, 192, 0, 180),
        ("stm32f4-discovery", 1024, 128, 0, 168),
        ("nucleo-l4r5", 2048, 640, 0, 120),
        ("nucleo-h743", 2048, 128, 128, 400),
    ],
)
def test_memories_and_clock_are_those_of_the_data_sheet(
    name: str, flash_kb: int, data_kb: int, coupled_kb: int, clock_mhz: int
) -> None:
    board = find_board(name)
    assert board.memory is not None
    code, data = board.memory.code, board.memory.data
    assert (code.origin, code.size_bytes) == (0x0800_0000, flash_kb * _KB)
    assert (data.origin, data.size_bytes) == (0x2000_0000, data_kb * _KB)
    assert data.coupled_bytes == coupled_kb * _KB
    assert board.clock_hz == clock_mhz * 1_000_000


@pytest.mark.parametrize("name", _BOARDS)
def test_a_board_can_be_built_for_probed_and_modelled(name: str) -> None:
    board = find_board(name)
    assert board.memory is not None
    assert board.chip is not None
    assert board.uart is not None
    assert board.probe is not None
    assert board.silicon is not None
    assert board.backends[0] == "probe"
    assert "renode" in board.backends
    assert ("virtual" in board.backends) == (board.chip.family in ("f4", "f7"))
    assert board.renode is not None
    assert board.renode.platform == f"{name}.repl"
    assert board.chip.flash_bytes == board.memory.code.size_bytes
    assert (board.uart.baud, board.uart.fast_baud) == (115_200, 921_600)
    wiring = wiring_of(board)
    assert wiring.marker is not None
    assert len({wiring.tx, wiring.rx, wiring.marker}) == 3
    device = read_device(str(board.device))
    assert device.name.startswith(f"stm32{board.chip.family}")


def test_received_bytes_go_where_dma_reaches() -> None:
    board = find_board("nucleo-h743")
    assert board.memory is not None
    assert board.memory.dma is not None
    assert board.memory.dma.origin == read_device("stm32h743zi").region("d2_sram1").origin
    others = [find_board(name).memory for name in _BOARDS if name != board.name]
    assert all(memory is not None and memory.dma is None for memory in others)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('device = "stm32f746zg"', 'device = "stm32f746xx"', "a part that modm-devices knows"),
        ('device = "stm32f746zg"', 'device = "f746"', "a part like stm32f746zg"),
        ('device = "stm32f746zg"', "device = 746", "device: expected str, found 746"),
        ('["flash"]', '["falsh"]', "a memory of stm32f746zgt6"),
        ('["flash"]', "5", "memory.code"),
        ('"dtcm", "sram1"', '"sram1", "dtcm"', "regions of stm32f746zgt6 that adjoin"),
        ("wait_states = 7", "wait_states = 7\norigin = 0", "expected origin from the device"),
        ('tx = "PD8"\n', "", r"uart\.tx: expected this key, found none"),
        ('name = "usart3"\n', "", r"uart\.name: expected this key, found none"),
        ('"usart3"', '"spi1"', r"uart\.name: .*must match regex"),
        ('"PD8"', '"D8"', r"uart\.tx: .*must match regex"),
        ("hse_hz = 8_000_000", "hse_hz = 8", r"clock\.hse_hz: .*>= 1000000: 8"),
        ("[0x4_0000, 3]", "[0x4_0000, 2]", r"chip\.sectors: .*1,048,576 .*found 786,432"),
        ("[0x4_0000, 3]", "[0x4_0000, 0]", "sizes and counts above zero"),
        ("[0x4_0000, 3]", "[0x4_0000]", r"chip\.sectors"),
        ("[0x4_0000, 3]", "0x4_0000", r"chip\.sectors"),
        ("[[0x8000, 4], [0x2_0000, 1], [0x4_0000, 3]]", "[]", r"chip: expected sectors"),
        ('family = "f7"', 'family = "f9"', r"chip\.family: .*must be in"),
        ("device_id = 0x449", "device_id = 0x1449", r"chip\.device_id: .*must be in"),
        ('pin = "PD15"', 'pin = "PD16"', r"marker\.pin: .*must match regex"),
        ('"nucleo-f746.repl"', '"../x.repl"', r"renode\.platform: .*must match regex"),
        ('target = "stm32f746zg"', 'target = "a b"', r"probe\.target: .*must match regex"),
        ('"Keil.STM32F7xx_DFP"', '"a/b"', r"probe\.pack: .*must match regex"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    text = _text()
    assert text.count(old) == 1
    with pytest.raises(FileFormatError, match=words) as caught:
        _read(tmp_path, text.replace(old, new))
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("table", ["chip", "uart", "probe"])
def test_a_device_needs_its_tables(tmp_path: Path, table: str) -> None:
    text = _text()
    start = text.index(f"[{table}]")
    end = text.index("\n[", start)
    with pytest.raises(FileFormatError, match=rf"expected '{table}' for core cortex-m7"):
        _read(tmp_path, text[:start] + text[end:])


@pytest.mark.parametrize("table", ["clock", "marker", "renode"])
def test_what_a_board_may_lack(tmp_path: Path, table: str) -> None:
    text = _text()
    start = text.index(f"[{table}]")
    end = text.index("\n[", start)
    assert getattr(_read(tmp_path, text[:start] + text[end:]), table) is None
