"""The STM32 port built for this machine, with registers that tests play; see tests/c/stm32_port.

What needs the real registers is run on a virtual board and on Renode.
"""

import ctypes
import functools
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import field, frozen

from qrig.boards import Board, find_board
from qrig.boards.wiring import wiring_of
from qrig.codegen.budget import DMA_BUFFER_BYTES
from qrig.codegen.deployment import generate_kernel_app
from qrig.resources import firmware_root

BOARDS = ("nucleo-f746", "nucleo-f429", "stm32f4-discovery", "nucleo-l4r5", "nucleo-h743")
"""Boards of every family, with every kind of UART and DMA."""

CYCCNT = 0xE000_1004
COARSE = 0x4000_0024
"""Where time is read: DWT_CYCCNT and TIM2_CNT."""

COARSE_HZ = 10_000
U32 = 1 << 32

_SOURCES = ("counter.c", "identity.c", "oscillator.c", "pin.c", "usart.c")
_PARTS = {
    "f4": ("f4", "rcc_f4", "usart_v1", "dma_streams", "cache_none"),
    "f7": ("f7", "rcc_f4", "usart_v2", "dma_streams", "cache_none"),
    "l4": ("l4", "usart_v2", "dma_channels", "cache_none"),
    "h7": ("h7", "usart_v2", "dma_streams", "cache_none"),
}
_RCC_CR = {"f4": 0x4002_3800, "f7": 0x4002_3800, "l4": 0x4002_1000, "h7": 0x5802_4400}
_HSE_READY = 1 << 17
_USARTS = {"usart2": 0x4000_4400, "usart3": 0x4000_4800, "lpuart1": 0x4000_8000}
_WAIT = ctypes.CFUNCTYPE(None)
_KEPT: list[tempfile.TemporaryDirectory[str]] = []


@frozen(eq=False)
class PlayedPort:
    """The port of a board, built for this machine."""

    board: Board
    library: ctypes.CDLL = field(repr=False)

    def __getitem__(self, address: int) -> int:
        return int(self.library.fake_register(address)[0])

    def __setitem__(self, address: int, value: int) -> None:
        self.library.fake_register(address)[0] = value

    @property
    def left(self) -> int:
        """The address of the register that counts down what is left of the ring."""
        stream = wiring_of(self.board).rx_dma.stream
        if self.family == "l4":
            return 0x4002_0008 + 0x14 * (stream - 1) + 4
        base = 0x4002_0000 if self.family == "h7" else 0x4002_6000
        return base + 0x10 + 0x18 * stream + 4

    @property
    def divider(self) -> int:
        """The address of the USART's baud rate register."""
        place = 0x08 if self.family == "f4" else 0x0C
        return _USARTS[wiring_of(self.board).uart] + place

    @property
    def baud(self) -> float:
        """The speed that the divider stands for."""
        bus_hz = self.board.clock_hz // (1 if self.family == "l4" else 4)
        parts = 256 if wiring_of(self.board).uart.startswith("lp") else 1
        return bus_hz * parts / self[self.divider]

    @property
    def family(self) -> str:
        """The chip's family."""
        assert self.board.chip is not None
        return self.board.chip.family

    def start_clock(self, *, has_hse: bool = True) -> list[tuple[int, int]]:
        """Let the port start its clocks; returns what it writes, address and value in order."""
        number = functools.partial(ctypes.c_uint32.in_dll, self.library)
        self.library.fake_settle()
        for name, value in (
            ("fake_obeys", 1),
            ("fake_silent_address", _RCC_CR[self.family]),
            ("fake_silent_mask", 0 if has_hse else _HSE_READY),
            ("fake_writes", 0),
        ):
            number(name).value = value
        self.library.clock_start()
        self.library.fake_note()
        count = number("fake_writes").value
        written = (ctypes.c_uint32 * 2 * count).in_dll(self.library, "fake_written")
        return [(int(address), int(value)) for address, value in written]

    @property
    def description(self) -> str:
        """What the port says of its hardware."""
        text = ctypes.create_string_buffer(256)
        length = self.library.port_describe(text, len(text))
        return text.raw[:length].decode()

    def receive(self, data: bytes) -> None:
        """Let DMA store bytes in the ring."""
        ring = self.library.fake_ring()
        for byte in data:
            left = self[self.left]
            ring[DMA_BUFFER_BYTES - left] = byte
            self[self.left] = left - 1 or DMA_BUFFER_BYTES

    def read_late(self, data: bytes) -> bytes:
        """Return what port_read delivers if `data` arrives while it waits."""
        late = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
        ctypes.c_uint32.in_dll(self.library, "fake_left_address").value = self.left
        place = ctypes.c_void_p.in_dll(self.library, "fake_late")
        place.value = ctypes.addressof(late)
        ctypes.c_uint32.in_dll(self.library, "fake_late_bytes").value = len(data)
        return self.read()

    def read(self, capacity: int = 64) -> bytes:
        """Return what port_read delivers."""
        buffer = (ctypes.c_uint8 * capacity)()
        return bytes(buffer[: self.library.port_read(buffer, capacity)])

    @contextmanager
    def waiting(self, action: Callable[[], None]) -> Iterator[None]:
        """Do `action` where the core waits."""
        callback = _WAIT(action)
        place = ctypes.c_void_p.in_dll(self.library, "fake_wait")
        before = place.value
        place.value = ctypes.cast(callback, ctypes.c_void_p).value
        yield
        place.value = before

    def start(self) -> None:
        """Start counter and line; CYCCNT moves meanwhile."""
        step = ctypes.c_uint32.in_dll(self.library, "fake_step")
        step.value = 1
        self.library.counter_start()
        step.value = 0
        self.library.line_start()


