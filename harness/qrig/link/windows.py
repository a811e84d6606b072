"""Windows for a power meter: a stage that runs again and again between two edges of the marker."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from attrs import frozen

from qrig.deadline import Deadline
from qrig.errors import TargetError, UsageError
from qrig.link.banner import Capability
from qrig.link.frames import Message
from qrig.link.inference import UNKNOWN_TICKS
from qrig.link.memory import of_size
from qrig.link.session import REQUEST_TIMEOUT_S, Session

MAX_REPETITIONS = 1_000_000
"""The most of one window, as in firmware/inference/measure.h."""

_REQUEST = struct.Struct("<BBHI")
_ANSWER = struct.Struct("<3xiQ")


class _Kind(IntEnum):
    """What a window holds, as in firmware/inference/measure.h."""

    LAYER = 0
    EMPTY = 1
    IDLE_BEGIN = 2
    IDLE_END = 3


@frozen
class RemoteWindows:
    """The marker of a board whose firmware runs a network.

    With `pulses` each edge is a pulse, for a meter that sees falling edges alone. All methods raise
    TargetError.
    """

    session: Session
    pulses: bool = False

    def __attrs_post_init__(self) -> None:
        """Raise UsageError for a firmware that makes no windows."""
        if Capability.WINDOWS not in self.session.banner.capabilities:
            raise UsageError(
                f"{self.session.transport.name}: expected a firmware that makes windows for a "
                "power meter, found one without them; build it again with this version of qrig"
            )

    def stage(self, stage: int, repetitions: int, timeout_s: float) -> int | None:
        """Run a stage so often between two edges; return its ticks, None if nobody counts them.

        The stages before it run once, before the first edge. Tensors are not what they were then.
        """
        return self._measure(_Kind.LAYER, stage, repetitions, timeout_s)

    def empty(self, repetitions: int, timeout_s: float) -> int | None:
        """Call an empty function so often between two edges; return the ticks of it."""
        return self._measure(_Kind.EMPTY, 0, repetitions, timeout_s)

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Have the board wait, doing nothing, between two edges."""
        self._measure(_Kind.IDLE_BEGIN, 0, 0, REQUEST_TIMEOUT_S)
        yield
        self._measure(_Kind.IDLE_END, 0, 0, REQUEST_TIMEOUT_S)

    def _measure(self, kind: _Kind, stage: int, repetitions: int, timeout_s: float) -> int | None:
        payload = _REQUEST.pack(kind, self.pulses, stage, repetitions)
        answer = self.session.request(Message.MEASURE, payload, Deadline.after(timeout_s))
        status, ticks = _ANSWER.unpack(of_size(self.session, _ANSWER.size, answer))
        if status != 0:
            raise TargetError(
                f"{self.session.transport.name}: expected stage {stage + 1} to run, found kernel "
                f"status {status}; the deployment is inconsistent"
            )
        return None if ticks == UNKNOWN_TICKS else int(ticks)
