"""Taking exceptions and returning from them, as an ARMv7-M core does.

Facts: Arm DDI 0403 (ARMv7-M), B1.5 (entry, return, escalation, lockup) and B3.2 (fault status).
The number of the exception being handled is kept here: Unicorn's IPSR stays zero.
"""

from __future__ import annotations

import struct

from attrs import frozen

from qrig.backends.virtual.core.engine import Engine, NoMemoryError
from qrig.backends.virtual.peripherals.scs import (
    BFAR,
    CCR,
    CFSR,
    HFSR,
    MMFAR,
    SHCSR,
    VTOR,
    SystemControl,
)

HARD_FAULT, MEMORY_FAULT, BUS_FAULT, USAGE_FAULT, SUPERVISOR_CALL = 3, 4, 5, 6, 11
"""Numbers of exceptions."""

_ENABLES = {MEMORY_FAULT: 1 << 16, BUS_FAULT: 1 << 17, USAGE_FAULT: 1 << 18}
_VECTOR_READ, _FORCED, _DEBUG_EVENT = 1 << 1, 1 << 30, 1 << 31
_STACKING = 1 << 12  # BFSR.STKERR
_UNSTACKING = 1 << 11
_INVALID_STATE, _INVALID_RETURN = 1 << 17, 1 << 18
_FLOAT_USED, _PROCESS_STACK = 1 << 2, 1 << 1  # CONTROL.FPCA, CONTROL.SPSEL
_ALIGNED = 1 << 9  # xPSR bit of a frame that was moved down by four
_BASIC = ("r0", "r1", "r2", "r3", "r12", "lr")
_FLOATS = tuple(f"s{number}" for number in range(16))


@frozen
class Fault:
    """A fault: the exception it is, its bit in CFSR, the instruction and the address in question.

    `address` goes into MMFAR (memory fault) or BFAR (bus fault), None if it is not known.
    """

    exception: int
    status: int
    pc: int
    address: int | None = None


def access_fault(kind: str, pc: int, address: int) -> Fault:
    """Return the fault of an access to an address where nothing is, or nothing may be executed."""
    if kind != "fetch":
        return Fault(BUS_FAULT, 1 << 9, pc, address)  # PRECISERR
    if 0x4000_0000 <= address < 0x6000_0000 or address >= 0xA000_0000:
        return Fault(MEMORY_FAULT, 1 << 0, pc)  # IACCVIOL: never executable
    return Fault(BUS_FAULT, 1 << 8, pc)  # IBUSERR


class LockupError(Exception):
    """The core cannot go on: a fault came while one was being handled."""


