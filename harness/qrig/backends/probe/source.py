"""Where debug probes come from: what the real and the virtual ones have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from attrs import frozen

from qrig.backends.base import ANSWER_S
from qrig.backends.probe.instance import Instance
from qrig.boards.board import Board
from qrig.deadline import Deadline


@frozen
class FoundProbe:
    """A debug probe of this machine: its id, and what it says it is."""

    unique_id: str
    product: str

    def __str__(self) -> str:
        """Return it as a part of a sentence."""
        return f"{self.unique_id} ({self.product})"


@frozen
class Limits:
    """How long a probe may take, in seconds.

    `algorithm_s` is for one step of a flash algorithm: its start, or a page. `erase_s` is for one
    sector. `answer_s` is how long the firmware may take to begin an answer. A reset is held for
    `reset_hold_s`, and `reset_settle_s` are waited for after it.
    """

    algorithm_s: float = 3.0
    erase_s: float = 8.0
    answer_s: float = ANSWER_S
    reset_hold_s: float = 0.05
    reset_settle_s: float = 0.05


class Attachment(Protocol):
    """An instance that we hold the lock of."""

    @property
    def limits(self) -> Limits:
        """How long it may take."""

    @property
    def ends_with_run(self) -> bool:
        """Whether there is no board any more once it is let go of."""

    def probe(self) -> Any:
        """Return the pyOCD DebugProbe, not open; asked for anew for every session.

        Raises TargetUnavailableError if it is not there.
        """

    def port_url(self) -> str:
        """Return the device or URL of its serial line; raises TargetUnavailableError."""

    def port_probe_id(self) -> str | None:
        """Return the id of the probe that the serial line is a part of, None if it is of none."""

    @property
    def power_cycle(self) -> Callable[[Deadline], None] | None:
        """Switches the board off and on, None if nothing can; raises TargetError."""

    def last_words(self) -> str:
        """Return what there is to say of how the board is, "" for nothing."""

    def stop(self) -> None:
        """Let go of the board for certain; harmless the second time."""


class ProbeSource(Protocol):
    """A kind of debug probes. `backend` is what follows the @ of a target."""

    backend: str

    def unavailable(self, board: Board, instance: str | None) -> str | None:
        """Return why no `board`, or not the one called `instance`, can be used; None if one can."""

    def candidates(self, board: Board, instance: str | None) -> tuple[Instance, ...]:
        """Return the boards that will do, the first free one to be used.

        Raises TargetUnavailableError if there is none, FileFormatError for a broken lab.toml.
        """

    def attach(self, board: Board, instance: Instance) -> Attachment:
        """Return the instance, ready to be connected to; raises TargetUnavailableError."""
