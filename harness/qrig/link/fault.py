"""What a firmware says of a fault: the registers it took along, and what they mean.

Bits are those of the Armv7-M Architecture Reference Manual (Arm DDI 0403), B3.2.15 (CFSR) and
B3.2.16 (HFSR).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

REGISTERS = (
    *("cfsr", "hfsr", "mmfar", "bfar", "pc", "lr"),
    *("r0", "r1", "r2", "r3", "r12", "xpsr", "sp", "exc_return"),
)
"""The words of a FAULT frame, in order; a firmware may send fewer."""

_CAUSES = MappingProxyType({
    0: "an instruction was fetched where code must not be (IACCVIOL)",
    1: "memory was accessed that must not be (DACCVIOL)",
    3: "memory protection was violated while returning from an exception (MUNSTKERR)",
    4: "memory protection was violated while entering an exception (MSTKERR)",
    8: "an instruction was fetched from an address with nothing behind it (IBUSERR)",
    9: "an address with nothing behind it was accessed (PRECISERR)",
    10: "an address with nothing behind it was written to a little earlier (IMPRECISERR)",
    11: "the stack could not be read while returning from an exception (UNSTKERR)",
    12: "the stack could not be written while entering an exception (STKERR): it overflowed",
    16: "an undefined instruction was executed (UNDEFINSTR)",
    17: "the core was asked to leave Thumb state (INVSTATE)",
    18: "a return from an exception was broken (INVPC)",
    19: "the FPU was used while it was off (NOCP)",
    24: "an access was not aligned where it has to be (UNALIGNED)",
    25: "an integer was divided by zero (DIVBYZERO)",
})  # fmt: skip
_MMFAR_VALID, _BFAR_VALID = 1 << 7, 1 << 15
_VECTOR_TABLE, _DEBUG_EVENT = 1 << 1, 1 << 31


@frozen
class FaultReport:
    """Registers by name, and the stage the firmware was at, 0xFFFF for none."""

    stage: int
    registers: Mapping[str, int]

    @property
    def causes(self) -> tuple[str, ...]:
        """What went wrong, in words."""
        return causes_of(self.registers)


def parse_fault(payload: bytes) -> FaultReport:
    """Read a FAULT frame: stage u16, then words of REGISTERS; what is missing is left out."""
    words = [
        word for (word,) in struct.iter_unpack("<I", payload[2 : 2 + (len(payload) - 2) // 4 * 4])
    ]
    stage = int.from_bytes(payload[:2], "little")
    return FaultReport(stage, dict(zip(REGISTERS, words, strict=False)))


def causes_of(registers: Mapping[str, int]) -> tuple[str, ...]:
    """Return what CFSR and HFSR say went wrong, in words, with the address if one is known."""
    cfsr, hfsr = registers.get("cfsr", 0), registers.get("hfsr", 0)
    causes = [text for bit, text in _CAUSES.items() if cfsr >> bit & 1]
    if cfsr & _BFAR_VALID:
        causes.append(f"the address was {registers.get('bfar', 0):#010x}")
    elif cfsr & _MMFAR_VALID:
        causes.append(f"the address was {registers.get('mmfar', 0):#010x}")
    if hfsr & _VECTOR_TABLE:
        causes.append("the vector table could not be read (VECTTBL)")
    if hfsr & _DEBUG_EVENT:
        causes.append("a breakpoint was hit without a debugger (DEBUGEVT)")
    return tuple(causes)


def registers_text(registers: Mapping[str, int]) -> str:
    """Return the registers as `CFSR 0x..., HFSR 0x...`."""
    return ", ".join(f"{name.upper()} {value:#010x}" for name, value in registers.items())
