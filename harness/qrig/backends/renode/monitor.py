"""Renode's command line, which it calls its monitor: one command after the other, with deadlines.

It is spoken to over standard input and output (`--console`). The other way, a telnet port, Renode
opens to the whole network, and whoever connects can run programs on this machine.

The monitor prints a prompt, repeats the line it was given and prints its answer; success is mostly
silent, and an error is text like any other. So each line gets two ends: a word that is printed if
the commands before it went well, for a line ends at its first error, and a word in a line of its
own that is printed in any case.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path

from qrig.deadline import Deadline
from qrig.errors import ProbeError, TargetUnavailableError

_CHUNK_BYTES = 1 << 16
_ANSWER_BYTES = 1 << 24
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_UNFIT = re.compile(r"[;\x00-\x1f\x7f]")


class Monitor:
    """The command line of one Renode."""

    def __init__(self, name: str, stream: socket.socket, words: Callable[[], str]) -> None:
        """Take over `stream`, its standard input and output.

        `words` returns what else is known of it, and is part of every error.
        """
        self._name = name
        self._stream = stream
        self._words = words
        self._number = 0

    def run(self, command: str, deadline: Deadline) -> list[str]:
        """Return the lines that `command` prints; several are separated by semicolons.

        Raises ProbeError if Renode refuses it, does not come to its end in time, or is gone.
        """
        if "\n" in command:
            raise ValueError(f"expected one line, found {command!r}")
        self._number += 1
        done, end = f"done {self._number}", f"end {self._number}"
        line = f'{command}; echo "{done}"'
        self._send(f'{line}\necho "{end}"\n'.encode(), command, deadline)
        lines = self._lines(end, command, deadline)
        starts = [index for index, text in enumerate(lines) if text.endswith(line)]
        answer = lines[starts[0] + 1 :] if starts else lines
        if done not in answer:
            said = "\n".join(text for text in answer if not text.endswith(f'echo "{end}"'))
            raise self._error(f"to do {command!r}, found that it refuses:\n{said}")
        return answer[: answer.index(done)]

    def _send(self, data: bytes, command: str, deadline: Deadline) -> None:
        self._stream.settimeout(max(deadline.remaining_s(), 1e-3))
        try:
            self._stream.sendall(data)
        except TimeoutError as error:
            raise self._late(command, deadline) from error
        except OSError as error:
            raise self._gone(command) from error

    def _lines(self, end: str, command: str, deadline: Deadline) -> list[str]:
        """Return what is printed before the line `end`."""
        received = bytearray()
        closing = re.compile(rf"(?:\r|\n){re.escape(end)}\r".encode())
        while not closing.search(received, max(0, len(received) - _CHUNK_BYTES - len(end) - 2)):
            received += self._receive(command, deadline)
            if len(received) > _ANSWER_BYTES:
                raise self._error(f"to answer {command!r}, found that it does not end")
        text = _ESCAPES.sub("", received.decode("utf-8", "replace").replace("\r", ""))
        lines = text.split("\n")
        return lines[: lines.index(end)]

    def _receive(self, command: str, deadline: Deadline) -> bytes:
        if deadline.expired:
            raise self._late(command, deadline)
        self._stream.settimeout(max(deadline.remaining_s(), 1e-3))
        try:
            data = self._stream.recv(_CHUNK_BYTES)
        except TimeoutError as error:
            raise self._late(command, deadline) from error
        except OSError as error:
            raise self._gone(command) from error
        if not data:
            raise self._gone(command)
        return data

    def _late(self, command: str, deadline: Deadline) -> ProbeError:
        return self._error(f"to do {command!r} within {deadline.seconds:g} s, found no answer")

    def _gone(self, command: str) -> ProbeError:
        return self._error(f"to do {command!r}, found that it is gone")

    def _error(self, text: str) -> ProbeError:
        return ProbeError(f"{self._name}: expected Renode {text}; {self._words()}")


def monitor_path(path: Path) -> str:
    """Return a path as the monitor takes it; raises TargetUnavailableError if it cannot."""
    text = str(path.absolute())
    if _UNFIT.search(text):
        raise TargetUnavailableError(
            f"expected a path without semicolons and control characters, as Renode takes them, "
            f"found {text!r}; move it"
        )
    return "@" + text.replace(" ", r"\ ")
