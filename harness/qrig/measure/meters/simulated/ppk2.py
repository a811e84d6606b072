"""A simulated PPK2: the commands and samples of the kit's serial protocol, byte for byte.

Its calibration is one that makes the arithmetic simple; samples are in the range that fits.
"""

from __future__ import annotations

import numpy as np

from qrig.measure.meters.simulated.faults import Faults, Line
from qrig.measure.meters.simulated.signal import Signal

SAMPLE_HZ = 100_000

_RESISTORS = (1031.64, 101.65, 10.15, 0.94, 0.043)
_ADC_V = 1.8 / 163_840  # volts per count of the converter
_ADC_STEP = 4  # a sample holds the upper 14 of 16 bits
_LARGEST = 0x3FFF
_METADATA, _START, _STOP, _LENGTHS = 0x19, 0x06, 0x07, {0x0C: 2, 0x0D: 3, 0x11: 2, 0x25: 6}


class Ppk2Twin:
    """A kit that measures `signal`; `commands` are those it got."""

    def __init__(self, signal: Signal, faults: Faults = Faults()) -> None:  # noqa: B008 # frozen
        """Measure `signal` with `faults`; `faults.firmware` is what it says for its metadata."""
        self.signal = signal
        self.faults = faults
        self.line = Line(faults)
        self.commands: list[bytes] = []
        self._left: list[bytes] = []
        self._has_started = False
        self._typed = b""

    @property
    def is_done(self) -> bool:
        """Whether a measurement was started and all of it has been sent."""
        return self._has_started and not self._left

    def receive(self, data: bytes) -> bytes:
        """Do the commands in `data`, return the answers."""
        data, answer = self._typed + data, b""
        while data and len(data) >= _LENGTHS.get(data[0], 1):
            length = _LENGTHS.get(data[0], 1)
            command, data = data[:length], data[length:]
            self.commands.append(command)
            answer += self._do(command[0])
        self._typed = data
        return b"" if self.faults.is_mute else answer

    def produce(self) -> bytes:
        """Return the next piece of the stream."""
        return self._left.pop(0) if self._left else b""

    def _do(self, command: int) -> bytes:
        if command == _METADATA:
            return (self.faults.firmware or _metadata()).encode()
        if command == _START:
            stream = self._stream()
            self._left = [stream[k : k + 4000] for k in range(0, len(stream), 4000)]
            self._has_started = True
        if command == _STOP:
            self._left = []
        return b""

    def _stream(self) -> bytes:
        times = self.signal.times(SAMPLE_HZ)
        volts = [self.signal.currents(times) * ohm for ohm in _RESISTORS]
        counts = np.array([np.round(each / _ADC_V / _ADC_STEP) for each in volts])
        ranges = (counts > _LARGEST).sum(axis=0).clip(max=4)
        adc = counts[ranges, np.arange(len(times))].clip(0, _LARGEST).astype(np.uint32)
        number = np.arange(len(times), dtype=np.uint32)
        words = (
            adc
            | ranges.astype(np.uint32) << 14
            | (number & 0x3F) << 18
            | self.signal.levels(times).astype(np.uint32) << 24
        )
        kept = ~np.isin(number, list(self.faults.dropped))
        return bytes(words[kept].astype("<u4").tobytes())


def _metadata() -> str:
    lines = ["Calibrated: 1"]
    lines += [f"R{k}: {ohm:.4f}" for k, ohm in enumerate(_RESISTORS)]
    for name, value in (("GS", 0.0), ("GI", 1.0), ("O", 0.0), ("S", 0.0), ("I", 0.0), ("UG", 1.0)):
        lines += [f"{name}{k}: {value:.4f}" for k in range(5)]
    return "\n".join([*lines, "VDD: 3300", "HW: 9173", "mode: 2", "IA: 56", "END"])
