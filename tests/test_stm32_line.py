"""The line of the STM32 port: bytes out of the ring that DMA fills, sleep, and changes of speed."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qrig.boards.wiring import wiring_of
from stm32_port import BOARDS, COARSE, COARSE_HZ, U32, PlayedPort, played_port


@pytest.fixture(scope="module", params=BOARDS)
def port(request: pytest.FixtureRequest) -> PlayedPort:
    return played_port(request.param)


def test_the_line_begins_at_the_first_speed_and_takes_the_fast_one(port: PlayedPort) -> None:
    uart = port.board.uart
    assert uart is not None
    assert uart.fast_baud is not None
    assert port.baud == pytest.approx(uart.baud, rel=0.01)
    assert all(port.library.usart_can(baud) for baud in (uart.baud, 460_800, uart.fast_baud))


@pytest.mark.parametrize("baud", [0, 1, 9_599, 0xFFFF_FFFF, 0x8000_0000, 13_000_001])
def test_speeds_that_cannot_be_are_refused(port: PlayedPort, baud: int) -> None:
    assert not port.library.usart_can(baud)
    before = port[port.divider]
    assert not port.library.port_set_baud(baud)
    port.receive(b"x")
    assert port.read() == b"x"
    assert port[port.divider] == before


def test_every_speed_that_is_taken_is_met(port: PlayedPort) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.integers(300, 8_000_000))
    def holds(baud: int) -> None:
        if not port.library.port_set_baud(baud):
            assert not 30_000 < baud < 1_000_000
            return
        assert port.read_late(b"x") == b"x"
        assert port.baud == pytest.approx(baud, rel=0.021)
        port.library.port_confirm()

    holds()


def test_bytes_come_in_order_whatever_their_pieces(port: PlayedPort) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.lists(st.tuples(st.binary(min_size=1, max_size=1500), st.integers(1, 700)), max_size=8)
    )
    def holds(pieces: list[tuple[bytes, int]]) -> None:
        for data, capacity in pieces:
            port.receive(data)
            found = b""
            while len(found) < len(data):
                part = port.read(capacity)
                assert 0 < len(part) <= capacity
                found += part
            assert found == data

    holds()


def test_an_empty_ring_is_waited_for_with_interrupts_that_are_never_taken(port: PlayedPort) -> None:
    wiring = wiring_of(port.board)
    numbers = (wiring.interrupt, wiring.rx_dma.interrupt)
    seen = []

    def arrive() -> None:
        seen.append([port[0xE000_E100 + number] for number in numbers])
        if len(seen) == 3:
            port.receive(b"late")

    with port.waiting(arrive):
        assert port.read() == b"late"
    assert seen == [[1, 1]] * 3
    assert [port[0xE000_E100 + number] for number in numbers] == [0, 0]


def test_a_new_speed_begins_behind_the_answer_with_an_empty_ring(port: PlayedPort) -> None:
    port.start()
    port.receive(b"the end of the request")
    before = port[port.divider]
    assert port.library.port_set_baud(921_600)
    assert port[port.divider] == before
    assert port.read_late(b"hello") == b"hello"
    assert port.baud == pytest.approx(921_600, rel=0.01)


def test_a_new_speed_stays_only_if_it_is_confirmed(port: PlayedPort) -> None:
    port.start()
    assert port.library.port_set_baud(921_600)
    assert port.read_late(b"garbage") == b"garbage"
    port[COARSE] = (port[COARSE] + COARSE_HZ) % U32
    port.receive(b"garbage")
    assert port.read() == b"garbage"
    assert port.baud == pytest.approx(921_600, rel=0.01)
    port[COARSE] = (port[COARSE] + 1) % U32
    assert port.read_late(b"slow") == b"slow"
    assert port.baud == pytest.approx(115_200, rel=0.01)


def test_a_confirmed_speed_stays(port: PlayedPort) -> None:
    port.start()
    assert port.library.port_set_baud(921_600)
    assert port.read_late(b"frame") == b"frame"
    port.library.port_confirm()
    port[COARSE] = (port[COARSE] + 20 * COARSE_HZ) % U32
    port.receive(b"frame")
    assert port.read() == b"frame"
    assert port.baud == pytest.approx(921_600, rel=0.01)
