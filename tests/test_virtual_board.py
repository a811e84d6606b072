"""A virtual board as a process: its port, its flash file, its end."""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial
from attrs import evolve

from qrig.backends.virtual.board import VirtualBoard
from qrig.backends.virtual.board_setup import setup_of, unique_id_of
from qrig.backends.virtual.faults import Faults
from qrig.backends.virtual.setup import Setup, from_json, to_json
from qrig.boards import find_board
from qrig.deadline import Deadline
from qrig.errors import TargetUnavailableError
from virtual_echo import echo
from virtual_machines import F4, F7, UNIQUE_ID, assemble

LIMIT_S = 20.0
CHIPS = [F4, F7]
WAITS = assemble(".thumb_func\nreset: cpsid i; 1: wfi; b 1b")


def _setup(flash: Path, chip: str = F7, faults: Faults | None = None) -> Setup:
    return Setup(
        chip, "usart3", "PD8", "PD9", UNIQUE_ID, flash, 8_000_000, faults=faults or Faults()
    )


@contextmanager
def _board(
    folder: Path, image: bytes, chip: str = F7, faults: Faults | None = None
) -> Iterator[VirtualBoard]:
    """Run a board with `image` in its flash."""
    size = 0x20_0000 if chip == F4 else 0x10_0000
    flash = folder / "flash"
    flash.write_bytes(image.ljust(size, b"\xff"))
    board = VirtualBoard(_setup(flash, chip, faults), "test-1", "virtual test")
    try:
        _await_sleep(board)
        yield board
    finally:
        board.stop()


def _await_sleep(board: VirtualBoard) -> None:
    """Wait until the firmware has set itself up and sleeps; not all do."""
    deadline = Deadline.after(1.0)
    while not deadline.expired:
        status = int.from_bytes(board.wire.read(0xE000_EDF0, 4, 1), "little")
        if status & 1 << 18:
            return


@contextmanager
def _port(board: VirtualBoard, baud: int) -> Iterator[serial.Serial]:
    port = serial.Serial(board.port_url, baud, timeout=0.05, exclusive=True)
    try:
        yield port
    finally:
        port.close()


def _read(port: serial.Serial, count: int) -> bytes:
    """Return `count` bytes, or what came of them in a while."""
    data, deadline = b"", Deadline.after(LIMIT_S)
    while len(data) < count and not deadline.expired:
        data += port.read(count - len(data))
    return data


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("baud", [115_200, 921_600])
def test_a_firmware_talks_over_the_port(tmp_path: Path, chip: str, baud: int) -> None:
    sent = random.Random(1).randbytes(10_000)
    with _board(tmp_path, echo(chip, baud), chip) as board, _port(board, baud) as port:
        heard = b""
        for start in range(0, len(sent), 200):  # its ring holds 256 bytes
            port.write(sent[start : start + 200])
            heard += _read(port, 200)
        assert heard == sent


@pytest.mark.parametrize("chip", CHIPS)
def test_single_bytes_wake_a_sleeping_firmware(tmp_path: Path, chip: str) -> None:
    with _board(tmp_path, echo(chip, 115_200), chip) as board, _port(board, 115_200) as port:
        for byte in (b"a", b"\0", b"\xff", b"z"):
            port.write(byte)
            assert _read(port, 1) == byte


def test_another_speed_is_not_understood(tmp_path: Path) -> None:
    sent = bytes(range(64))
    with _board(tmp_path, echo(F7, 115_200)) as board:
        with _port(board, 921_600) as port:
            port.write(sent)
            heard = b""
            deadline = Deadline.after(2.0)
            while not deadline.expired and len(heard) < len(sent):
                heard += port.read(len(sent))
            assert heard != sent
        with _port(board, 115_200) as port:
            port.write(sent)
            assert _read(port, len(sent)) == sent


def test_a_port_is_taken_by_one_alone(tmp_path: Path) -> None:
    with (
        _board(tmp_path, WAITS) as board,
        _port(board, 115_200),
        pytest.raises(serial.SerialException),
        _port(board, 115_200),
    ):
        pass