class Exceptions:
    """The exceptions of one core; `active` are those being handled, the innermost last."""

    def __init__(self, engine: Engine, system: SystemControl) -> None:
        """Handle none."""
        self._engine = engine
        self._system = system
        self.active: list[int] = []

    @property
    def current(self) -> int:
        """The exception being handled, 0 for none."""
        return self.active[-1] if self.active else 0

    def raise_fault(self, fault: Fault) -> int:
        """Note a fault and enter its handler, or that of hard faults; returns which.

        Raises LockupError if a hard fault is being handled already.
        """
        system = self._system
        system[CFSR] |= fault.status
        if fault.address is not None:
            is_memory = fault.exception == MEMORY_FAULT
            system[MMFAR if is_memory else BFAR] = fault.address
            system[CFSR] |= 1 << 7 if is_memory else 1 << 15  # MMARVALID, BFARVALID
        if HARD_FAULT in self.active:
            raise LockupError
        exception = fault.exception
        if self._is_masked or self.active or not system[SHCSR] & _ENABLES[exception]:
            system[HFSR] |= _FORCED
            exception = HARD_FAULT
        self.enter(exception, fault.pc)
        return exception

    def raise_debug_event(self, pc: int) -> int:
        """Enter the handler of hard faults for a BKPT without a debugger; raises LockupError."""
        if HARD_FAULT in self.active:
            raise LockupError
        self._system[HFSR] |= _DEBUG_EVENT
        self.enter(HARD_FAULT, pc)
        return HARD_FAULT

    def call_supervisor(self, pc: int) -> int:
        """Enter the handler of SVC, or of hard faults while that is masked."""
        exception = SUPERVISOR_CALL
        if self._is_masked or self.active:
            if HARD_FAULT in self.active:
                raise LockupError
            self._system[HFSR] |= _FORCED
            exception = HARD_FAULT
        self.enter(exception, pc)
        return exception

    @property
    def _is_masked(self) -> bool:
        return bool(self._engine["primask"] & 1 or self._engine["faultmask"] & 1)

    def enter(self, exception: int, pc: int) -> None:
        """Stack a frame that returns to `pc`, and go to the handler; raises LockupError."""
        engine = self._engine
        control = engine["control"]
        uses_process_stack = bool(control & _PROCESS_STACK) and not self.active
        has_floats = bool(control & _FLOAT_USED)
        self._push(pc, has_floats=has_floats)
        if uses_process_stack:
            engine["control"] = control & ~_PROCESS_STACK
        code = 0xFFFF_FFE1 | (not has_floats) << 4
        code |= 0 if self.active else (0xC if uses_process_stack else 0x8)
        engine["lr"] = code
        if has_floats:
            engine["control"] = engine["control"] & ~_FLOAT_USED
        self.active.append(exception)
        self._go_to_vector(exception)

    def leave(self, code: int) -> Fault | None:
        """Return from the handler by the EXC_RETURN `code`; returns the fault if that cannot be."""
        engine = self._engine
        pc = engine["pc"]
        kind = code & 0xF
        if not self.active or kind not in (0x1, 0x9, 0xD) or (kind == 1) != (len(self.active) > 1):
            return Fault(USAGE_FAULT, _INVALID_RETURN, pc)
        if kind == 0xD:
            engine["control"] = engine["control"] | _PROCESS_STACK
        try:
            target = self._pop(has_floats=not code & 0x10)
        except NoMemoryError:
            return Fault(BUS_FAULT, _UNSTACKING, pc)
        self.active.pop()
        engine["faultmask"] = 0
        engine["pc"] = target | 1
        return None

    def reset(self) -> None:
        """Handle none."""
        self.active.clear()

    def _push(self, pc: int, *, has_floats: bool) -> None:
        """Stack the frame; what cannot be written is noted as a stacking error."""
        engine = self._engine
        status = engine["xpsr"] & ~0x1FF | self.current
        frame = [*(engine[name] for name in _BASIC), pc]
        floats = [*(engine[name] for name in _FLOATS), engine["fpscr"], 0] if has_floats else []
        top = engine["sp"]
        pointer = top - 4 * (len(frame) + 1 + len(floats))
        if pointer & 4 and self._system[CCR] & _ALIGNED:
            pointer -= 4
            status |= _ALIGNED
        words = [*frame, status, *floats]
        try:
            engine.write(pointer & 0xFFFF_FFFF, struct.pack(f"<{len(words)}I", *words))
        except NoMemoryError:
            self._system[CFSR] |= _STACKING
        engine["sp"] = pointer & 0xFFFF_FFFF

    def _pop(self, *, has_floats: bool) -> int:
        """Take a frame off the stack; returns the address to go to. Raises NoMemoryError."""
        engine = self._engine
        pointer = engine["sp"]
        count = 26 if has_floats else 8
        words = struct.unpack(f"<{count}I", engine.read(pointer, 4 * count))
        for name, word in zip(_BASIC, words, strict=False):
            engine[name] = word
        for name, word in zip(_FLOATS, words[8:24], strict=False):
            engine[name] = word
        if has_floats:
            engine["fpscr"] = words[24]
        status = words[7]
        engine["sp"] = pointer + 4 * count + 4 * bool(status & _ALIGNED)
        engine["xpsr"] = status
        return int(words[6])

    def _go_to_vector(self, exception: int) -> None:
        engine, system = self._engine, self._system
        try:
            raw = engine.read(system[VTOR] + 4 * exception, 4)
        except NoMemoryError as error:
            system[HFSR] |= _VECTOR_READ
            raise LockupError from error
        target = int.from_bytes(raw, "little")
        engine["pc"] = target | 1
        if not target & 1:
            system[CFSR] |= _INVALID_STATE
            if exception == HARD_FAULT:
                raise LockupError
            self.raise_fault(Fault(USAGE_FAULT, _INVALID_STATE, target))
