"""A thread that ends a slice of execution when something waits to be done."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable


class Watcher:
    """Calls `on_event` once, when a descriptor can be read or a time has passed.

    The core executes in C, without the interpreter's lock: it cannot look for itself.
    """

    def __init__(self, on_event: Callable[[], None]) -> None:
        """Start the thread; it ends with the process."""
        self._on_event = on_event
        self._condition = threading.Condition()
        self._wanted: tuple[tuple[int, ...], float | None] | None = None
        self._wakeup, self._waker = os.pipe()
        threading.Thread(target=self._watch, name="watcher", daemon=True).start()

    def arm(self, descriptors: tuple[int, ...], timeout_s: float | None) -> None:
        """Wait for these descriptors or that time from now on."""
        with self._condition:
            if self._wanted == (descriptors, timeout_s) and timeout_s is None:
                return
            if self._wanted is not None:
                os.write(self._waker, b"!")
            self._wanted = (descriptors, timeout_s)
            self._condition.notify()

    def _watch(self) -> None:
        while True:
            with self._condition:
                while self._wanted is None:
                    self._condition.wait()
                wanted = self._wanted
            ready, _, _ = select.select((*wanted[0], self._wakeup), (), (), wanted[1])
            with self._condition:
                if self._wakeup in ready:
                    os.read(self._wakeup, 1)
                    continue
                if self._wanted is wanted:
                    self._wanted = None
                    self._on_event()
