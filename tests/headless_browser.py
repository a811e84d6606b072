"""Chromium without a window, spoken to over a pipe in its DevTools protocol: enough to open a page
in a size and a colour scheme, ask it questions in JavaScript, and take its picture.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from qrig.deadline import Deadline

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
LIMIT_S = 120.0
_OPTIONS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)

# The browser reads commands from descriptor 3 and answers on 4.
_START = (
    "import os, sys; os.dup2(int(sys.argv[1]), 100); os.dup2(int(sys.argv[2]), 101); "
    "os.dup2(100, 3); os.dup2(101, 4); os.closerange(100, 102); os.execv(sys.argv[3], sys.argv[3:])"
)


def browser_path() -> str | None:
    """Return the program of a browser; None if there is none on the PATH."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """A browser with one page; use it in a `with` statement."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._home = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        self._rest = b""
        self._number = 0
        self._session: str | None = None

    def __enter__(self) -> Browser:
        commands, answers = os.pipe(), os.pipe()
        options = (*_OPTIONS, f"--user-data-dir={self._home.name}", "about:blank")
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                _START,
                f"{commands[0]}",
                f"{answers[1]}",
                self._program,
                *options,
            ],
            pass_fds=(commands[0], answers[1]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(commands[0])
        os.close(answers[1])
        self._commands, self._answers = commands[1], answers[0]
        try:
            page = self._ask("Target.createTarget", url="about:blank")["targetId"]
            attached = self._ask("Target.attachToTarget", targetId=page, flatten=True)
            self._session = attached["sessionId"]
            self._ask("Page.enable")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        os.close(self._commands)  # a browser whose pipe ends, ends
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
        os.close(self._answers)
        self._home.cleanup()

    def open(self, page: Path, *, width: int, scheme: str) -> None:
        """Open a page `width` pixels wide in the colour scheme "light" or "dark"."""
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self._ask("Emulation.setEmulatedMedia", features=[feature])
        self._ask("Page.navigate", url=page.resolve().as_uri())
        limit = Deadline.after(LIMIT_S)
        while (
            self.answer("location.href + document.readyState")
            != f"{page.resolve().as_uri()}complete"
        ):
            assert not limit.expired, f"{page} was not loaded"

    def answer(self, script: str) -> Any:
        """Return what an expression in JavaScript comes to."""
        found = self._ask(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def picture(self, path: Path) -> None:
        """Write the whole page as PNG."""
        shot = self._ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        limit = Deadline.after(LIMIT_S)
        while True:
            answer = self._read(limit)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def _read(self, limit: Deadline) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._answers], [], [], limit.remaining_s())
            assert ready, "the browser says nothing"
            read = os.read(self._answers, 1 << 20)
            assert read, "the browser has ended"
            self._rest += read
        text, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(text)
        return answer
