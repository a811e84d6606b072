"""Looking at what may hang, like a USB device: done beside us, given up when time is over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from qrig.deadline import Deadline

T = TypeVar("T")


def collect_in_time(
    look: Callable[[], Iterator[tuple[str, T]]], deadline: Deadline
) -> dict[str, T]:
    """Return what `look` yields until `deadline`: names, and what was found.

    `look` must not raise. What comes later is not returned; the thread that waits for it ends with
    the process.
    """
    found: dict[str, T] = {}
    lock = threading.Lock()

    def collect() -> None:
        for name, value in look():
            with lock:
                found[name] = value

    thread = threading.Thread(target=collect, name="qrig-look", daemon=True)
    thread.start()
    thread.join(deadline.remaining_s())
    with lock:
        return dict(found)
