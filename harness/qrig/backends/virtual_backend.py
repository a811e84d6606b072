"""Virtual boards: the probe backend with virtual probes; nothing else about it is different."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qrig.backends.probe.backend import ProbeBackend
from qrig.backends.probe.hooks import Hooks
from qrig.backends.probe.instance import Instance
from qrig.backends.probe.parts import parts_of
from qrig.backends.probe.source import Limits
from qrig.backends.probe.target_class import target_name
from qrig.backends.probe.trouble import TroubleError, troubles
from qrig.backends.virtual.board import VirtualBoard
from qrig.backends.virtual.board_setup import setup_of, unique_id_of
from qrig.backends.virtual.faults import Faults, requested_faults
from qrig.boards.board import Board
from qrig.boards.state_folder import instance_key, state_root
from qrig.deadline import Deadline
from qrig.errors import TargetUnavailableError

DEFAULT_INSTANCE = "1"
"""The virtual board that is meant if none is named."""

_LIMITS = Limits(answer_s=1.0, reset_hold_s=0.0, reset_settle_s=0.0)


class VirtualBackend(ProbeBackend):
    """Runs firmware on virtual boards."""

    name = "virtual"
    counts = "instructions"
    slack_s: float | None = 10.0

    def __init__(
        self,
        instance: str | None = None,
        *,
        hooks: Hooks | None = None,
        recovering: bool = False,
        faults: Faults | None = None,
        limits: Limits = _LIMITS,
    ) -> None:
        """Use the board called `instance`; `faults` are those of QRIG_VIRTUAL_FAULTS if None."""
        source = VirtualSource(faults, limits)
        super().__init__(instance, hooks=hooks, recovering=recovering, source=source)

    def needs(self, board: Board) -> str:
        """Return the extra."""
        return "qrig[virtual]"

    def unprofiled(self) -> str | None:
        """Return that virtual boards take no profiles."""
        return "a virtual board takes no profiles; profile on QEMU"

    def stamp(self) -> dict[str, str]:
        """Return the versions of pyOCD and Unicorn."""
        return {**super().stamp(), "unicorn_version": _unicorn_version()}


class VirtualSource:
    """Virtual probes, each in front of a board of its own."""

    backend = "virtual"

    def __init__(self, faults: Faults | None, limits: Limits) -> None:
        """Give every board `faults`, those of QRIG_VIRTUAL_FAULTS if None."""
        self._faults = faults
        self._limits = limits

    def unavailable(self, board: Board, instance: str | None) -> str | None:
        """Return what is missing: pyOCD, Unicorn, or a chip that there is a virtual one of."""
        for module in ("pyocd", "unicorn"):
            if importlib.util.find_spec(module) is None:
                return f"{module} is not installed: pip install 'qrig[virtual]'"
        try:
            target_name(parts_of(board))
            setup_of(board, instance or DEFAULT_INSTANCE, Path(), Faults())
        except TargetUnavailableError as error:
            return str(error)
        return None

    def candidates(self, board: Board, instance: str | None) -> tuple[Instance, ...]:
        """Return the board that is named, or the first."""
        name = instance or DEFAULT_INSTANCE
        identity = f"virtual-{board.name}-{name}"
        place = f"{board.name}@{self.backend}:{name}"
        number = unique_id_of(f"{board.name}-{name}")
        return (Instance(place, instance_key(identity), identity, unique_id=number),)

    def attach(self, board: Board, instance: Instance) -> VirtualAttachment:
        """Start the board; raises TargetUnavailableError, UsageError for faults that are none."""
        faults = requested_faults() if self._faults is None else self._faults
        name = instance.name.rpartition(":")[2]
        flash = state_root() / "virtual" / f"{board.name}-{name}.flash"
        started = VirtualBoard(
            setup_of(board, name, flash, faults), f"{board.name}-{name}", f"virtual {board.name}"
        )
        return VirtualAttachment(started, self._limits)


class VirtualAttachment:
    """A virtual board that runs."""

    ends_with_run = True

    def __init__(self, board: VirtualBoard, limits: Limits) -> None:
        """Take over a board."""
        self.limits = limits
        self.board = board

    def probe(self) -> Any:
        """Return its probe; raises TargetUnavailableError if that was unplugged."""
        return self.board.probe()

    def port_url(self) -> str:
        """Return its pseudo-terminal."""
        return self.board.port_url

    def port_probe_id(self) -> str | None:
        """Return None: a pseudo-terminal is no part of a probe."""
        return None

    @property
    def power_cycle(self) -> Callable[[Deadline], None] | None:
        """Takes the board's power and gives it back."""
        return self._power_cycle

    def last_words(self) -> str:
        """Return what its process said."""
        return self.board.last_words()

    def stop(self) -> None:
        """End its process."""
        self.board.stop()

    def _power_cycle(self, _deadline: Deadline) -> None:
        try:
            with troubles("power the board"):
                self.board.power_cycle()
        except TroubleError as trouble:
            raise trouble.error(self.board.name) from trouble


@functools.cache
def _unicorn_version() -> str:
    try:
        return importlib.metadata.version("unicorn")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
