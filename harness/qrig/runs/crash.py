"""What happened to a firmware that crashed or hangs, in terms of its sources and layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from qrig.backends import CoreState
from qrig.build.image import read_image
from qrig.build.unwind import CallFrame, Unwinder
from qrig.errors import FirmwareFaultError, TargetHungError
from qrig.link.fault import causes_of, registers_text

_NOWHERE = "  where it was is not known: the core could not store its registers"
_KEPT = frozenset(f"r{number}" for number in range(4, 12))


def explain_fault(
    name: str,
    elf: Path,
    layers: Sequence[str],
    error: FirmwareFaultError,
    state: CoreState | None = None,
) -> FirmwareFaultError:
    """Return the fault that the firmware `elf` on target `name` reported, with function and line.

    `layers` are the names of its stages. `state` is the core as a probe found it afterwards; its
    stack holds the callers.
    """
    registers = dict(error.registers)
    causes = "; ".join(causes_of(registers)) or "no cause is noted"
    where = _layer(layers, error.stage)
    told = _frames_text(_fault_frames(elf, registers, state)) or _NOWHERE
    return FirmwareFaultError(
        f"{name}: expected the firmware to run, found a fault{where}: {causes}\n"
        f"{told}\n  {registers_text(registers)}",
        registers,
        error.stage,
    )


def _fault_frames(
    elf: Path, registers: dict[str, int], state: CoreState | None
) -> tuple[CallFrame, ...]:
    """Return where the fault was and who called that; nothing if the core stored no registers."""
    if not registers.get("pc"):
        return ()
    unwinder = Unwinder(read_image(elf))
    stack = _stack_at(state, registers.get("sp"))
    if stack:
        return unwinder.unwind(_with_saved(registers, state), stack)
    known = (key for key in ("pc", "lr") if key in registers)
    return tuple(unwinder.locate(registers[key] & ~1) for key in known)


def explain_hang(name: str, elf: Path, state: CoreState, reason: str) -> TargetHungError:
    """Return what to say of the firmware `elf` on target `name` that a probe had to stop.

    `reason` is why it was stopped.
    """
    unwinder = Unwinder(read_image(elf))
    frames = unwinder.unwind(state.registers, state.stack)
    causes = "; ".join(causes_of(state.registers))
    locked = "locked up in a fault within a fault" if state.locked_up else "still at work"
    return TargetHungError(
        f"{name}: expected the firmware to answer, found the core {locked}"
        f"{': ' + causes if causes else ''}\n{_frames_text(frames)}\n"
        f"  {registers_text(state.registers)}\n  {reason}"
    )


def _layer(layers: Sequence[str], stage: int) -> str:
    return "" if stage >= len(layers) else f" in layer {layers[stage]!r}"


def _frames_text(frames: Sequence[CallFrame]) -> str:
    return "\n".join(
        f"  {'at' if index == 0 else 'called from'} {frame}" for index, frame in enumerate(frames)
    )


def _stack_at(state: CoreState | None, address: int | None) -> bytes:
    """Return the stack from `address` on, as far as a probe has read it."""
    if state is None or address is None:
        return b""
    offset = address - state.registers.get("sp", 0)
    return state.stack[offset:] if 0 <= offset < len(state.stack) else b""


def _with_saved(registers: Mapping[str, int], state: CoreState | None) -> dict[str, int]:
    """Add the registers that a fault does not stack; the fault handler leaves r4 to r11 alone."""
    saved = (
        {}
        if state is None
        else {name: value for name, value in state.registers.items() if name in _KEPT}
    )
    return {**saved, **registers}
