"""Reading a stopped core: registers, fault status, and the top of its stack."""

from __future__ import annotations

from qrig.backends.base import CoreState
from qrig.backends.probe.session import ProbeSession
from qrig.backends.probe.trouble import TroubleError, troubles
from qrig.boards.board import Memory
from qrig.deadline import Deadline

STACK_BYTES = 1024
"""How much of the stack is read."""

_CORE = (*(f"r{number}" for number in range(13)), "sp", "lr", "pc", "xpsr")
_FAULTS = {
    "cfsr": 0xE000_ED28,
    "hfsr": 0xE000_ED2C,
    "mmfar": 0xE000_ED34,
    "bfar": 0xE000_ED38,
}  # Arm DDI 0403, B3.2


def read_core_state(session: ProbeSession, ram: Memory, deadline: Deadline) -> CoreState:
    """Stop the core where it is and return its state; raises TroubleError."""
    locked_up = session.halt(deadline)
    with troubles("read the registers"):
        values = session.target.read_core_registers_raw(list(_CORE))
    registers = dict(zip(_CORE, map(int, values), strict=True))
    registers |= {name: session.read32(address) for name, address in _FAULTS.items()}
    return CoreState(registers, _read_stack(session, ram, registers["sp"]), locked_up)


def _read_stack(session: ProbeSession, ram: Memory, pointer: int) -> bytes:
    """Return the stack from `pointer` up; nothing if that is not in RAM."""
    end = min(pointer + STACK_BYTES, ram.origin + ram.size_bytes)
    if not ram.origin <= pointer < end:
        return b""
    try:
        return session.read(pointer, end - pointer)
    except TroubleError:
        return b""
