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
import tempfile

from qrig.backends.base import ByteStream
from qrig.backends.process import ChildProcess
from qrig.backends.qemu_plugin import find_plugin
from qrig.backends.qemu_profile import QemuProfiling
from qrig.boards.board import Board
from qrig.build.deployment import Deployment
from qrig.build.firmware import Firmware
from qrig.build.toolchain import program_version
from qrig.errors import BuildError, TargetError, TargetUnavailableError
from qrig.profiles import Profile, ProfileRequest

ICOUNT_SHIFT = 7
"""128 ns per instruction: 3.2 ticks of a 25 MHz timer, up to 1.3e9 instructions per layer."""

_PROGRAM = "qemu-system-arm"
_ESCAPE = b"\xe7"
_BYTE_S = 5e-5


class RunningQemu(ChildProcess):
    """A machine that QEMU emulates."""

    def __init__(
        self,
        firmware: Firmware,
        machine: str,
        counter_hz: int,
        profiling: QemuProfiling | None = None,
    ) -> None:
        """Start `machine` with the firmware; raises TargetUnavailableError.

        The clock counts instructions unless a profile is taken: the two cannot be combined.
        """
        counting = ["-icount", f"shift={ICOUNT_SHIFT},sleep=off"]
        if profiling is not None:
            counting = profiling.arguments()
        ours, theirs = socket.socketpair()
        command = [
            _PROGRAM,
            *("-M", machine),
            *("-display", "none", "-monitor", "none", "-nodefaults"),
            *counting,
            *("-chardev", f"socket,id=uart,fd={theirs.fileno()},mux=on"),
            *("-echr", str(_ESCAPE[0])),
            *("-serial", "chardev:uart"),
            *("-kernel", str(firmware.elf)),
        ]
        name = f"{firmware.board.name}@qemu"
        super().__init__(command, ByteStream(name, ours, _ESCAPE, _BYTE_S), theirs)
        self._profiling = profiling
        self._ticks_per_instruction = counter_hz * (1 << ICOUNT_SHIFT) / 1e9

    def instructions(self, ticks: int) -> int | None:
        """Return the executed instructions: every one is 2^shift ns of the timer.

        While a profile is taken the timer follows the host's clock, and the answer is None.
        """
        if self._profiling is not None:
            return None
        return round(ticks / self._ticks_per_instruction)

    def cycles(self, ticks: int) -> int | None:
        """Return None: an emulator has no cycles."""
        return None

    def profile(self) -> Profile:
        """Return the profile of all inferences so far; raises TargetError if none was asked."""
        if self._profiling is None:
            raise TargetError(
                f"{self.stream.name}: expected a run started with a profile, found one without; "
                "ask for it when it is started"
            )
        return self._profiling.read()

    def stop(self) -> None:
        """End QEMU and remove what its plugin wrote."""
        super().stop()
        if self._profiling is not None:
            self._profiling.folder.cleanup()


class QemuBackend:
    """Runs firmware in qemu-system-arm."""

    name = "qemu"
    counts = "instructions"
    slack_s: float | None = None

    def __init__(self, instance: str | None = None) -> None:
        """Remember the `instance`: each is a process of its own."""
        self.instance = instance

    def unavailable(self, board: Board) -> str | None:
        """Return what to install if QEMU is missing."""
        if shutil.which(_PROGRAM) is None:
            return f"{_PROGRAM} is not installed: apt-get install qemu-system-arm"
        return None

    def needs(self, board: Board) -> str:
        """Return QEMU's program."""
        return _PROGRAM

    def unprofiled(self) -> str | None:
        """Return why this QEMU takes no profiles; the plugin is built and tried for that."""
        try:
            find_plugin(_program())
        except (BuildError, TargetUnavailableError) as error:
            return str(error)
        return None

    def stamp(self) -> dict[str, str]:
        """Return QEMU's version."""
        return {"qemu_version": _version(), "icount_shift": str(ICOUNT_SHIFT)}

    def start(self, firmware: Firmware, profiling: ProfileRequest | None = None) -> RunningQemu:
        """Start the machine; raises TargetUnavailableError, BuildError."""
        board = firmware.board
        reason = self.unavailable(board)
        if reason is None and (board.qemu is None or board.counter is None):
            reason = f"{board.name} has no [qemu] and [counter] table in its board.toml"
        if reason is not None or board.qemu is None or board.counter is None:
            raise TargetUnavailableError(
                f"{board.name}@qemu: expected QEMU to run it, found that {reason}"
            )
        machine, counter_hz = board.qemu.machine, board.counter.hz
        if profiling is None:
            return RunningQemu(firmware, machine, counter_hz)
        if not isinstance(firmware, Deployment):
            raise TargetUnavailableError(
                f"{board.name}@qemu: expected a network to profile, found a firmware that calls "
                "kernels; deploy a network"
            )
        plugin = find_plugin(_program())
        folder = tempfile.TemporaryDirectory(prefix="qrig-profile-")
        taken = QemuProfiling(profiling, firmware, plugin, folder, _version())
        try:
            return RunningQemu(firmware, machine, counter_hz, taken)
        except BaseException:
            folder.cleanup()
            raise


def _program() -> str:
    """Return the path of QEMU; a name that is not installed stays a name."""
    return shutil.which(_PROGRAM) or _PROGRAM


@functools.cache
def _version() -> str:
    try:
        return program_version(_PROGRAM)
    except BuildError:
        return "unknown"
