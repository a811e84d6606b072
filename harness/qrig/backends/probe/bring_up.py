"""A firmware into a board that we hold: the right chip, the right flash, a reset."""

from __future__ import annotations

from attrs import define

from qrig.backends.base import Effort
from qrig.backends.probe.connect import Connector
from qrig.backends.probe.flash import FlashWriter, Progress
from qrig.backends.probe.session import ProbeSession
from qrig.backends.probe.trouble import Kind, TroubleError
from qrig.boards.instance_state import StateFile
from qrig.build.flash_image import FlashImage


@define
class Loader:
    """Puts one firmware into one board, as often as is asked."""

    connector: Connector
    image: FlashImage
    build_id: str
    state: StateFile
    effort: Effort
    progress: Progress

    def load(self, *, rewrite: bool = False) -> tuple[str, ProbeSession]:
        """Flash the board unless it has the firmware, and start it.

        With `rewrite` it is flashed in any case. Returns the chip's number and the session, which
        is over unless the debugger is to stay. Raises TargetError.
        """
        return self.connector.insist(lambda session: self._load(session, rewrite), self.effort)

    def _load(self, session: ProbeSession, rewrite: bool) -> str:
        unique_id = self.connector.identify(session)
        name = self.connector.instance.name
        writer = FlashWriter(name, session, self.image, self.progress)
        dirty = rewrite or self.state.state.dirty is not None
        try:
            same = not dirty and writer.holds()
        except TroubleError as trouble:
            if trouble.diagnosis.kind is not Kind.FAULT:
                raise
            same, dirty = False, True  # flash that was half-written may not even be readable
        if not same:
            writer.check()
            self.state.mark_dirty(f"{self.build_id} was being written")
            writer.write(self.effort, rewrite=dirty)
            self.state.mark_flashed(self.build_id, unique_id)
        session.reset_and_halt()
        self.connector.release(session)
        return unique_id
