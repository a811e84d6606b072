"""Getting through to a chip: what is tried, in order, when it does not answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from attrs import frozen

from qrig.backends.base import Effort
from qrig.backends.probe.identity import Sighting, find_mismatch, is_of_kind, unique_id_text
from qrig.backends.probe.instance import Instance
from qrig.backends.probe.parts import Parts
from qrig.backends.probe.session import Approach, ProbeSession
from qrig.backends.probe.source import Attachment
from qrig.backends.probe.trouble import Kind, TroubleError
from qrig.deadline import Deadline
from qrig.errors import WrongBoardError

T = TypeVar("T")

RETRY_S = 30.0
"""No further try is begun after this time."""

ATTACH, HALT, UNDER_RESET = "attach", "halt", "under-reset"

_LADDER = ((HALT, 1), (HALT, 1), (UNDER_RESET, 1), (UNDER_RESET, 4))
"""Ways to connect, with the divider of the clock: the first connection after power-up often fails
and the second works; a chip asleep answers under reset; bad cables carry a slower clock."""


@frozen
class Connector:
    """Opens sessions with one board that we hold the lock of."""

    parts: Parts
    instance: Instance
    attachment: Attachment
    target_name: str

    def open(self, mode: str, divider: int = 1) -> ProbeSession:
        """Open a session; raises TroubleError, TargetUnavailableError."""
        approach = Approach(mode, self.instance.connect_hz // divider)
        probe = self.attachment.probe()
        limits = self.attachment.limits
        return ProbeSession(probe, self.target_name, self.parts.chip, approach, limits)

    def identify(self, session: ProbeSession) -> str:
        """Return the chip's number; raises WrongBoardError unless it is the board, TroubleError."""
        seen = self._look(session)
        mismatch = find_mismatch(self.parts.board, self.parts.chip, self.instance, seen)
        if mismatch is not None:
            raise WrongBoardError(mismatch)
        return seen.unique_id

    def _look(self, session: ProbeSession) -> Sighting:
        chip = self.parts.chip
        try:
            idcode = session.read32(chip.idcode_address)
        except TroubleError as trouble:
            if trouble.diagnosis.kind is not Kind.FAULT:
                raise
            return Sighting(None)
        if not is_of_kind(idcode, chip):  # another has its number elsewhere
            return Sighting(idcode)
        words = [session.read32(chip.unique_id_address + offset) for offset in (0, 4, 8)]
        size_kb = int.from_bytes(session.read(chip.flash_size_address, 2), "little")
        return Sighting(
            idcode, unique_id_text(words), size_kb << 10, self.attachment.port_probe_id()
        )

    def release(self, session: ProbeSession) -> None:
        """Start the firmware of a chip that stands at its reset; raises TroubleError.

        The session is over then, unless the debugger is to stay.
        """
        if self.instance.attached:
            session.catch_faults()
            session.resume()
        else:
            session.leave()

    def insist(self, work: Callable[[ProbeSession], T], effort: Effort) -> tuple[T, ProbeSession]:
        """Do `work` in a session, trying again what can help; returns both, the session open.

        Failed tries are counted. Raises ProbeError or FlashError when nothing helps, and what else
        `work` raises.
        """
        deadline = Deadline.after(RETRY_S)
        for mode, divider in _LADDER[:-1]:
            try:
                return self._try(mode, divider, work)
            except TroubleError as trouble:
                if not trouble.may_pass or deadline.expired:
                    raise trouble.error(self.instance.name) from trouble
                effort.note(trouble.retried)
        try:
            return self._try(*_LADDER[-1], work)
        except TroubleError as trouble:
            raise trouble.error(self.instance.name) from trouble

    def _try(
        self, mode: str, divider: int, work: Callable[[ProbeSession], T]
    ) -> tuple[T, ProbeSession]:
        session = self.open(mode, divider)
        try:
            return work(session), session
        except BaseException:
            session.close()
            raise