def test_a_board_that_nobody_listens_to_goes_on(tmp_path: Path) -> None:
    chatter = """
.thumb_func
reset: ldr r0, =0x40023830; movs r1, #8; str r1, [r0]; mov r1, #0x40000; str r1, [r0, #0x10]
    ldr r0, =0x40020C00; movs r1, #0x77; str r1, [r0, #0x24]; mov r1, #0xA0000; str r1, [r0]
    ldr r4, =0x40004800; movs r1, #139; str r1, [r4, #12]; movs r1, #9; str r1, [r4]
    ldr r5, =100000; ldr r6, =0x20001000; movs r7, #0
1:  str r5, [r4, #0x28]; adds r7, #1; str r7, [r6]; subs r5, #1; bne 1b
2:  b 2b
"""
    with _board(tmp_path, assemble(chatter)) as board:
        deadline = Deadline.after(LIMIT_S)
        count = 0
        while count < 100_000 and not deadline.expired:
            count = int.from_bytes(board.wire.read(0x2000_1000, 4, 1), "little")
        assert count == 100_000


def test_flash_survives_the_process(tmp_path: Path) -> None:
    with _board(tmp_path, WAITS) as board:
        os.kill(board.pid, signal.SIGKILL)
        assert "SIGKILL" in board.last_words()
    content = (tmp_path / "flash").read_bytes()
    assert content.startswith(WAITS)
    assert len(content) == 0x10_0000


def test_a_flash_file_of_another_size_begins_anew(tmp_path: Path) -> None:
    flash = tmp_path / "deep" / "flash"
    board = VirtualBoard(_setup(flash), "test-1", "virtual test")
    board.stop()
    assert flash.read_bytes() == b"\xff" * 0x10_0000
    flash.write_bytes(b"short")
    VirtualBoard(_setup(flash), "test-1", "virtual test").stop()
    assert flash.read_bytes() == b"\xff" * 0x10_0000


def test_a_board_that_cannot_start_says_why(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    with pytest.raises(TargetUnavailableError, match="ended with code 1"):
        VirtualBoard(_setup(blocked / "flash"), "test-1", "virtual test")
    with pytest.raises(TargetUnavailableError, match="stm32h743zi"):
        VirtualBoard(_setup(tmp_path / "flash", "stm32h743zi"), "test-1", "virtual test")


def test_stopping_twice_is_harmless_and_leaves_no_process(tmp_path: Path) -> None:
    with _board(tmp_path, WAITS) as board:
        board.stop()
        board.stop()
        assert not Path(f"/proc/{board.pid}").exists()


def test_bytes_are_lost_and_garbled_on_request(tmp_path: Path) -> None:
    sent = bytes(200)
    faults = Faults(rx_drop=10, tx_garble=30)
    with (
        _board(tmp_path, echo(F7, 115_200), faults=faults) as board,
        _port(board, 115_200) as port,
    ):
        for _ in range(10):
            port.write(sent)
        heard = _read(port, 1_700)
    assert len(heard) == 1_700
    assert all(byte.bit_count() <= 1 for byte in heard)
    assert 30 < len(heard) - heard.count(0) < 100


def test_registers_that_are_not_modelled_are_named_at_the_end(tmp_path: Path) -> None:
    source = ".thumb_func\nreset: ldr r0, =0x40012000; str r0, [r0, #8]; b ."
    with _board(tmp_path, assemble(source)) as board:
        board.wire.read(0x2000_0000, 4, 1)
        board._connection.close()
        assert "0x40012008" in board.last_words()


def test_a_setup_is_the_same_after_its_way_through_text(tmp_path: Path) -> None:
    for name in ("nucleo-f746", "nucleo-f767", "nucleo-f429", "stm32f4-discovery"):
        setup = setup_of(find_board(name), "2", tmp_path / "flash", Faults(unplug=3))
        assert from_json(to_json(setup)) == setup
        assert setup.unique_id == unique_id_of(f"{name}-2")


def test_a_board_without_a_virtual_chip_is_refused(tmp_path: Path) -> None:
    for name in ("nucleo-h743", "mps2-an500"):
        with pytest.raises(TargetUnavailableError, match="another backend"):
            setup_of(find_board(name), "1", tmp_path, Faults())


def test_a_uart_that_the_chip_does_not_have_is_refused(tmp_path: Path) -> None:
    board = find_board("nucleo-f746")
    assert board.uart is not None
    other = evolve(board, uart=evolve(board.uart, name="lpuart1"))
    with pytest.raises(TargetUnavailableError, match=r"usart3.*found lpuart1"):
        setup_of(other, "1", tmp_path, Faults())


def test_boards_and_instances_have_different_numbers() -> None:
    names = [f"{board}-{index}" for board in ("nucleo-f746", "nucleo-f429") for index in range(50)]
    assert len({unique_id_of(name) for name in names}) == 100
