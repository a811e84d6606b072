"""A board in Renode that stands still while a test reads and writes its registers."""

from __future__ import annotations

from attrs import define, frozen

from qrig.backends.renode import RunningRenode
from qrig.boards import Board
from qrig.boards.wiring import wiring_of
from qrig.deadline import Deadline

OVERRUN, IDLE, FULL = 1 << 3, 1 << 4, 1 << 5
DMAR = 1 << 6
_UART = {"usart3": 0x4000_4800, "lpuart1": 0x4000_8000}
_DMA = {"f4": 0x4002_6000, "f7": 0x4002_6000, "l4": 0x4002_0000, "h7": 0x4002_0000}
_DMA_MUX = 0x4002_0800
_PLACES = (0, 6, 16, 22)


@frozen
class UartLayout:
    """Where a UART has its registers, and the bit that switches it on."""

    status: int
    received: int
    control1: int
    control3: int
    enable: int
    clear: int | None


V1 = UartLayout(0x00, 0x04, 0x0C, 0x14, 1 << 13, None)
V2 = UartLayout(0x1C, 0x24, 0x00, 0x08, 1 << 0, 0x20)


@frozen
class DmaLayout:
    """Where the stream or channel of a board's UART has its registers, bits and flags."""

    control: int
    on: int
    status: int
    clear: int
    half: int
    whole: int

    @property
    def count(self) -> int:
        """The register of what is left; source and target follow it."""
        return self.control + 4


def dma_layout(board: Board) -> DmaLayout:
    """The layout of a board's stream, for a circular transfer of bytes to memory."""
    assert board.chip is not None
    dma, base = wiring_of(board).rx_dma, _DMA[board.chip.family]
    if board.chip.family == "l4":
        index = dma.stream - 1
        control, on = base + 0x08 + 0x14 * index, 1 << 0 | 1 << 5 | 1 << 7
        return DmaLayout(control, on, base, base + 4, 4 << 4 * index, 2 << 4 * index)
    chosen = dma.request << 25 if dma.mux_channel is None else 0
    word, place = 4 * (dma.stream // 4), _PLACES[dma.stream % 4]
    control, on = base + 0x10 + 0x18 * dma.stream, 1 << 0 | 1 << 8 | 1 << 10 | chosen
    return DmaLayout(control, on, base + word, base + 8 + word, 1 << place + 4, 1 << place + 5)


@define
class Machine:
    """A board in Renode, stopped."""

    board: Board
    running: RunningRenode

    @property
    def layout(self) -> UartLayout:
        """The layout of its UART."""
        assert self.board.chip is not None
        return V1 if self.board.chip.family == "f4" else V2

    @property
    def uart(self) -> int:
        """The address of its UART."""
        return _UART[wiring_of(self.board).uart]

    def run(self, command: str) -> list[str]:
        """Do a command."""
        return self.running.monitor.run(command, Deadline.after(30.0))

    def read(self, address: int) -> int:
        """A register."""
        return int(self.run(f"sysbus ReadDoubleWord {address:#x}")[0], 16)

    def write(self, address: int, value: int) -> None:
        """Set a register."""
        self.run(f"sysbus WriteDoubleWord {address:#x} {value:#x}")

    def memory(self, address: int, count: int) -> bytes:
        """Some memory."""
        return self.running.read_memory(address, count, Deadline.after(30.0))

    def receive(self, data: bytes) -> None:
        """Let bytes arrive."""
        name = wiring_of(self.board).uart
        self.run("; ".join(f"sysbus.{name} WriteChar {byte}" for byte in data))

    def status(self) -> int:
        """The UART's flags."""
        return self.read(self.uart + self.layout.status)

    def interrupt(self) -> bool:
        """Whether the UART's interrupt line is high."""
        return "set" in self.run(f"sysbus.{wiring_of(self.board).uart} IRQ")[0].split()

    def start_uart(self, control1: int, control3: int = 0) -> None:
        """Start the UART anew, without flags."""
        self.write(self.uart + self.layout.control1, 0)
        self.write(self.uart + self.layout.control3, control3)
        self.write(self.uart + self.layout.control1, control1 | self.layout.enable)
        self.read(self.uart + self.layout.received)
        self.forget()

    def forget(self) -> None:
        """Clear the UART's flags as software does."""
        if self.layout.clear is None:
            self.status()
            self.read(self.uart + self.layout.received)
        else:
            self.write(self.uart + self.layout.clear, IDLE | OVERRUN)

    def start_dma(self, ring: int, count: int) -> DmaLayout:
        """Start a circular transfer from the UART to a ring; return where its registers are."""
        dma, mux = dma_layout(self.board), wiring_of(self.board).rx_dma
        self.write(dma.control, 0)
        self.write(dma.clear, dma.half | dma.whole)
        if mux.mux_channel is not None:
            self.write(_DMA_MUX + 4 * mux.mux_channel, mux.request)
        self.write(dma.count + 4, self.uart + self.layout.received)
        self.write(dma.count + 8, ring)
        self.write(dma.count, count)
        self.write(dma.control, dma.on)
        return dma
