"""Reading a meter in the background while a board works."""

from __future__ import annotations

import threading
from types import TracebackType

from qrig.deadline import Deadline
from qrig.errors import MeterError
from qrig.measure.meters.meter import Meter, Samples, joined

MAX_SAMPLES = 60_000_000
"""More than ten minutes at 100 kHz; a longer recording ends with an error."""

_CALL_S = 10.0
_READ_S = 0.1
_JOIN_S = 30.0


class Recording:
    """What a meter measures during a `with` statement.

    Neither entering nor leaving raises what the meter does: the work is worth more than its energy.
    `samples` raises it.
    """

    def __init__(self, meter: Meter) -> None:
        """Prepare to read `meter`, which is open and configured."""
        self._meter = meter
        self._parts: list[Samples] = []
        self._count = 0
        self._failure: MeterError | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, name="power meter", daemon=True)

    def __enter__(self) -> Recording:
        """Start the meter and read it."""
        try:
            self._meter.start(Deadline.after(_CALL_S))
        except MeterError as error:
            self._failure = error
        else:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the meter and read the rest, unless the user is in a hurry."""
        if self._failure is not None and not self._thread.is_alive():
            return
        self._over.set()
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            return  # closing the meter ends what it does
        self._thread.join(_JOIN_S)
        if self._thread.is_alive():
            self._failure = MeterError(
                f"{self._meter.name}: expected it to be read within {_JOIN_S:g} s, found it stuck; "
                "unplug it and measure again"
            )
        elif self._failure is None:
            self._finish()

    def samples(self) -> Samples:
        """Return everything that was measured; raises MeterError."""
        if self._failure is not None:
            raise self._failure
        return joined(self._parts)

    def _read(self) -> None:
        try:
            while not self._over.is_set():
                self._keep(self._meter.read(Deadline.after(_READ_S)))
        except MeterError as error:
            self._failure = error

    def _finish(self) -> None:
        limit = Deadline.after(_CALL_S)
        try:
            self._meter.stop(limit)
            while True:
                part = self._meter.read(limit.within(_READ_S))
                if not len(part) and not part.expected and not part.marks:
                    break
                self._keep(part)
        except MeterError as error:
            self._failure = error

    def _keep(self, part: Samples) -> None:
        self._parts.append(part)
        self._count += len(part)
        if self._count > MAX_SAMPLES:
            raise MeterError(
                f"{self._meter.name}: expected at most {MAX_SAMPLES:,} samples, found more; "
                "measure less at once, or at a lower rate"
            )
