"""The USART of a virtual board: speeds, DMA, flags, and the line between two speeds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property_runs import tried
from qrig.backends.virtual.line import agree, received, sampled
from qrig.backends.virtual.machine import Machine
from virtual_machines import F4, F7, Port, machine, read32, write32

RCC, DMA1, USART3, GPIOD = 0x4002_3800, 0x4002_6000, 0x4000_4800, 0x4002_0C00
RAM, SIZE = 0x2000_1000, 64
STREAM = DMA1 + 0x10 + 0x18  # number 1
NDTR, M0AR = STREAM + 4, STREAM + 12
HALF, COMPLETE, TRANSFER_ERROR = 1 << 10, 1 << 11, 1 << 9
FE, NF, ORE, IDLE, RXNE, TC, TXE = 2, 4, 8, 16, 32, 64, 128
EN, CIRC, MINC, HTIE, TCIE, CHANNEL_4 = 1, 1 << 8, 1 << 10, 1 << 3, 1 << 4, 4 << 25
IDLEIE, RXNEIE, DMAR, DMAT = 16, 32, 64, 128
CHIPS = [F4, F7]
PCLK = 16_000_000


class Uart:
    """The registers of USART3 of either family."""

    def __init__(self, made: Machine, chip: str) -> None:
        is_old = chip == F4
        self.made, self.is_old = made, is_old
        self.cr1, self.cr3, self.brr = (
            (USART3 + 0xC, USART3 + 0x14, USART3 + 8)
            if is_old
            else (USART3, USART3 + 8, USART3 + 0xC)
        )
        self.status = USART3 if is_old else USART3 + 0x1C
        self.receive_data = USART3 + 4 if is_old else USART3 + 0x24
        self.send_data = USART3 + 4 if is_old else USART3 + 0x28
        self.enabled = (1 << 13 if is_old else 1) | 0xC

    def clear_idle(self) -> None:
        """Clear IDLE and the errors."""
        if self.is_old:
            read32(self.made, self.status)
            read32(self.made, self.receive_data)
        else:
            write32(self.made, USART3 + 0x20, 0x1F)


def _board(chip: str, port: Port | None = None, baud: int = 115_200) -> tuple[Machine, Uart]:
    """Return a chip at 16 MHz whose USART3 runs, its pins connected, with its registers."""
    made = machine(chip=chip, port=port)
    write32(made, RCC + 0x30, 1 << 3 | 1 << 21)
    write32(made, RCC + 0x40, 1 << 18)
    write32(made, GPIOD + 0x24, 0x77)
    write32(made, GPIOD, 2 << 16 | 2 << 18)
    uart = Uart(made, chip)
    write32(made, uart.brr, PCLK // baud)
    write32(made, uart.cr1, uart.enabled)
    return made, uart


def _ring(made: Machine, uart: Uart, address: int = RAM, flags: int = CIRC) -> None:
    write32(made, uart.cr3, DMAR)
    write32(made, M0AR, address)
    write32(made, NDTR, SIZE)
    write32(made, STREAM, CHANNEL_4 | MINC | HTIE | TCIE | flags)
    write32(made, STREAM, CHANNEL_4 | MINC | HTIE | TCIE | flags | EN)


@pytest.mark.parametrize("chip", CHIPS)
@given(st.lists(st.binary(min_size=1, max_size=3 * SIZE), max_size=8))
@tried(10)
def test_a_circular_stream_holds_the_latest_bytes(chip: str, bursts: list[bytes]) -> None:
    made, uart = _board(chip)
    _ring(made, uart)
    expected, place = bytearray(made.read(RAM, 1, SIZE)), 0
    for burst in bursts:
        made.receive(burst)
        for byte in burst:
            expected[place % SIZE] = byte
            place += 1
        assert made.read(RAM, 1, SIZE) == expected
        assert read32(made, NDTR) == SIZE - place % SIZE
        assert read32(made, uart.status) & IDLE
        uart.clear_idle()
        assert not read32(made, uart.status) & (IDLE | RXNE)


@pytest.mark.parametrize("chip", CHIPS)
def test_half_and_complete_make_the_streams_interrupt_pending(chip: str) -> None:
    made, uart = _board(chip)
    _ring(made, uart)
    for count, flags in ((31, 0), (1, HALF), (31, 0), (1, COMPLETE)):
        made.receive(b"x" * count)
        assert read32(made, DMA1) & (HALF | COMPLETE) == flags
        assert bool(read32(made, 0xE000_E200) & 1 << 12) == bool(flags)
        write32(made, DMA1 + 8, HALF | COMPLETE)
        write32(made, 0xE000_E280, 1 << 12)


@pytest.mark.parametrize("chip", CHIPS)
def test_an_idle_line_interrupts_until_its_flag_is_cleared(chip: str) -> None:
    made, uart = _board(chip)
    _ring(made, uart)
    write32(made, uart.cr1, uart.enabled | IDLEIE)
    pending = (0xE000_E204, 1 << 7)
    assert not read32(made, pending[0]) & pending[1]
    made.receive(b"x")
    assert read32(made, pending[0]) & pending[1]
    write32(made, 0xE000_E284, pending[1])
    assert read32(made, pending[0]) & pending[1], "the line is still high"
    uart.clear_idle()
    write32(made, 0xE000_E284, pending[1])
    assert not read32(made, pending[0]) & pending[1]


@pytest.mark.parametrize("chip", CHIPS)
def test_a_stream_that_is_not_circular_ends_and_the_next_byte_waits(chip: str) -> None:
    made, uart = _board(chip)
    _ring(made, uart, flags=0)
    made.receive(bytes(range(SIZE)) + b"z")
    assert not read32(made, STREAM) & EN
    assert read32(made, DMA1) & COMPLETE
    assert read32(made, uart.status) & RXNE
    assert read32(made, uart.receive_data) == ord("z")


@pytest.mark.parametrize(("chip", "address"), [(F4, 0x1000_0000), (F7, 0x0000_0000)])
def test_dma_does_not_reach_memory_of_the_core_alone(chip: str, address: int) -> None:
    made, uart = _board(chip)
    _ring(made, uart, address)
    made.receive(b"x")
    assert read32(made, DMA1) & TRANSFER_ERROR
    assert not read32(made, STREAM) & EN


@pytest.mark.parametrize("chip", CHIPS)
def test_without_dma_one_byte_is_kept_and_the_second_is_an_overrun(chip: str) -> None:
    made, uart = _board(chip)
    made.receive(b"a")
    assert read32(made, uart.status) & (RXNE | ORE) == RXNE
    made.receive(b"b")
    assert read32(made, uart.status) & ORE
    uart.clear_idle()
    if chip == F7:
        assert read32(made, uart.receive_data) == ord("a")
    assert not read32(made, uart.status) & (RXNE | ORE)


@pytest.mark.parametrize("chip", CHIPS)
def test_sent_bytes_leave_at_the_speed_that_is_set(chip: str) -> None:
    port = Port()
    made, uart = _board(chip, port, baud=250_000)
    for byte in b"hello":
        assert read32(made, uart.status) & (TXE | TC) == TXE | TC
        write32(made, uart.send_data, byte)
    assert port.data == b"hello"
    assert port.bauds == {250_000.0}


@pytest.mark.parametrize("chip", CHIPS)
def test_nothing_passes_a_pin_or_a_clock_that_is_not_connected(chip: str) -> None:
    port = Port()
    made, uart = _board(chip, port)
    _ring(made, uart)
    write32(made, GPIOD, 0)
    write32(made, uart.send_data, 1)
    made.receive(b"x")
    assert not port.data
    assert read32(made, NDTR) == SIZE
    write32(made, RCC + 0x40, 0)
    assert read32(made, uart.status) == 0
    write32(made, uart.brr, 1)
    write32(made, RCC + 0x40, 1 << 18)
    assert read32(made, uart.brr) == PCLK // 115_200


@pytest.mark.parametrize("chip", CHIPS)
def test_a_stream_can_send(chip: str) -> None:
    port = Port()
    made, uart = _board(chip, port)
    made.write(RAM, 1, b"from memory")
    stream = DMA1 + 0x10 + 3 * 0x18
    write32(made, uart.cr3, DMAT)
    write32(made, stream + 12, RAM)
    write32(made, stream + 4, 11)
    write32(made, stream, CHANNEL_4 | MINC | 1 << 6 | EN)
    assert port.data == b"from memory"
    assert not read32(made, stream) & EN
    assert read32(made, DMA1) & 1 << 27


@given(st.binary(max_size=40), st.floats(0.97, 1.03))
@tried(50)
def test_speeds_that_agree_change_nothing(data: bytes, ratio: float) -> None:
    baud = 115_200.0
    if agree(baud * ratio, baud):
        assert received(data, baud * ratio, baud) == (data, 0)


@given(st.binary(min_size=8, max_size=64))
@tried(50)
def test_a_receiver_that_is_eight_times_slower_hears_something_else(data: bytes) -> None:
    heard, _ = received(data, 921_600, 115_200)
    assert heard != data
    assert len(heard) <= len(data) // 6 + 2


def test_a_receiver_that_is_too_fast_hears_more_bytes_and_no_stop_bits() -> None:
    heard, errors = received(b"\x00\x00\x55", 115_200, 921_600)
    assert len(heard) > 3
    assert errors > 0


def test_a_line_without_a_speed_carries_nothing() -> None:
    assert received(b"abc", 0, 115_200) == received(b"abc", 115_200, 0) == (b"", 0)


@given(st.binary(max_size=40), st.floats(0.97, 1.03))
@tried(50)
def test_sampling_stands_what_a_line_may_differ(data: bytes, ratio: float) -> None:
    assert sampled(data, ratio) == (data, 0)
