"""A stand-in for Renode: its command line as seen on 1.16.1, without anything behind it.

As a program it is started like Renode and answers on standard input and output. The variable
QRIG_FAKE_RENODE says how it behaves: a JSON object with any of

    version     what --version prints
    answers     lines that a command prints, by the command's beginning
    refuses     what it says instead of doing a command, by the command's beginning
    silent      the beginning of a command that it never comes to the end of
    dies        the beginning of a command at which it ends with code 7
    token       what it says on the line instead of the token it was given
    child       a file for the process id of a child that sleeps
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

VERSION = "Renode v1.16.1.36807"


def _beginning(table: dict[str, Any], command: str) -> Any:
    return next((table[key] for key in table if command.startswith(key)), None)


class Console:
    """The command line: takes lines, prints what Renode would."""

    def __init__(self, behaviour: dict[str, Any], write: Callable[[str], None]) -> None:
        self._behaviour = behaviour
        self._write = write
        self._prompt = "(monitor) "
        self.line: socket.socket | None = None

    def start(self) -> None:
        """Greet."""
        self._write(f"Renode, version 1.16.1\n\r\n\r{self._prompt}{self._prompt}")

    def take(self, text: str) -> None:
        """Repeat a line, do its commands up to the first that is refused, and prompt."""
        self._write(f"{text}\n\r")
        for command in text.split("; "):
            refusal = _beginning(self._behaviour.get("refuses", {}), command)
            if refusal is not None:
                self._write(f"There was an error executing command '{command}'\r\n{refusal}\r\n")
                break
            self._do(command)
        self._write(f"\x1b[0m{self._prompt}")

    def _do(self, command: str) -> None:
        if command.startswith(self._behaviour.get("silent", "\0")):
            time.sleep(60.0)
        if command.startswith(self._behaviour.get("dies", "\0")):
            sys.stderr.write("Unhandled exception. System.OutOfMemoryException\n")
            sys.stderr.flush()
            os._exit(7)
        if command.startswith('echo "'):
            self._write(f"{command[6:-1]}\r\r\n")
        elif command.startswith("logFile @"):
            Path(command.split()[1][1:]).write_text(
                "\n".join(f"[INFO] line {n}" for n in range(100))
            )
        elif command.startswith("emulation CreateLoopbackTerminal"):
            port, token = command.split()[3:5]
            self.line = socket.create_connection(("127.0.0.1", int(port)))
            self.line.sendall(str(self._behaviour.get("token", token.strip('"'))).encode())
        for text in _beginning(self._behaviour.get("answers", {}), command) or ():
            self._write(f"{text}\r\r\n")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def main() -> None:
    """Be Renode."""
    behaviour = json.loads(os.environ.get("QRIG_FAKE_RENODE", "{}"))
    if "--version" in sys.argv:
        _write(behaviour.get("version", VERSION) + "\n")
        return
    if "child" in behaviour:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        Path(behaviour["child"]).write_text(str(child.pid))
    console = Console(behaviour, _write)
    console.start()
    for line in sys.stdin:
        console.take(line.rstrip("\n"))


if __name__ == "__main__":
    main()
