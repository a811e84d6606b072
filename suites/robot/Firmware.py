"""Keywords for talking to a firmware whose UART Renode connects to us.

It runs in the Python of renode-test and needs the standard library alone. The link's protocol is
spoken by ask.py, in a Python that has qrig, over the socket that it inherits.
"""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
from pathlib import Path
from typing import Any

_ASK = Path(__file__).with_name("ask.py")
_CONNECT_S = 30.0
_ANSWER_S = 120.0


class Firmware:
    """The other end of a UART's line; one for each test."""

    ROBOT_LIBRARY_SCOPE = "TEST"

    def __init__(self, python: str) -> None:
        """Remember the Python that has qrig."""
        self._python = python
        self._listener: socket.socket | None = None
        self._line: socket.socket | None = None
        self._token = ""

    def expect_line(self) -> tuple[int, str]:
        """Wait from now on for a line; return the port and the token to connect with."""
        self._token = secrets.token_hex(8)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_CONNECT_S)
        return self._listener.getsockname()[1], self._token

    def accept_line(self) -> None:
        """Take the line that was connected to that port."""
        if self._listener is None:
            raise AssertionError("expected Expect Line before Accept Line")
        with self._listener:
            self._line, _ = self._listener.accept()
        self._line.settimeout(_CONNECT_S)
        said = b""
        while len(said) < len(self._token):
            more = self._line.recv(len(self._token) - len(said))
            if not more:
                raise AssertionError("expected a token on the line, found that it ends")
            said += more
        if said.decode("ascii", "replace") != self._token:
            raise AssertionError("expected Renode on the line, found another program")

    def ask_for_banner(self, build: str) -> dict[str, Any]:
        """Return what the firmware says that it is: board, build and reset."""
        return self._ask(build)

    def compute_image(self, build: str, image: str) -> str:
        """Return the CRC-32 of the network's output for an image (.npy), as 8 hex digits."""
        return str(self._ask(build, image)["crc32"])

    def _ask(self, *arguments: str) -> dict[str, Any]:
        if self._line is None:
            raise AssertionError("expected a line, found none; use Accept Line first")
        self._line.settimeout(None)
        descriptor = self._line.fileno()
        asked = subprocess.run(
            [self._python, str(_ASK), str(descriptor), *arguments],
            pass_fds=[descriptor],
            capture_output=True,
            text=True,
            timeout=_ANSWER_S,
            check=False,
        )
        if asked.returncode != 0:
            raise AssertionError(asked.stderr.strip() or f"ask.py ended with {asked.returncode}")
        answer: dict[str, Any] = json.loads(asked.stdout)
        return answer
