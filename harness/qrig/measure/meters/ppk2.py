"""Nordic Power Profiler Kit II: feeds a board or stands before it, over a USB serial port.

Talks through `ppk2-api` (GPL, hence the extra `ppk2`), which turns converter values into amperes.
100,000 samples a second, always. Logic input D0 is the marker. The kit does not measure voltage: it
is what was asked for. It tells no firmware version; one that does not tell its calibration in the
form known here is refused.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from serial import SerialException
from serial.tools import list_ports

from qrig.deadline import Deadline
from qrig.errors import MeterError
from qrig.measure.meters.arrival import ArrivalClock
from qrig.measure.meters.marks import LevelMarks
from qrig.measure.meters.meter import Samples, SupplyLimits, at_voltage, no_samples
from qrig.measure.meters.optional_package import optional_package
from qrig.measure.meters.ppk2_frames import FrameFinder, Frames

SAMPLE_HZ = 100_000.0
"""Samples a second; the kit has no other rate."""

_TRIES = 3
_QUIET_S = 0.1
_MARKER_BIT = 0x01
_LIMITS = "Nordic PPK2: 0.8 to 5.0 V, 1 A at most"


class Ppk2:
    """The kit on a serial port, as a source of voltage or as an ammeter."""

    has_pulses = False
    default_hz = SAMPLE_HZ

    def __init__(
        self, device: str, *, feeds: bool = True, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Prepare to open the serial port `device`; `now` is the host's clock."""
        self.name = "ppk2" if feeds else "ppk2-ampere"
        self.source = f"{self.name}:{device}"
        self.limits = SupplyLimits(0.8, 5.0, 1.0, 1.0, feeds, _LIMITS)
        self._device = device
        self._api: Any = None
        self._voltage_v = 3.3
        self._now = now
        self._begin()

    def open(self, deadline: Deadline) -> None:
        """Connect and read the calibration; raises MeterError."""
        package = optional_package("ppk2_api.ppk2_api", "ppk2-api", "ppk2")
        try:
            self._api = package.PPK2_API(
                self._device, timeout=0.1, write_timeout=1.0, exclusive=True
            )
        except (SerialException, OSError, ValueError) as error:
            raise MeterError(
                f"{self.name}: expected the kit's serial port, found none that opens ({error}); "
                "check the cable, the name and that no other program uses it"
            ) from error
        self._read_calibration(deadline)
        serials = {port.device: port.serial_number for port in list_ports.comports()}
        self.source = f"{self.name}:{serials.get(self._device) or self._device}"

    def configure(self, voltage_v: float, sample_hz: float, deadline: Deadline) -> None:
        """Set the voltage (an ammeter is told it) and switch the supply on; `sample_hz` is fixed.

        Raises MeterError.
        """
        api = self._opened
        self._voltage_v = voltage_v
        api.set_source_voltage(round(voltage_v * 1000))
        (api.use_source_meter if self.limits.feeds else api.use_ampere_meter)()
        api.toggle_DUT_power("ON")
        self._drain(deadline.within(1.0))

    def start(self, deadline: Deadline) -> None:
        """Begin to measure; raises MeterError."""
        self._drain(deadline.within(1.0))
        self._begin()
        self._opened.start_measuring()

    def read(self, deadline: Deadline) -> Samples:
        """Return what came since the last time; raises MeterError."""
        data = self._bytes(deadline)
        if data:
            frames = self._frames.feed(data)
            self._arrivals.note(self._now(), self._frames.number)
            return self._samples(frames)
        late = self._arrivals.missing(self._frames.number) - self._lost
        if late <= 0:
            return no_samples()
        self._lost += late
        nothing = np.zeros(0)
        return at_voltage(nothing, nothing, self._voltage_v, dropped=late, expected=late)

    def stop(self, deadline: Deadline) -> None:
        """Stop measuring; raises MeterError."""
        self._opened.stop_measuring()
        self._arrivals.stop(self._now())

    def close(self) -> None:
        """Switch the supply off; harmless the second time."""
        api, self._api = self._api, None
        if api is None:
            return
        api.stop_measuring()
        api.toggle_DUT_power("OFF")
        api.ser.close()

    @property
    def _opened(self) -> Any:
        if self._api is None:
            raise MeterError(f"{self.name}: expected it to be opened first")
        return self._api

    def _begin(self) -> None:
        self._frames = FrameFinder()
        self._marks = LevelMarks()
        self._arrivals = ArrivalClock(SAMPLE_HZ, self._now())
        self._told = 0
        self._lost = 0

    def _read_calibration(self, deadline: Deadline) -> None:
        """Have the package read the kit's figures, and check that it did."""
        api = self._opened
        for _ in range(_TRIES):
            api.stop_measuring()  # an earlier program may have died while measuring
            self._drain(deadline.within(1.0))
            try:
                api.get_modifiers()
            except (UnicodeDecodeError, SerialException, OSError):
                continue
            if api.modifiers["HW"] is not None and api.modifiers["Calibrated"] is not None:
                return
        raise MeterError(
            f"{self.name}: expected a PPK2 on {self._device} that tells its calibration "
            "(Calibrated, R0 to R4, HW, END), found none; check the port and the kit's firmware"
        )

    def _bytes(self, deadline: Deadline) -> bytes:
        """Return the bytes that are there, waiting for the first."""
        port = self._opened.ser
        try:
            if not select.select([port], [], [], deadline.remaining_s())[0]:
                return b""
            # Ready without bytes is how a terminal says that its other end has gone.
            return bytes(self._opened.get_data() or port.read(1))
        except (SerialException, OSError, ValueError) as error:
            raise MeterError(
                f"{self.name}: expected the kit on {self._device} to stay connected, found that it "
                f"is gone ({error}); check its cable and measure again"
            ) from error

    def _drain(self, deadline: Deadline) -> None:
        while not deadline.expired and self._bytes(deadline.within(_QUIET_S)):
            pass

    def _samples(self, frames: Frames) -> Samples:
        """Return frames as samples, with what is missing since the last ones."""
        expected = self._frames.number - self._told
        self._told = self._frames.number
        if not len(frames.words):
            nothing = np.zeros(0)
            return at_voltage(
                nothing, nothing, self._voltage_v, dropped=expected, expected=expected
            )
        microamperes, bits = self._opened.get_samples(frames.data)
        time_s = frames.numbers / SAMPLE_HZ
        levels = (np.asarray(bits, dtype=np.int64) & _MARKER_BIT).astype(np.bool_)
        return at_voltage(
            time_s,
            np.asarray(microamperes, dtype=np.float64) * 1e-6,
            self._voltage_v,
            self._marks.edges(time_s, levels),
            dropped=expected - len(frames.words),
            expected=expected,
        )
