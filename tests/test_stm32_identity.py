"""What the STM32 port says of its chip: unique id, cause of the reset, clock."""

import ctypes

import pytest

from qrig.link.banner import parse_banner
from stm32_port import BOARDS, PlayedPort, played_port

_RCC_CR, _HSEON, _HSERDY, _HSEBYP = 0x4002_3800, 1 << 16, 1 << 17, 1 << 18
_RESETS = {
    "nucleo-f746": (0x4002_3874, 1 << 24),
    "nucleo-l4r5": (0x4002_1094, 1 << 23),
    "nucleo-h743": (0x5802_44D0, 1 << 16),
}
_BANNER = """\
protocol=1.1
capabilities=0
board=x
core=x
build=x
network=x
clock_hz=1
counter=ticks
max_write=512
max_read=4096
stages=1
"""


@pytest.fixture(scope="module", params=BOARDS)
def port(request: pytest.FixtureRequest) -> PlayedPort:
    return played_port(request.param)


def test_the_description_is_for_the_banner(port: PlayedPort) -> None:
    chip = port.board.chip
    assert chip is not None
    for index, word in enumerate((0x0012_3456, 0x89AB_CDEF, 7)):
        port[chip.unique_id_address + 4 * index] = word
    banner = parse_banner((_BANNER + port.description).encode())
    assert banner.unique_id == "0012345689abcdef00000007"
    assert (banner.counter, banner.debugger) == ("cycles", False)
    assert "baud=921600\n" in banner.text
    text = ctypes.create_string_buffer(256)
    assert port.library.port_describe(text, 0) == 0
    assert port.library.port_describe(text, 40) <= 40


@pytest.mark.parametrize("is_there", [False, True])
def test_without_an_oscillator_outside_the_one_within_is_told(is_there: bool) -> None:
    port = played_port("nucleo-f746", started=False)
    port[_RCC_CR] = _HSERDY if is_there else 0
    assert bool(port.library.oscillator_start()) == is_there
    assert port[_RCC_CR] == (_HSERDY | _HSEON | _HSEBYP if is_there else 0)
    assert f"clock={'hse' if is_there else 'hsi'}\n" in port.description


@pytest.mark.parametrize(
    ("name", "flags", "cause"),
    [
        ("nucleo-f746", 1 << 27 | 1 << 26 | 1 << 25, "power"),
        ("nucleo-f746", 1 << 25 | 1 << 26, "brown-out"),
        ("nucleo-f746", 1 << 26, "pin"),
        ("nucleo-f746", 1 << 28 | 1 << 26, "software"),
        ("nucleo-f746", 1 << 29 | 1 << 26, "watchdog"),
        ("nucleo-f746", 1 << 30 | 1 << 26, "watchdog"),
        ("nucleo-f746", 1 << 31 | 1 << 26, "low-power"),
        ("nucleo-f746", 0, "unknown"),
        ("nucleo-l4r5", 1 << 27 | 1 << 26, "power"),
        ("nucleo-l4r5", 1 << 28 | 1 << 26, "software"),
        ("nucleo-h743", 1 << 23 | 1 << 22 | 1 << 21, "power"),
        ("nucleo-h743", 1 << 24 | 1 << 22 | 1 << 17, "software"),
        ("nucleo-h743", 1 << 22 | 1 << 17, "pin"),
    ],
)
def test_the_cause_of_a_reset_is_told_once(name: str, flags: int, cause: str) -> None:
    register, forget = _RESETS[name]
    port = played_port(name, started=False)
    port[register] = flags
    port.library.identity_start()
    assert f"reset={cause}\n" in port.description
    assert port[register] & forget
