"""What pyOCD writes to its log, kept for the last words of a board instead of on the terminal."""

from __future__ import annotations

import logging
import threading
from collections import deque

_MAX_LINES = 40
_LOGGER = "pyocd"


class PyocdLog(logging.Handler):
    """Keeps the last warnings and errors of the thread that made it.

    While it listens, the logging module does not print them for want of a handler.
    """

    def __init__(self) -> None:
        """Listen from now on."""
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self._lines: deque[str] = deque(maxlen=_MAX_LINES)
        logging.getLogger(_LOGGER).addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        if record.thread == self._thread:
            self._lines.append(" ".join(record.getMessage().split()))

    def text(self) -> str:
        """Return the lines."""
        return "\n".join(self._lines)

    def close(self) -> None:
        """Listen no longer; what was heard stays."""
        logging.getLogger(_LOGGER).removeHandler(self)
        super().close()
