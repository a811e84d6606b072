"""Real boards: flashed and watched through a debug probe, talked to over a serial port."""

from __future__ import annotations

import functools
import importlib.metadata
import sys

from attrs import frozen

from qrig.backends.base import Effort
from qrig.backends.probe.bring_up import Loader
from qrig.backends.probe.connect import Connector
from qrig.backends.probe.hooks import Hooks
from qrig.backends.probe.instance import Instance
from qrig.backends.probe.parts import Parts, check_place, parts_of
from qrig.backends.probe.running import RunningBoard
from qrig.backends.probe.source import ProbeSource
from qrig.backends.probe.target_class import target_name
from qrig.backends.probe.usb_source import UsbSource
from qrig.boards.board import Board
from qrig.boards.instance_state import StateFile
from qrig.boards.lock import BoardLock, acquire_first
from qrig.boards.state_folder import instances_root
from qrig.build.firmware import Firmware
from qrig.build.flash_image import FlashImage, read_flash_image
from qrig.build.footprint import check_fit, read_footprint
from qrig.deadline import Deadline
from qrig.errors import BoardWedgedError, TargetUnavailableError
from qrig.profiles import ProfileRequest


class ProbeBackend:
    """Runs firmware on boards with a debug probe.

    `recovering` starts a board that is marked as wedged all the same.
    """

    name = "probe"
    counts = "cycles"
    slack_s: float | None = 1.0

    def __init__(
        self,
        instance: str | None = None,
        *,
        hooks: Hooks | None = None,
        recovering: bool = False,
        source: ProbeSource | None = None,
    ) -> None:
        """Use the board called `instance`, or any; `source` is where probes come from."""
        self.instance = instance
        self.hooks = hooks or Hooks()
        self.recovering = recovering
        self.source: ProbeSource = source or UsbSource()

    def unavailable(self, board: Board) -> str | None:
        """Return what is missing: pyOCD, support for the chip, the board."""
        return self.source.unavailable(board, self.instance)

    def needs(self, board: Board) -> str:
        """Return the probe and the pins of the serial port, and the extra."""
        uart = board.uart
        pins = f"{uart.tx}/{uart.rx}" if uart is not None and uart.tx and uart.rx else "its UART"
        return f"a debug probe on USB and a serial port at {pins}, qrig[probe]"

    def unprofiled(self) -> str | None:
        """Return that boards take no profiles."""
        return "a board takes no profiles; profile on QEMU"

    def stamp(self) -> dict[str, str]:
        """Return pyOCD's version."""
        return {"pyocd_version": pyocd_version()}

    def start(self, firmware: Firmware, profiling: ProfileRequest | None = None) -> RunningBoard:
        """Flash the firmware if the board does not have it, and start it.

        Raises NetworkTooLargeError before the board is touched; BoardBusyError, BoardWedgedError,
        WrongBoardError and TargetUnavailableError if it cannot be used; ProbeError, FlashError.
        """
        board = firmware.board
        place = f"{board.name}@{self.name}"
        if profiling is not None:
            raise TargetUnavailableError(
                f"{place}: expected a target that takes profiles, found a board; profile on QEMU"
            )
        parts = parts_of(board)
        image = read_flash_image(firmware.elf)
        check_fit(read_footprint(firmware.elf, board), board)
        check_place(image, parts)
        held = self._acquire(board)
        try:
            return self._start(parts, firmware.build_id, image, held)
        except BaseException:
            held.lock.release()
            raise

    def _acquire(self, board: Board) -> _Held:
        """Return the first free board with its lock; raises BoardBusyError."""
        why = self.hooks.why or " ".join(sys.argv)
        found = self.source.candidates(board, self.instance)
        locks = [BoardLock(instances_root(), each.key, each.name, why) for each in found]
        lock = acquire_first(locks, Deadline.after(self.hooks.wait_s), self.hooks.waiting)
        return _Held(found[locks.index(lock)], lock)

    def _start(self, parts: Parts, build_id: str, image: FlashImage, held: _Held) -> RunningBoard:
        instance = held.instance
        state = StateFile(instances_root(), instance.key, self.hooks.notice)
        self._check_well(parts.board, instance, state)
        known = target_name(parts)
        attachment = self.source.attach(parts.board, instance)
        connector = Connector(parts, instance, attachment, known)
        loader = Loader(connector, image, build_id, state, Effort(), self.hooks.progress)
        running = RunningBoard(loader, held.lock, counts=self.counts)
        try:
            running.boot()
        except BaseException:
            running.stop()
            raise
        return running

    def _check_well(self, board: Board, instance: Instance, state: StateFile) -> None:
        wedged = state.state.wedged
        if wedged is not None and not self.recovering:
            place = f"{board.name}@{self.name}" + (f":{self.instance}" if self.instance else "")
            raise BoardWedgedError(
                f"{instance.name}: expected a board that is well, found it marked as wedged: "
                f"{wedged}; prove it well with `qrig targets --recover {place}`"
            )


@frozen
class _Held:
    """An instance and its lock, which we hold."""

    instance: Instance
    lock: BoardLock


@functools.cache
def pyocd_version() -> str:
    """Return the version of pyOCD, "unknown" without one."""
    try:
        return importlib.metadata.version("pyocd")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
