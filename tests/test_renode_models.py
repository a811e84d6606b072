"""Our models of peripherals in Renode, register by register, without the firmware's help."""

from collections.abc import Iterator

import pytest

from full_runs import FULL_RUN
from hand_made import hand_made
from qrig.backends.renode import RenodeBackend
from qrig.boards import find_board
from qrig.build import build_deployment
from qrig.deadline import Deadline
from renode_machine import DMAR, FULL, IDLE, OVERRUN, V1, Machine, dma_layout
from renode_there import requires_renode

pytestmark = requires_renode

BOARDS = [
    "nucleo-f429",
    "nucleo-f746",
    "nucleo-l4r5",
    pytest.param("nucleo-h743", marks=FULL_RUN),
]
_RECEIVE, _SEND, _IDLEIE, _RXNEIE = 1 << 2, 1 << 3, 1 << 4, 1 << 5
_RING = 16


@pytest.fixture(scope="module", params=BOARDS)
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    board = find_board(request.param)
    running = RenodeBackend().start(build_deployment(hand_made().quantized, board))
    try:
        running.monitor.run("pause", Deadline.after(30.0))
        yield Machine(board, running)
    finally:
        running.stop()


def _ring(machine: Machine) -> int:
    memory = machine.board.memory
    assert memory is not None
    return (memory.dma or memory.data).origin + 0x8000


def test_a_byte_waits_until_it_is_read(machine: Machine) -> None:
    machine.start_uart(_RECEIVE | _SEND | _RXNEIE)
    assert machine.status() & (FULL | IDLE | OVERRUN) == 0
    assert not machine.interrupt()
    machine.receive(b"A")
    assert machine.status() & FULL
    assert machine.interrupt()
    assert machine.read(machine.uart + machine.layout.received) == ord("A")
    assert machine.status() & FULL == 0
    assert not machine.interrupt()


def test_a_byte_too_many_is_lost_and_noted(machine: Machine) -> None:
    machine.start_uart(_RECEIVE)
    machine.receive(b"AB")
    assert machine.status() & OVERRUN
    assert machine.read(machine.uart + machine.layout.received) == ord("A")
    machine.forget()
    assert machine.status() & OVERRUN == 0


def test_the_line_is_idle_behind_what_came(machine: Machine) -> None:
    machine.start_uart(_RECEIVE | _IDLEIE)
    machine.receive(b"A")
    machine.read(machine.uart + machine.layout.received)
    machine.forget()
    assert not machine.interrupt()
    machine.receive(b"B")
    assert machine.status() & IDLE
    assert machine.interrupt()


def test_a_receiver_that_is_off_takes_nothing(machine: Machine) -> None:
    machine.start_uart(_SEND)
    machine.receive(b"A")
    assert machine.status() & (FULL | IDLE) == 0


def test_dma_goes_round_its_ring(machine: Machine) -> None:
    machine.start_uart(_RECEIVE | _IDLEIE, DMAR)
    ring = _ring(machine)
    dma = machine.start_dma(ring, _RING)
    machine.receive(b"0123456")
    assert machine.read(dma.count) == _RING - 7
    assert machine.read(dma.status) & (dma.half | dma.whole) == 0
    machine.receive(b"7")
    assert machine.read(dma.status) & (dma.half | dma.whole) == dma.half
    machine.write(dma.clear, dma.half)
    assert machine.read(dma.status) & dma.half == 0
    machine.receive(b"89abcdefgh")
    assert machine.read(dma.status) & (dma.half | dma.whole) == dma.whole
    assert machine.read(dma.count) == _RING - 2, "it began anew"
    assert machine.memory(ring, _RING) == b"gh23456789abcdef"
    assert machine.read(dma.control) & 1, "it goes on"
    assert machine.status() & (FULL | OVERRUN) == 0
    assert machine.status() & IDLE


def test_dma_takes_what_came_before_it_was_started(machine: Machine) -> None:
    machine.start_uart(_RECEIVE)
    machine.write(dma_layout(machine.board).control, 0)
    machine.receive(b"x")
    machine.write(machine.uart + machine.layout.control3, DMAR)
    assert machine.status() & FULL
    dma = machine.start_dma(_ring(machine), _RING)
    assert machine.read(dma.count) == _RING - 1
    assert machine.memory(_ring(machine), 1) == b"x"
    assert machine.status() & FULL == 0


def test_dma_that_is_not_circular_stops(machine: Machine) -> None:
    machine.start_uart(_RECEIVE, DMAR)
    dma = dma_layout(machine.board)
    machine.start_dma(_ring(machine), 2)
    machine.write(dma.control, 0)
    machine.write(dma.count, 2)
    circular = 1 << 5 if machine.board.chip and machine.board.chip.family == "l4" else 1 << 8
    machine.write(dma.control, dma.on & ~circular)
    machine.receive(b"abc")
    assert machine.memory(_ring(machine), 2) == b"ab"
    assert machine.read(dma.count) == 0
    assert machine.read(dma.control) & 1 == 0
    assert machine.status() & FULL, "the third byte waits"


def test_a_transfer_that_is_not_modelled_is_an_error_in_the_log(machine: Machine) -> None:
    dma = dma_layout(machine.board)
    machine.write(dma.control, 0)
    to_peripheral = 1 << 4 if machine.board.chip and machine.board.chip.family == "l4" else 1 << 6
    machine.write(dma.control, dma.on | to_peripheral)
    assert machine.read(dma.control) & 1 == 0
    assert ": not modelled" in machine.running.last_words()


def test_clocks_become_ready_and_stay_so(machine: Machine) -> None:
    chip = machine.board.chip
    assert chip is not None
    control = {"f4": 0x4002_3800, "f7": 0x4002_3800, "l4": 0x4002_1000, "h7": 0x5802_4400}
    address = control[chip.family]
    value = machine.read(address)
    machine.write(address, value & ~(1 << 16))
    assert machine.read(address) >> 16 & 3 == 0
    machine.write(address, value | 1 << 16)
    assert machine.read(address) >> 16 & 3 == 3
    machine.write(address, (value | 1 << 16) & ~(1 << 17))
    assert machine.read(address) >> 16 & 3 == 3, "a flag is not for software to write"


def test_the_cause_of_a_reset_is_there_until_it_is_forgotten(machine: Machine) -> None:
    chip = machine.board.chip
    assert chip is not None
    places = {"f4": 0x4002_3874, "f7": 0x4002_3874, "l4": 0x4002_1094, "h7": 0x5802_44D0}
    software, forget = (24, 16) if chip.family == "h7" else (28, 23 if chip.family == "l4" else 24)
    address = places[chip.family]
    assert machine.read(address) >> software & 1 == 0, "power came on"
    machine.run("machine Reset")
    assert machine.read(address) >> software & 1 == 1
    machine.write(address, 1 << forget)
    assert machine.read(address) >> software & 1 == 0
    assert machine.read(address) >> forget & 1 == 0


def test_the_chip_is_known(machine: Machine) -> None:
    chip = machine.board.chip
    assert chip is not None
    assert machine.read(chip.idcode_address) & 0xFFF == chip.device_id
    (size,) = machine.run(f"sysbus ReadWord {chip.flash_size_address:#x}")
    assert 1024 * int(size, 16) == chip.flash_bytes
    assert machine.layout is V1 or machine.layout.clear is not None
