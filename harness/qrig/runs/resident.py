"""Kernels that stay on a target and are called again and again, restarted if a call breaks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TypeVar

from qrig.backends import Running
from qrig.build.resident import ResidentFirmware
from qrig.errors import (
    FirmwareFaultError,
    TargetCrashedError,
    TargetError,
    TransportClosedError,
)
from qrig.link.kernels import RemoteKernels
from qrig.measure.kernel_calls import KernelCall
from qrig.measure.kernel_trial import Contents, Elements, Trial, Workbench
from qrig.runs.bring_up import bring_up
from qrig.runs.crash import explain_fault
from qrig.runs.targets import Target

T = TypeVar("T")

_RETURN_INSTRUCTIONS = 1
"""The return of the empty function whose cost is subtracted from a call's; every kernel has one."""


class ResidentKernels:
    """A kernel firmware on a target; started by its first use, and again after a crash."""

    def __init__(self, target: Target, firmware: ResidentFirmware) -> None:
        """Prepare to start `firmware` on `target`."""
        self.target = target
        self.firmware = firmware
        self._running: Running | None = None
        self._workbench: Workbench | None = None

    def __enter__(self) -> ResidentKernels:
        """Return itself; the target is started when it is needed."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the target."""
        self.stop()

    @property
    def name(self) -> str:
        """The target and what runs there, for messages."""
        chosen = self.firmware.kernels
        options = " ".join(("", *chosen.semantics.definitions))
        return f"{self.target.name} {chosen.implementation_for(self.target.board)}{options}"

    @property
    def arena_bytes(self) -> int:
        """The memory for tensors; raises TargetError."""
        return self._guarded(lambda workbench: workbench.kernels.arena_bytes)

    def run(
        self,
        call: KernelCall,
        contents: Mapping[str, Contents],
        *,
        misaligned: Mapping[str, int] | None = None,
        in_place: bool = False,
    ) -> Trial:
        """Run a trial as `Workbench.run` does; raises TargetError, with a crash's last words."""
        return self._guarded(
            lambda bench: bench.run(call, contents, misaligned=misaligned, in_place=in_place)
        )

    def read(self, trial: Trial) -> Elements:
        """Return the output of the last trial; raises TargetError."""
        return self._guarded(lambda workbench: workbench.read(trial))

    def is_untouched(self) -> bool:
        """Whether the last trial changed nothing in the arena; raises TargetError."""
        return self._guarded(lambda workbench: workbench.is_untouched())

    def is_clean(self) -> bool:
        """Whether the arena beyond all tensors so far is untouched; raises TargetError.

        If it is not, the target is stopped, so that its next use finds a clean one.
        """
        clean = self._guarded(lambda workbench: workbench.is_clean())
        if not clean:
            self.stop()
        return clean

    def run_with(self, use: Callable[[Workbench], T]) -> T:
        """Return what `use` returns of the workbench; raises TargetError as `run` does."""
        return self._guarded(use)

    def instructions(self, trial: Trial) -> int | None:
        """Return the kernel's instructions, from its first to its return, None if not counted."""
        ticks = trial.outcome.ticks
        if ticks is None or self._running is None:
            return None
        counted = self._running.instructions(ticks)
        return None if counted is None else counted + _RETURN_INSTRUCTIONS

    def stop(self) -> None:
        """Stop the target; the next use starts it again."""
        if self._workbench is not None:
            self._workbench.kernels.session.close()
        if self._running is not None:
            self._running.stop()
        self._running = self._workbench = None

    def _guarded(self, use: Callable[[Workbench], T]) -> T:
        try:
            return use(self._started())
        except TransportClosedError as error:
            words = self._running.last_words() if self._running is not None else "it is stopped"
            self.stop()
            raise TargetCrashedError(
                f"{self.name}: expected the target to keep running, found that {words}"
            ) from error
        except FirmwareFaultError as error:
            state = self._running.halt() if self._running is not None else None
            self.stop()
            raise explain_fault(self.name, self.firmware.elf, (), error, state) from error
        except TargetError:
            self.stop()
            raise

    def _started(self) -> Workbench:
        if self._workbench is None:
            booted = bring_up(self.target, self.firmware)
            self._running = booted.running
            self._workbench = Workbench(RemoteKernels(booted.session))
        return self._workbench
