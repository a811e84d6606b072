"""A core that runs freely: executing, asleep, stopped by a debugger, or beyond help.

Interrupts are never taken: a firmware that masks them for ever uses them to end its sleep, and that
is what a pending one does here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from attrs import define

from qrig.backends.virtual.core.alignment import AlignmentTrap
from qrig.backends.virtual.core.counter import NEVER, Counter
from qrig.backends.virtual.core.division import DivisionTrap
from qrig.backends.virtual.core.engine import INVALID_INSTRUCTION, Engine, NoMemoryError
from qrig.backends.virtual.core.exceptions import (
    HARD_FAULT,
    USAGE_FAULT,
    Exceptions,
    Fault,
    LockupError,
    access_fault,
)
from qrig.backends.virtual.core.thumb import WFI, WIDE_WFI
from qrig.backends.virtual.peripherals.nvic import Nvic
from qrig.backends.virtual.peripherals.scs import DFSR, SystemControl

HALTED, BREAKPOINT, CAUGHT = 1 << 0, 1 << 1, 1 << 3
"""Why a core stopped (DFSR): asked to, at BKPT, at a vector that is caught."""

_SWI, _FETCH_ABORT, _DATA_ABORT, _BKPT, _RETURN = 2, 3, 4, 7, 8  # QEMU's numbers of exceptions
_THUMB = 1 << 24
_STOP_POLL_S = 0.0005
_LOCKUP = 0xFFFF_FFFE
_RAM, _RAM_END = 0x2000_0000, 0x4000_0000
_UNDEFINED, _INVALID_STATE, _UNALIGNED, _DIVIDED = 1 << 16, 1 << 17, 1 << 24, 1 << 25


@define
class _Slice:
    """What happened in one run of the engine.

    A fault, an exception of QEMU's, an action for afterwards, the place of a register access that
    needs an exact count, and the count with the block at which the limit was passed.
    """

    bad: Fault | None = None
    raised: int | None = None
    action: Callable[[], None] | None = None
    asked: tuple[int, int] | None = None
    passed: int | None = None


class Core:
    """The core; `run` executes until it sleeps, stops, or `interrupted` is set by another thread.

    `is_stuck`: it executes no more instructions though it seems to run; with `hangs_in_ram` that
    happens when a debugger starts it in RAM, as for a flash algorithm. `debugs` and `catches`
    ask whether a debugger is in charge, and whether it wants to see hard faults.
    """

    def __init__(self, engine: Engine, system: SystemControl, nvic: Nvic) -> None:
        """Take over the engine's hooks; the core begins halted."""
        self.engine = engine
        self.counter = Counter(engine.read, self._pass_limit, self._look_at)
        self.exceptions = Exceptions(engine, system)
        self.is_halted = True
        self.is_asleep = self.is_locked = self.is_stuck = False
        self.hangs_in_ram = False
        self.debugs: Callable[[], bool] = lambda: False
        self.catches: Callable[[], bool] = lambda: False
        self.on_alarm: Callable[[], None] = lambda: None
        self.on_repeat: Callable[[], None] = lambda: None
        self.on_slice: Callable[[], None] = lambda: None
        self._system = system
        self._nvic = nvic
        self._alarm = NEVER
        self._interrupted = self._is_doubtful = self._is_executing = False
        self._slice = _Slice()
        self._exact: int | None = None
        self._block_hook: int | None = None
        self._divisions = DivisionTrap(engine, system, partial(self._note_usage, _DIVIDED))
        self._alignment = AlignmentTrap(engine, partial(self._note_usage, _UNALIGNED))
        self.has_new_code = False
        engine.on_exception(self._note_exception)

    @property
    def is_running(self) -> bool:
        """Whether it would execute instructions."""
        return not (self.is_halted or self.is_asleep or self.is_locked or self.is_stuck)

    @property
    def interrupted(self) -> bool:
        """Whether `run` is to return soon."""
        return self._interrupted

    @interrupted.setter
    def interrupted(self, wanted: bool) -> None:
        self._interrupted = wanted
        self.counter.limit = -1 if wanted else self._alarm
        while self._interrupted and self._is_executing and self._block_hook is None:
            self.engine.stop()  # lost if the run is about to begin
            time.sleep(_STOP_POLL_S)

    def set_alarm(self, count: int) -> None:
        """Have on_alarm called when so many instructions have been executed in all."""
        self._alarm = self.counter.limit = count
        if self._interrupted:
            self.counter.limit = -1

    def pause(self, instructions: int) -> None:
        """End the slice after so many more instructions, for what is done between slices."""
        self.counter.limit = min(self.counter.limit, self.counter.total + instructions)

    def later(self, action: Callable[[], None]) -> None:
        """Have something done between two instructions, for hooks: a reset, a halt."""
        if self._is_executing:
            self._slice.action = action
            self.engine.stop()
        else:
            action()

    def executed(self) -> int:
        """Return the exact count of instructions, for a register that one of them reads or writes.

        The first time that it is asked from inside a block the count is not exact: then the
        instruction is executed again, with the exact count.
        """
        if not self._is_executing:
            return self.counter.total
        if self._exact is not None:
            exact, self._exact = self._exact, None
            return exact
        self._slice.asked = self.counter.place
        self.engine.stop()
        return self.counter.total

    def note_bad_access(self, kind: str, address: int) -> None:
        """Note that an access found nothing; the run ends with it."""
        if self._slice.bad is None:
            self._slice.bad = access_fault(kind, self.engine["pc"], address)

    def reset(self, boot: int) -> None:
        """Begin at the vectors at `boot`."""
        engine = self.engine
        engine.reset()
        self.exceptions.reset()
        self._is_doubtful = False
        self.is_asleep = self.is_locked = self.is_stuck = False
        vectors = engine.read(boot, 8)
        engine["sp"] = int.from_bytes(vectors[:4], "little") & ~3
        engine["lr"] = 0xFFFF_FFFF
        entry = int.from_bytes(vectors[4:], "little")
        engine["pc"] = entry | 1
        if not entry & 1:
            self._take(lambda: self._fault(USAGE_FAULT, _INVALID_STATE, entry))

    def halt(self, reason: int) -> None:
        """Stop for the debugger; that ends sleep and lockup."""
        self.is_halted = True
        self.is_asleep = self.is_locked = False
        self._system[DFSR] |= reason

    def resume(self) -> None:
        """Go on after a halt; code may be another now."""
        self.is_halted = False
        self.counter.forget_code()
        if self._is_doubtful:
            self.engine.refresh()
            self._is_doubtful = False
        if self.hangs_in_ram and _RAM <= self.engine["pc"] < _RAM_END:
            self.is_stuck = True

    def run(self) -> None:
        """Execute until there is a reason not to."""
        while self.is_running and not self._interrupted:
            self._execute(self.engine.start)

    def run_briefly(self, instructions: int) -> None:
        """Execute so many instructions at most, unless it is a flash algorithm.

        Like `run` it ends early if it is interrupted, be it by what was armed for a run before.
        """
        end = self.counter.total + instructions
        while self.is_running and not self._interrupted and not self.is_in_algorithm:
            self.pause(end - self.counter.total)
            self._execute(self.engine.start)
            if (self._slice.passed or 0) > end:
                return

    def step(self) -> None:
        """Execute one instruction, then halt."""
        self.is_halted = False
        self._execute(self.engine.step)
        if self._exact is not None:
            self._execute(self.engine.step)
        self.halt(HALTED)

    def wake(self) -> None:
        """End the sleep if an interrupt is there to end it."""
        if self.is_asleep and self._nvic.has_wakeup:
            self.is_asleep = False

    def lock(self) -> None:
        """Stop until a reset or a halt: what the architecture calls lockup."""
        self.is_locked = True
        self.engine["pc"] = _LOCKUP | 1

    def trap_divisions(self, origin: int, code: bytes) -> None:
        """Have divisions by zero in `code`, which begins at `origin`, be faults."""
        self._divisions.watch(origin, code)
        self.has_new_code = True

    def _execute(self, start: Callable[[int], int]) -> None:
        address = self.engine["pc"]
        self._prepare(is_algorithm=self.is_in_algorithm)
        self._slice = happened = _Slice()
        self._is_executing = True
        status = start(address)
        self._is_executing = False
        self.counter.limit = -1 if self._interrupted else self._alarm
        pc = self.engine["pc"] if happened.bad is None else happened.bad.pc
        is_repeated = happened.asked == self.counter.place and self.counter.is_inside(pc)
        self.counter.settle(pc)
        self._exact = None
        self._alignment.forget_trusted()
        self.on_slice()
        if happened.action is not None:
            happened.action()
        elif is_repeated:
            self._exact = self.counter.total
            self.on_repeat()
        elif status or happened.bad is not None or happened.raised is not None:
            self._take(lambda: self._explain(status, pc))
        elif happened.passed is not None:
            if happened.passed > self._alarm:
                self._alarm = self.counter.limit = NEVER
                self.on_alarm()
        elif self._is_behind_wfi(pc) and not self._nvic.has_wakeup:
            self.is_asleep = True

    @property
    def is_in_algorithm(self) -> bool:
        """Whether a debugger runs code in RAM, which is what flash algorithms are."""
        return _RAM <= self.engine["pc"] < _RAM_END and self.debugs()

    def _prepare(self, *, is_algorithm: bool) -> None:
        """Hook blocks unless a debugger runs a flash algorithm; see that no old code is run."""
        is_hooked = self._block_hook is not None
        if is_algorithm and self._block_hook is not None:
            self.engine.remove_hook(self._block_hook)
            self._block_hook = None
        elif not is_algorithm and not is_hooked:
            self._block_hook = self.engine.on_block(self.counter.on_block)
        elif is_algorithm or not self.has_new_code:
            return
        if self.has_new_code and not is_algorithm:
            self.has_new_code = False
            self._alignment.clear()
        self.engine.forget_code()
        self.counter.forget_code()

    def _take(self, enter: Callable[[], int | None]) -> None:
        """Take an exception; stop there if a debugger wants to see it."""
        self._is_doubtful = self._slice.raised != _BKPT
        try:
            taken = enter()
        except LockupError:
            self.lock()
            return
        if taken == HARD_FAULT and self.catches():
            self.halt(CAUGHT)

    def _explain(self, status: int, pc: int) -> int | None:
        """Enter the handler of whatever ended the run; returns which, None for none."""
        bad, raised = self._slice.bad, self._slice.raised
        if bad is not None:
            return self.exceptions.raise_fault(bad)
        if status == INVALID_INSTRUCTION:
            is_thumb = self.engine["xpsr"] & _THUMB
            return self._fault(USAGE_FAULT, _UNDEFINED if is_thumb else _INVALID_STATE, pc)
        if raised == _BKPT:
            if self.debugs():
                self.halt(BREAKPOINT)
                return None
            return self.exceptions.raise_debug_event(pc)
        if raised == _SWI:
            return self.exceptions.call_supervisor(pc)
        if raised == _RETURN:
            fault = self.exceptions.leave(pc | 1)
            return None if fault is None else self.exceptions.raise_fault(fault)
        if raised == _FETCH_ABORT:
            return self.exceptions.raise_fault(access_fault("fetch", pc, pc))
        return self._fault(USAGE_FAULT, _UNALIGNED if raised == _DATA_ABORT else _UNDEFINED, pc)

    def _fault(self, exception: int, status: int, pc: int) -> int:
        return self.exceptions.raise_fault(Fault(exception, status, pc))

    def _note_exception(self, number: int) -> None:
        self._slice.raised = number

    def _note_usage(self, status: int, address: int) -> None:
        if self._slice.bad is None:
            self._slice.bad = Fault(USAGE_FAULT, status, address)

    def _look_at(self, address: int, code: bytes) -> None:
        """Watch what is to be watched in a block that is new, before it is executed."""
        if self._alignment.watch(address, code):
            self._slice.action = partial(self.engine.forget_range, address, address + len(code))
            self.engine.stop()

    def _pass_limit(self) -> None:
        self._slice.passed = self.counter.total
        self.engine.stop()

    def _is_behind_wfi(self, pc: int) -> bool:
        try:
            before = self.engine.read(pc - 4, 4)
        except NoMemoryError:
            return False
        return before[2:] == WFI or before == WIDE_WFI