def played_port(name: str, *, started: bool = True) -> PlayedPort:
    """Return the port of the board called `name`, as after a reset, or with counter and line on."""
    copied = Path(tempfile.mkdtemp(dir=_built(name).parent)) / "port.so"
    shutil.copy(_built(name), copied)  # loaded by itself, with variables of its own
    library = ctypes.CDLL(str(copied))
    library.fake_register.restype = ctypes.POINTER(ctypes.c_uint32)
    library.fake_register.argtypes = (ctypes.c_uint32,)
    library.fake_ring.restype = ctypes.POINTER(ctypes.c_uint8)
    library.port_read.restype = ctypes.c_size_t
    library.port_read.argtypes = (ctypes.POINTER(ctypes.c_uint8), ctypes.c_size_t)
    library.port_counter_stop.restype = ctypes.c_uint64
    library.port_describe.restype = ctypes.c_size_t
    library.port_describe.argtypes = (ctypes.c_char_p, ctypes.c_size_t)
    library.usart_can.argtypes = library.port_set_baud.argtypes = (ctypes.c_uint32,)
    port = PlayedPort(find_board(name), library)
    if started:
        port.start()
    return port


@functools.cache
def _built(name: str) -> Path:
    """Build the port for this machine; the folder goes when the tests end."""
    scratch = tempfile.TemporaryDirectory(prefix="qrig-port-")
    _KEPT.append(scratch)
    folder, board = Path(scratch.name), find_board(name)
    assert board.chip is not None
    fakes, port = Path(__file__).parent / "c" / "stm32_port", firmware_root() / "port"
    for file, text in generate_kernel_app(board, "0" * 16).items():
        (folder / file).write_text(text)
    parts = [port / "stm32" / part for part in _PARTS[board.chip.family]]
    sources = [fakes / "fake.c", *(port / "stm32" / file for file in _SOURCES)]
    sources += [path for part in parts for path in part.glob("*.c")]
    command = ["gcc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    command += ["-Wno-pointer-to-int-cast", "-Wno-int-to-pointer-cast"]
    command += [f"-I{path}" for path in (folder, fakes, *parts, port / "stm32", port)]
    subprocess.run([*command, *map(str, sources), "-o", str(folder / "port.so")], check=True)
    return folder / "port.so"
