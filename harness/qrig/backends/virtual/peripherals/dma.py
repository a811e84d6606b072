"""A DMA controller of F4 and F7: eight streams of eight channels, between peripheral and memory.

Facts: RM0090 10.3 and 10.5, RM0385 8.3 and 8.5. Only what a request of a peripheral moves is here:
bytes, without double buffering. What a stream cannot reach ends it with a transfer error.
"""

from __future__ import annotations

from collections.abc import Callable

from qrig.backends.virtual.chips.chip import DmaRequest, Gate
from qrig.backends.virtual.core.engine import NoMemoryError
from qrig.backends.virtual.peripherals.bus import Bus, Peripheral
from qrig.backends.virtual.peripherals.nvic import Nvic

STREAMS = 8
_BASES = {1: 0x4002_6000, 2: 0x4002_6400}
_GATES = {1: Gate(0x30, 21), 2: Gate(0x30, 22)}
_INTERRUPTS = {1: (11, 12, 13, 14, 15, 16, 17, 47), 2: (56, 57, 58, 59, 60, 68, 69, 70)}
_STREAM, _STEP = 0x10, 0x18
_CR, _NDTR, _PAR, _M0AR, _M1AR, _FCR = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14
_PLACES = (0, 6, 16, 22)  # of a stream's flags in LISR and HISR
_TRANSFER_ERROR, _HALF, _COMPLETE = 1 << 3, 1 << 4, 1 << 5
_EN, _CIRC, _MINC = 1 << 0, 1 << 8, 1 << 10
_TO_PERIPHERAL = 1

Read = Callable[[int, int], bytes]
Write = Callable[[int, bytes], None]


class Dma(Peripheral):
    """Controller 1 or 2; `read` and `write` reach the memories that DMA can reach."""

    def __init__(self, bus: Bus, number: int, nvic: Nvic, read: Read, write: Write) -> None:
        """Put the registers on the bus and the interrupts on the controller."""
        resets = dict.fromkeys((0x00, 0x04), 0)
        for stream in range(STREAMS):
            base = _STREAM + _STEP * stream
            resets |= dict.fromkeys(range(base, base + _FCR, 4), 0)
            resets[base + _FCR] = 0x21
        super().__init__(bus, _BASES[number], resets)
        self.gate = _GATES[number]
        self._number = number
        self._nvic = nvic
        self._read, self._write = read, write
        self._sizes = [0] * STREAMS
        self.on_enable: Callable[[DmaRequest], None] = lambda request: None
        for half in (0, 1):
            self.on_write(0x08 + 4 * half, self._clearing(half))
        for stream in range(STREAMS):
            self.on_write(_STREAM + _STEP * stream + _CR, self._configuring(stream))
            nvic.connect(_INTERRUPTS[number][stream], self._line(stream))

    def is_ready(self, request: DmaRequest) -> bool:
        """Whether a stream is enabled and waits for this request."""
        control = self[_STREAM + _STEP * request.stream + _CR]
        return bool(control & _EN) and control >> 25 & 7 == request.channel

    def size(self, request: DmaRequest) -> int:
        """Return how many bytes the buffer of a stream holds, 0 if it does not wait."""
        return self._sizes[request.stream] if self.is_ready(request) else 0

    def feed(self, request: DmaRequest, data: bytes) -> bytes:
        """Move bytes from a peripheral into memory; returns those that found no room."""
        while data and self.is_ready(request):
            base = _STREAM + _STEP * request.stream
            count = min(len(data), self._until_event(request.stream))
            address = self[base + _M0AR]
            if self[base + _CR] & _MINC:
                address += self._sizes[request.stream] - self[base + _NDTR]
            try:
                self._write(address, data[:count])
            except NoMemoryError:
                self._fail(request.stream)
                break
            data = data[count:]
            self._advance(request.stream, count)
        return data

    def drain(self, request: DmaRequest) -> bytes:
        """Return all bytes that a stream has to give to a peripheral, and complete it."""
        base = _STREAM + _STEP * request.stream
        control = self[base + _CR]
        if not self.is_ready(request) or control >> 6 & 3 != _TO_PERIPHERAL:
            return b""
        try:
            data = self._read(self[base + _M0AR], self[base + _NDTR])
        except NoMemoryError:
            self._fail(request.stream)
            return b""
        self[base + _NDTR] = 0
        self[base + _CR] &= ~_EN
        self._flag(request.stream, _HALF | _COMPLETE)
        return data

    def _until_event(self, stream: int) -> int:
        """Return how many bytes there are to the middle or the end of the buffer."""
        left, size = self[_STREAM + _STEP * stream + _NDTR], self._sizes[stream]
        half = size // 2
        return left - half if left > half else left

    def _advance(self, stream: int, count: int) -> None:
        base, size = _STREAM + _STEP * stream, self._sizes[stream]
        left = self[base + _NDTR] - count
        self[base + _NDTR] = left
        if left == size // 2:
            self._flag(stream, _HALF)
        if left == 0:
            if self[base + _CR] & _CIRC:
                self[base + _NDTR] = size
            else:
                self[base + _CR] &= ~_EN
            self._flag(stream, _COMPLETE)

    def _fail(self, stream: int) -> None:
        self[_STREAM + _STEP * stream + _CR] &= ~_EN
        self._flag(stream, _TRANSFER_ERROR)

    def _flag(self, stream: int, flags: int) -> None:
        self[4 * (stream >> 2)] |= flags << _PLACES[stream & 3]
        self._nvic.update(_INTERRUPTS[self._number][stream])

    def _clearing(self, half: int) -> Callable[[int], None]:
        def write(value: int) -> None:
            self[4 * half] &= ~value

        return write

    def _configuring(self, stream: int) -> Callable[[int], None]:
        base = _STREAM + _STEP * stream

        def write(value: int) -> None:
            old = self[base + _CR]
            self[base + _CR] = value
            if value & ~old & _EN:
                self._sizes[stream] = self[base + _NDTR]
                if not self._sizes[stream]:
                    self[base + _CR] &= ~_EN
                self.on_enable(DmaRequest(self._number, stream, value >> 25 & 7))
            self._nvic.update(_INTERRUPTS[self._number][stream])

        return write

    def _line(self, stream: int) -> Callable[[], bool]:
        def is_high() -> bool:
            flags = self[4 * (stream >> 2)] >> _PLACES[stream & 3] & 0x3F
            enabled = self[_STREAM + _STEP * stream + _CR] << 1 & 0x3C  # TCIE to DMEIE, as flags
            return bool(flags & enabled)

        return is_high
