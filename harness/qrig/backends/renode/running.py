"""A board that Renode emulates."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from qrig.backends.base import ByteStream, CoreState, Effort, Remedy
from qrig.backends.process import ChildProcess
from qrig.backends.renode.folder import RunFolder
from qrig.backends.renode.line import connect_line
from qrig.backends.renode.memory import read_core_state, read_flash, read_memory
from qrig.backends.renode.monitor import Monitor, monitor_path
from qrig.boards.board import Board
from qrig.build.firmware import Firmware
from qrig.deadline import Deadline
from qrig.errors import ProbeError, TargetUnavailableError
from qrig.profiles import Profile

START_S = 120.0
"""How long Renode may take to start, compile the models and load the firmware: usually 5 s."""

COMMAND_S = 10.0
"""How long a command may take once it runs."""

NO_PROFILE = "expected a target that takes profiles, found Renode; take one @qemu"
"""Why there is no profile."""

_LOG_BYTES = 1 << 14
_LOG_LINES = 20
_BYTE_S = 2e-5  # at 50 KB/s


class RunningRenode:
    """A machine in a Renode of its own, which ends with it; `monitor` is its command line."""

    def __init__(self, firmware: Firmware, program: Path, script: Path) -> None:
        """Start `program` and in it the board that `script` describes, with the firmware.

        Raises TargetUnavailableError.
        """
        self.unique_id: str | None = None
        self.effort = Effort()
        self._name = f"{firmware.board.name}@renode"
        self._board: Board = firmware.board
        self._line: socket.socket | None = None
        self._folder = RunFolder()
        try:
            self._process = _launch(self._name, program, self._folder.path)
        except BaseException:
            self._folder.remove()
            raise
        self.monitor = Monitor(self._name, self._process.stream.socket, self.last_words)
        try:
            self._boot(firmware, script)
        except ProbeError as error:
            self.stop()
            raise TargetUnavailableError(str(error)) from error
        except BaseException:
            self.stop()
            raise

    @property
    def stream(self) -> ByteStream:
        """The line to the UART; raises TargetUnavailableError if there is none."""
        if self._line is None:
            raise TargetUnavailableError(f"{self._name}: expected it to run, found it stopped")
        return ByteStream(self._name, self._line, byte_s=_BYTE_S)

    @property
    def pid(self) -> int:
        """The process id of what was started, and the id of its group."""
        return self._process.pid

    def instructions(self, ticks: int) -> int | None:
        """Return the executed instructions: the modelled cycle counter counts each as one."""
        return ticks

    def cycles(self, ticks: int) -> int | None:
        """Return None: an emulator has no cycles."""
        return None

    def profile(self) -> Profile:
        """Raise TargetUnavailableError: nothing was counted."""
        raise TargetUnavailableError(f"{self._name}: {NO_PROFILE}")

    def last_words(self) -> str:
        """Return whether Renode lives, what it said, and the end of its log."""
        words = self._process.last_words()
        log = self._log_tail()
        return f"{words}\nThe log ends:\n{log}" if log else words

    def halt(self) -> CoreState:
        """Stop the machine where it is and return its core's state; raises ProbeError."""
        deadline = Deadline.after(COMMAND_S)
        self.monitor.run("pause", deadline)
        memory = self._board.memory
        if memory is None:
            raise ProbeError(f"{self._name}: expected [memory] in its board.toml, found none")
        return read_core_state(self.monitor, memory.data, deadline)

    def read_memory(self, address: int, size_bytes: int, deadline: Deadline) -> bytes:
        """Return `size_bytes` of the machine's memory from `address` on; raises ProbeError."""
        return read_memory(self.monitor, address, size_bytes, deadline)

    def read_flash(self, size_bytes: int, deadline: Deadline) -> bytes:
        """Return the first `size_bytes` of the machine's flash; raises ProbeError."""
        return read_flash(self.monitor, size_bytes, self._folder.path / "flash.bin", deadline)

    def let_report(self) -> None:
        """Do nothing: no debugger catches anything."""

    def remedies(self) -> tuple[Remedy, ...]:
        """Return a reset: all else is as it was when it started."""
        return (Remedy("reset", self._reset),)

    def condemn(self, reason: str) -> bool:
        """Return False: the next run starts another Renode."""
        return False

    def acquit(self) -> None:
        """Do nothing: nothing was noted."""

    def stop(self) -> None:
        """Kill Renode and remove what it left; harmless the second time."""
        with contextlib.ExitStack() as stack:
            stack.callback(self._folder.remove)
            stack.callback(self._process.stop)
            if self._line is not None:
                stack.callback(self._line.close)

    def _boot(self, firmware: Firmware, script: Path) -> None:
        deadline = Deadline.after(START_S)
        uart = firmware.board.uart
        if uart is None or uart.name is None:
            raise TargetUnavailableError(
                f"{self._name}: expected [uart] with a name in its board.toml, found none; add it"
            )
        run = self.monitor.run
        run(f"logFile {monitor_path(self._log)} true; numbersMode Hexadecimal", deadline)
        run(f"$elf={monitor_path(firmware.elf)}; include {monitor_path(script)}", deadline)
        self._line = connect_line(self.monitor, self._name, uart.name, deadline)
        run("start", deadline)

    def _reset(self) -> None:
        self.monitor.run("machine Reset; start", Deadline.after(COMMAND_S))

    @property
    def _log(self) -> Path:
        return self._folder.path / "renode.log"

    def _log_tail(self) -> str:
        try:
            with self._log.open("rb") as stream:
                stream.seek(max(0, self._log.stat().st_size - _LOG_BYTES))
                text = stream.read(_LOG_BYTES).decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-_LOG_LINES:])


def _launch(name: str, program: Path, folder: Path) -> ChildProcess:
    """Start Renode; what it keeps of a run, its history of commands too, goes to `folder`."""
    ours, theirs = socket.socketpair()
    command = [
        *("env", f"TMPDIR={folder}", f"XDG_CONFIG_HOME={folder}"),
        str(program),
        *("--disable-gui", "--plain", "--hide-log", "--console"),
        *("--config", str(folder / "renode.config")),
    ]
    stream = ByteStream(f"{name} (monitor)", ours)
    return ChildProcess(command, stream, theirs, as_standard_streams=True)
