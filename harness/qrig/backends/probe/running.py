"""A firmware that runs on a board with a debug probe."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from qrig.backends.base import CoreState, Effort, Remedy, SerialLine
from qrig.backends.probe.bring_up import Loader
from qrig.backends.probe.connect import ATTACH, UNDER_RESET, Connector
from qrig.backends.probe.core_state import read_core_state
from qrig.backends.probe.pyocd_log import PyocdLog
from qrig.backends.probe.session import ProbeSession
from qrig.backends.probe.source import Attachment
from qrig.backends.probe.trouble import TroubleError
from qrig.boards.lock import BoardLock
from qrig.deadline import Deadline
from qrig.errors import ProbeError, TargetError, TargetUnavailableError
from qrig.profiles import Profile

HALT_S = 2.0
"""How long stopping and reading a core may take."""

POWER_CYCLE_S = 20.0
"""How long switching a board off and on may take, until its probe is there again."""

_POLL_S = 0.2
_FIXED_SPEED = "socket://"
"""Ports whose speed is what their server has set."""


class RunningBoard:
    """A board that we hold; while it is measured the debugger is detached, unless asked for."""

    def __init__(self, loader: Loader, lock: BoardLock, *, counts: str) -> None:
        """Take over a board that we hold; `counts` is what the counter of its backend counts."""
        self.effort: Effort = loader.effort
        self.unique_id: str | None = None
        self._loader = loader
        self._connector: Connector = loader.connector
        self._attachment: Attachment = loader.connector.attachment
        self._lock = lock
        self._counts = counts
        self._log = PyocdLog()
        self._session: ProbeSession | None = None
        self._booted = False
        self._stopped = False

    @property
    def name(self) -> str:
        """The instance's name."""
        return self._connector.instance.name

    @property
    def stream(self) -> SerialLine:
        """The serial line to the firmware; raises TargetUnavailableError if there is none now."""
        uart = self._connector.parts.uart
        url = self._attachment.port_url()
        fast = uart.baud if url.startswith(_FIXED_SPEED) else uart.fast_baud or uart.baud
        answer_s = self._attachment.limits.answer_s
        return SerialLine(f"{self.name} ({url})", url, uart.baud, fast, answer_s)

    def boot(self, *, rewrite: bool = False) -> None:
        """Flash the board if that is needed, and start the firmware; raises TargetError."""
        self._end_session()
        self.unique_id, session = self._loader.load(rewrite=rewrite)
        self._booted = True
        self._keep(session)

    def instructions(self, ticks: int) -> int | None:
        """Return the instructions that `ticks` stand for: themselves where those are counted."""
        return ticks if self._counts == "instructions" else None

    def cycles(self, ticks: int) -> int | None:
        """Return the core cycles that `ticks` stand for: themselves where those are counted."""
        return ticks if self._counts == "cycles" else None

    def profile(self) -> Profile:
        """Raise TargetError: a board takes no profiles."""
        raise TargetError(
            f"{self.name}: expected a target that takes profiles, found a board; profile on QEMU"
        )

    def last_words(self) -> str:
        """Return what the board's emulator and pyOCD said, and whether we still hold the board."""
        held = "it is stopped" if self._stopped else "the board is still held"
        said = [text for text in (self._attachment.last_words(), self._log.text()) if text]
        return "; it said:\n".join([held, "\n".join(said)]) if said else f"{held} and said nothing"

    def halt(self) -> CoreState | None:
        """Stop the core where it is, without a reset, and return its state.

        Raises ProbeError if that cannot be done.
        """
        deadline = Deadline.after(HALT_S)
        ram = self._connector.parts.memories.data
        try:
            session = self._session or self._connector.open(ATTACH)
            try:
                return read_core_state(session, ram, deadline)
            finally:
                if session is not self._session:
                    session.close()
        except TroubleError as trouble:
            raise trouble.error(self.name) from trouble

    def let_report(self) -> None:
        """Let a core that the debugger has caught at a fault go on to its handler.

        What fails is of no matter: a core that says nothing is told of as one that hangs.
        """
        if self._session is not None:
            with contextlib.suppress(TroubleError):
                self._session.release_caught()

    def remedies(self) -> tuple[Remedy, ...]:
        """Return what can be done, the mildest first."""
        found = [
            Remedy("reset", lambda: self._reset(ATTACH)),
            Remedy("reset under reset", lambda: self._reset(UNDER_RESET)),
            Remedy("reflash", lambda: self.boot(rewrite=True)),
        ]
        if self._attachment.power_cycle is not None:
            found.append(Remedy("power cycle", self._power_cycle))
        return tuple(found)

    def condemn(self, reason: str) -> bool:
        """Mark the board as wedged, and return True: it is refused until `acquit`."""
        self._loader.state.mark_wedged(reason)
        return True

    def acquit(self) -> None:
        """Take the mark away: the board has been proved well."""
        self._loader.state.mark_well()

    def stop(self) -> None:
        """Let go of the board: it is left reset and running, its power untouched."""
        if self._stopped:
            return
        self._stopped = True
        with contextlib.ExitStack() as stack:
            stack.callback(self._lock.release)
            stack.callback(self._log.close)
            stack.callback(self._attachment.stop)
            stack.callback(self._end_session)
            if self._booted and not self._attachment.ends_with_run:
                self._leave_reset()

    def _reset(self, mode: str) -> None:
        self._end_session()
        self._doing(lambda: self._reset_in(self._connector.open(mode)))

    def _reset_in(self, session: ProbeSession) -> None:
        try:
            session.reset_and_halt()
            self._connector.release(session)
        except BaseException:
            session.close()
            raise
        self._keep(session)

    def _keep(self, session: ProbeSession) -> None:
        """Keep the session if the debugger is to stay."""
        self._session = session if self._connector.instance.attached else None

    def _power_cycle(self) -> None:
        cycle = self._attachment.power_cycle
        self._end_session()
        if cycle is None:
            raise ProbeError(f"{self.name}: expected power_cycle in lab.toml, found none; add it")
        deadline = Deadline.after(POWER_CYCLE_S)
        cycle(deadline)
        self._await_probe(deadline)
        self.boot(rewrite=True)

    def _await_probe(self, deadline: Deadline) -> None:
        """Wait for the probe and its port, which may have lost their power as well."""
        while not deadline.expired:
            with contextlib.suppress(TargetUnavailableError):
                self._attachment.probe()
                self._attachment.port_url()
                return
            time.sleep(min(_POLL_S, deadline.remaining_s()))

    def _leave_reset(self) -> None:
        """Reset the board as well as that goes; a board that is gone is left as it is."""
        with contextlib.suppress(TroubleError, TargetError):
            session, self._session = self._session or self._connector.open(ATTACH), None
            try:
                session.reset_and_halt()
            finally:
                session.close()

    def _end_session(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _doing(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except TroubleError as trouble:
            raise trouble.error(self.name) from trouble
