"""The cycle counter of the STM32 port: 64 bits out of 32, by coarse time, without interrupts."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stm32_port import BOARDS, COARSE, COARSE_HZ, CYCCNT, U32, PlayedPort, played_port


@pytest.fixture(scope="module", params=BOARDS)
def port(request: pytest.FixtureRequest) -> PlayedPort:
    return played_port(request.param)


def test_the_counter_is_exact_for_days(port: PlayedPort) -> None:
    cycles_per_tick = port.board.clock_hz // COARSE_HZ

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.integers(0, U32 - 1),
        st.integers(0, U32 - 1),
        st.integers(0, cycles_per_tick - 1),
        st.one_of(st.integers(0, (U32 - 2) * cycles_per_tick), st.integers(0, 100_000)),
    )
    def holds(start_cycles: int, start_ticks: int, phase: int, elapsed: int) -> None:
        port[CYCCNT], port[COARSE] = start_cycles, start_ticks
        port.library.port_counter_start()
        port[CYCCNT] = (start_cycles + elapsed) % U32
        port[COARSE] = (start_ticks + (phase + elapsed) // cycles_per_tick) % U32
        assert port.library.port_counter_stop() == elapsed

    holds()


def test_coarse_time_advances_ten_thousand_times_a_second(port: PlayedPort) -> None:
    timer_hz = port.board.clock_hz // (1 if port.family == "l4" else 2)
    assert timer_hz / (port[0x4000_0028] + 1) == COARSE_HZ
    assert port[0x4000_002C] == U32 - 1
    assert port[0x4000_0000] & 1


def test_a_counter_that_stands_still_is_none() -> None:
    port = played_port("nucleo-f746", started=False)
    port.library.counter_start()
    port.library.port_counter_start()
    assert port.library.port_counter_stop() == (1 << 64) - 1
    assert "counter=none\n" in port.description
