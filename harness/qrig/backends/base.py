"""What a backend does."""

from __future__ import annotations

from typing import Protocol

from qrig.build.deployment import Deployment
from qrig.link.transports.base import Transport


class Running(Protocol):
    """A firmware that runs; stop it in any case."""

    transport: Transport

    def instructions(self, ticks: int) -> int | None:
        """Return how many instructions `ticks` of the counter stand for, None if it cannot say."""

    def cycles(self, ticks: int) -> int | None:
        """Return how many core cycles `ticks` stand for, None if it cannot say."""

    def last_words(self) -> str:
        """Return what the target or its emulator said beside the stream, and how it ended."""

    def stop(self) -> None:
        """End it for certain; harmless the second time."""


class Backend(Protocol):
    """A way to run firmware.

    `name` is what follows the @ of a target; `counts` is what its counter counts: "cycles",
    "instructions" or "none".
    """

    name: str
    counts: str

    def unavailable(self) -> str | None:
        """Return why the backend cannot be used on this machine, or None if it can."""

    def stamp(self) -> dict[str, str]:
        """Return what of the backend a measurement depends on, as key and version."""

    def start(self, deployment: Deployment) -> Running:
        """Start the firmware; raises TargetUnavailableError."""
