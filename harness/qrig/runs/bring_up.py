"""From a target to an open session with the right firmware, by whatever remedy it takes."""

from __future__ import annotations

from attrs import frozen

from qrig.backends import Running, SerialLine
from qrig.build.firmware import Firmware
from qrig.build.flash_image import read_flash_image
from qrig.deadline import Deadline
from qrig.errors import (
    BoardRestartedError,
    BoardWedgedError,
    LinkError,
    ProbeError,
    TargetCrashedError,
    TargetError,
    TransportClosedError,
)
from qrig.link import Session
from qrig.link.connect import connect, release
from qrig.link.flash_check import check_flash
from qrig.link.speed import raise_speed
from qrig.profiles import ProfileRequest
from qrig.runs.targets import Target

RECOVERY_S = 60.0
"""How long all remedies together may take before a board is given up."""


_CURABLE = (LinkError, ProbeError, TargetCrashedError, BoardRestartedError)


@frozen(eq=False)
class Booted:
    """A firmware that runs, and the open session with it; stop `running` in any case."""

    running: Running
    session: Session


def bring_up(target: Target, firmware: Firmware, profiling: ProfileRequest | None = None) -> Booted:
    """Start `firmware` on `target` and open a session with it.

    A board that does not answer as it should gets one remedy after the other, each counted in
    `running.effort`. Raises BoardWedgedError when none helps (or the last error where there is no
    board to refuse), TargetCrashedError for a process that ended, and whatever else keeps it from
    starting.
    """
    running = target.backend.start(firmware, profiling)
    try:
        return Booted(running, _session(target, running, firmware))
    except BaseException:
        running.stop()
        raise


def open_again(target: Target, running: Running, firmware: Firmware, last: Session) -> Session:
    """Return a new session with a firmware that has started over, behind the `last` one.

    Raises TargetError.
    """
    release(last.transport)
    try:
        return _open(running, firmware)
    except TransportClosedError as error:
        raise _ended(target, running) from error


def _session(target: Target, running: Running, firmware: Firmware) -> Session:
    try:
        return _open(running, firmware)
    except TransportClosedError as error:
        raise _ended(target, running) from error
    except _CURABLE as error:
        if not running.remedies():
            raise
        return _cured(target, running, firmware, error)


def _cured(target: Target, running: Running, firmware: Firmware, reason: TargetError) -> Session:
    deadline = Deadline.after(RECOVERY_S)
    tried: list[str] = []
    for remedy in running.remedies():
        if deadline.expired:
            break
        tried.append(remedy.name)
        running.effort.note(remedy.name)
        try:
            remedy.apply()
            return _open(running, firmware)
        except _CURABLE as error:
            reason = error
    if not running.condemn(str(reason)):
        raise reason
    raise BoardWedgedError(
        f"{target.name}: expected the firmware to answer after {', then '.join(tried)}, found that "
        f"nothing helped; the board is refused until `qrig targets --recover {target.place}` "
        f"proves it well. The last error: {reason}"
    ) from reason


def _open(running: Running, firmware: Firmware) -> Session:
    session = connect(running, firmware.build_id)
    try:
        line = running.stream
        if isinstance(line, SerialLine):
            check_flash(session, read_flash_image(firmware.elf))
            if not raise_speed(session, line.baud, line.fast_baud):
                running.effort.note("slow_line")
    except BaseException:
        release(session.transport)
        raise
    return session


def _ended(target: Target, running: Running) -> TargetCrashedError:
    return TargetCrashedError(
        f"{target.name}: expected the target to keep running, found that {running.last_words()}"
    )
