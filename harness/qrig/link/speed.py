"""Changing a line to its higher speed, and back if that does not work."""

from __future__ import annotations

import struct
import time

from qrig.deadline import Deadline
from qrig.errors import LinkError
from qrig.link.banner import Capability
from qrig.link.frames import Message
from qrig.link.session import REQUEST_TIMEOUT_S, Session

CONFIRM_S = 1.0
"""How long the firmware waits at a new speed for a whole frame before it goes back."""

_MARGIN_S = 0.3


def raise_speed(session: Session, slow: int, fast: int) -> bool:
    """Change both ends from `slow` to `fast` baud; return whether they understand each other there.

    If they do not, both go back, the firmware by itself, and the session is open as before. Raises
    TargetError if it is not.
    """
    if Capability.BAUD not in session.banner.capabilities or fast == slow:
        return False
    try:
        session.request(Message.BAUD, struct.pack("<I", fast), Deadline.after(REQUEST_TIMEOUT_S))
    except LinkError:
        return False
    session.transport.set_baud(fast)
    try:
        session.hello(Deadline.after(CONFIRM_S / 2))
    except LinkError:
        session.transport.set_baud(slow)
        time.sleep(CONFIRM_S / 2 + _MARGIN_S)
        session.hello(Deadline.after(REQUEST_TIMEOUT_S))
        return False
    session.note_speeds(slow, fast)
    return True
