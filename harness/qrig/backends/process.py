"""A child process at the other end of a socket, ended for certain."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from qrig.backends.base import ByteStream, CoreState, Effort, Remedy
from qrig.errors import TargetUnavailableError

_STOP_S = 5.0
_WORDS_BYTES = 4000


class ChildProcess:
    """A process that talks over a socket pair; its standard error is kept for its last words.

    The child is killed when it is stopped, and by the kernel if we die first (through util-linux's
    setpriv, where that is installed).
    """

    def __init__(
        self,
        command: list[str],
        stream: ByteStream,
        theirs: socket.socket,
        *,
        as_standard_streams: bool = False,
    ) -> None:
        """Start `command`; it inherits `theirs`, the other end of `stream`'s socket.

        With `as_standard_streams` that becomes its standard input and output. Raises
        TargetUnavailableError if it cannot be started.
        """
        self.stream = stream
        self.unique_id: str | None = None
        self.effort = Effort()
        # Not closed here: it lives as long as the process and is read after its end.
        self._words = tempfile.TemporaryFile()  # noqa: SIM115  # closed by stop()
        setpriv = shutil.which("setpriv")
        prefix = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
        descriptor = theirs.fileno()
        try:
            self._process = subprocess.Popen(
                [*prefix, *command],
                stdin=descriptor if as_standard_streams else subprocess.DEVNULL,
                stdout=descriptor if as_standard_streams else self._words,
                stderr=self._words,
                pass_fds=() if as_standard_streams else (descriptor,),
                start_new_session=True,
            )
        except OSError as error:
            stream.socket.close()
            self._words.close()
            raise TargetUnavailableError(
                f"{stream.name}: expected {command[0]} to start, found {error.strerror}; "
                "reinstall it"
            ) from error
        finally:
            theirs.close()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def last_words(self) -> str:
        """Return the end of its standard error and how it ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=0.5)
        code = self._process.poll()
        if code is None:
            ended = "it is still running"
        elif code < 0:
            ended = f"it was killed by {signal.Signals(-code).name}"
        else:
            ended = f"it ended with code {code}"
        if self._words.closed:
            return ended
        size = self._words.seek(0, os.SEEK_END)
        self._words.seek(max(0, size - _WORDS_BYTES))
        text = self._words.read().decode("utf-8", "replace").strip()
        return f"{ended}; it said:\n{text}" if text else f"{ended} and said nothing"

    def halt(self) -> CoreState | None:
        """Return None: there is no probe."""
        return None

    def let_report(self) -> None:
        """Do nothing: no debugger catches anything."""

    def remedies(self) -> tuple[Remedy, ...]:
        """Return nothing: a process that does not answer is started anew by the next run."""
        return ()

    def condemn(self, reason: str) -> bool:
        """Return False: the next run starts another process."""
        return False

    def acquit(self) -> None:
        """Do nothing: there is nothing to take back."""

    def stop(self) -> None:
        """Kill the process and close the stream."""
        self.stream.socket.close()
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_STOP_S)
        self._words.close()
