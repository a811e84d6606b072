"""QEMU: the machine's UART on a socket, its clock counting instructions.

With `-icount shift=N` virtual time advances 2^N ns per instruction, so a timer of the machine
counts instructions, repeatably to the last one. The shift is chosen so that a tick is less than
half an instruction: rounding is then exact.

The UART takes one byte at a time, each with a wake-up of two threads; the buffer of QEMU's
character multiplexer makes that three times faster. It has an escape byte, which is sent twice.
"""

from __future__ import annotations

import functools
import shutil
import socket

from qrig.backends.base import ByteStream
from qrig.backends.process import ChildProcess
from qrig.build.deployment import Deployment
from qrig.build.toolchain import program_version
from qrig.errors import BuildError, TargetUnavailableError

ICOUNT_SHIFT = 7
"""128 ns per instruction: 3.2 ticks of a 25 MHz timer, up to 1.3e9 instructions per layer."""

_PROGRAM = "qemu-system-arm"
_ESCAPE = b"\xe7"
_BYTE_S = 5e-5


class RunningQemu(ChildProcess):
    """A machine that QEMU emulates."""

    def __init__(self, deployment: Deployment, machine: str, counter_hz: int) -> None:
        """Start `machine` with the firmware; raises TargetUnavailableError."""
        ours, theirs = socket.socketpair()
        command = [
            _PROGRAM,
            *("-M", machine),
            *("-display", "none", "-monitor", "none", "-nodefaults"),
            *("-icount", f"shift={ICOUNT_SHIFT},sleep=off"),
            *("-chardev", f"socket,id=uart,fd={theirs.fileno()},mux=on"),
            *("-echr", str(_ESCAPE[0])),
            *("-serial", "chardev:uart"),
            *("-kernel", str(deployment.elf)),
        ]
        name = f"{deployment.board.name}@qemu"
        super().__init__(command, ByteStream(name, ours, _ESCAPE, _BYTE_S), theirs)
        self._ticks_per_instruction = counter_hz * (1 << ICOUNT_SHIFT) / 1e9

    def instructions(self, ticks: int) -> int | None:
        """Return the executed instructions: every one is 2^shift ns of the timer."""
        return round(ticks / self._ticks_per_instruction)

    def cycles(self, ticks: int) -> int | None:
        """Return None: an emulator has no cycles."""
        return None


class QemuBackend:
    """Runs firmware in qemu-system-arm."""

    name = "qemu"
    counts = "instructions"

    def unavailable(self) -> str | None:
        """Return what to install if QEMU is missing."""
        if shutil.which(_PROGRAM) is None:
            return f"{_PROGRAM} is not installed: apt-get install qemu-system-arm"
        return None

    def stamp(self) -> dict[str, str]:
        """Return QEMU's version."""
        return {"qemu_version": _version(), "icount_shift": str(ICOUNT_SHIFT)}

    def start(self, deployment: Deployment) -> RunningQemu:
        """Start the machine; raises TargetUnavailableError."""
        board = deployment.board
        reason = self.unavailable()
        if reason is None and (board.qemu is None or board.counter is None):
            reason = f"{board.name} has no [qemu] and [counter] table in its board.toml"
        if reason is not None or board.qemu is None or board.counter is None:
            raise TargetUnavailableError(
                f"{board.name}@qemu: expected QEMU to run it, found that {reason}"
            )
        return RunningQemu(deployment, board.qemu.machine, board.counter.hz)


@functools.cache
def _version() -> str:
    try:
        return program_version(_PROGRAM)
    except BuildError:
        return "unknown"
