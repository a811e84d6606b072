"""Reading the memory and the registers of a machine that Renode emulates."""

from __future__ import annotations

import re
from pathlib import Path

from qrig.backends.base import CoreState
from qrig.backends.renode.monitor import Monitor, monitor_path
from qrig.boards.board import Memory
from qrig.deadline import Deadline
from qrig.errors import ProbeError

STACK_BYTES = 1024
"""How much of the stack of a stopped core is read."""

_BLOCK_BYTES = 4096
_BYTE = re.compile(r"\b0x([0-9A-Fa-f]{2})\b")

_READS = {
    **{f"r{number}": f"sysbus.cpu GetRegister {number}" for number in range(13)},
    "sp": "sysbus.cpu GetRegister 13",
    "lr": "sysbus.cpu GetRegister 14",
    "pc": "sysbus.cpu GetRegister 15",
    "xpsr": "sysbus.cpu XProgramStatusRegister",
    "cfsr": "sysbus ReadDoubleWord 0xE000ED28",
    "hfsr": "sysbus ReadDoubleWord 0xE000ED2C",
    "mmfar": "sysbus ReadDoubleWord 0xE000ED34",
    "bfar": "sysbus ReadDoubleWord 0xE000ED38",
}  # the fault registers: Arm DDI 0403, B3.2


def read_memory(monitor: Monitor, address: int, size_bytes: int, deadline: Deadline) -> bytes:
    """Return `size_bytes` of memory from `address` on; raises ProbeError."""
    found = bytearray()
    for offset in range(0, size_bytes, _BLOCK_BYTES):
        count = min(_BLOCK_BYTES, size_bytes - offset)
        lines = monitor.run(f"sysbus ReadBytes {address + offset:#x} {count}", deadline)
        block = bytes(int(byte, 16) for byte in _BYTE.findall("\n".join(lines)))
        if len(block) != count:
            raise ProbeError(
                f"expected {count} bytes at {address + offset:#010x} from Renode, found "
                f"{len(block)}: {' '.join(lines)[:200]}"
            )
        found += block
    return bytes(found)


def read_flash(monitor: Monitor, size_bytes: int, through: Path, deadline: Deadline) -> bytes:
    """Return the first `size_bytes` of the memory that every platform file calls `flash`.

    Renode writes them to the file `through`, which is removed. Raises ProbeError.
    """
    monitor.run(f"sysbus.flash DumpBinary {monitor_path(through)} 0 {size_bytes}", deadline)
    try:
        found = through.read_bytes()
        through.unlink()
    except OSError as error:
        raise ProbeError(f"expected Renode to write {through}, found {error}") from error
    if len(found) != size_bytes:
        raise ProbeError(f"expected {size_bytes} bytes of flash from Renode, found {len(found)}")
    return found


def read_core_state(monitor: Monitor, ram: Memory, deadline: Deadline) -> CoreState:
    """Return the registers and the stack of a machine that stands still; raises ProbeError."""
    lines = monitor.run("; ".join(_READS.values()), deadline)
    try:
        registers = {name: int(line, 16) for name, line in zip(_READS, lines, strict=True)}
    except ValueError as error:
        raise ProbeError(
            f"expected a number for each of {len(_READS)} registers from Renode, found {lines}"
        ) from error
    halted = monitor.run("sysbus.cpu IsHalted", deadline) == ["True"]
    return CoreState(registers, _stack(monitor, ram, registers["sp"], deadline), halted)


def _stack(monitor: Monitor, ram: Memory, pointer: int, deadline: Deadline) -> bytes:
    """Return the stack from `pointer` up; nothing if that is not in RAM."""
    end = min(pointer + STACK_BYTES, ram.origin + ram.size_bytes)
    if not ram.origin <= pointer < end:
        return b""
    return read_memory(monitor, pointer, end - pointer, deadline)
