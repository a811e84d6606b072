"""One pyOCD session with one board: opened in one of several ways, and left without a trace.

When a session ends the firmware runs on with the debugger detached, and what it has set up in the
debug blocks stays set up: pyOCD by itself would switch the trace unit off, and with it the cycle
counter, after the firmware has switched it on.
"""

from __future__ import annotations

import contextlib
import os
import struct
from types import TracebackType
from typing import Any

from attrs import frozen

from qrig.backends.probe.source import Limits
from qrig.backends.probe.trouble import CAUGHT, CONNECT, Diagnosis, Kind, TroubleError, troubles
from qrig.boards.chip import Chip
from qrig.deadline import Deadline

DHCSR, DEMCR = 0xE000_EDF0, 0xE000_EDFC
"""Debug halting control, debug exception and monitor control (Arm DDI 0403, C1.6)."""

_KEY, _DEBUG_ON = 0xA05F_0000, 1
_TRACE_ON = 1 << 24
_S_HALT = 1 << 17
_DEBUG_CONTROL = 4  # DBGMCU_CR lies behind DBGMCU_IDCODE
_DEBUG_IN_SLEEP = 1 << 0  # DBG_SLEEP
_CHUNK_WORDS = 1 << 12


@frozen
class Approach:
    """A way to connect: pyOCD's connect_mode, and the clock of the debug port."""

    mode: str
    hz: int


class _Detachment:
    """Ends debugging in place of pyOCD, in an order that leaves the firmware its cycle counter."""

    def __init__(self, chip: Chip) -> None:
        """Prepare for `chip`; a firmware that has just been reset is left with a clean unit."""
        self._debug_control = chip.idcode_address + _DEBUG_CONTROL
        self.is_reset = False
        self.is_over = False

    def will_init_target(self, target: Any, init_sequence: Any) -> None:
        """Leave out the register descriptions that pyOCD would read in a thread."""
        if init_sequence.has_task("load_svd"):
            init_sequence.remove_task("load_svd")

    def stop_debug_core(self, core: Any) -> bool:
        """Clear what debugging needed, the enable bit last: that lets a halted core run.

        A firmware that runs on keeps what it has set up: its counter, and that it can be reached
        while it sleeps.
        """
        if self.is_over:
            return True
        kept = 0 if self.is_reset else core.read32(DEMCR) & _TRACE_ON
        core.write32(self._debug_control, 0 if self.is_reset else _DEBUG_IN_SLEEP)
        core.write32(DEMCR, kept)
        core.write32(DHCSR, _KEY)
        core.flush()
        self.is_over = True
        return True


class ProbeSession:
    """An open session; a context manager that ends it."""

    def __init__(
        self, probe: Any, target_name: str, chip: Chip, approach: Approach, limits: Limits
    ) -> None:
        """Open the probe and connect to the chip; raises TroubleError."""
        from pyocd.core.session import Session

        self.chip = chip
        self._detachment = _Detachment(chip)
        self._probe = probe
        with troubles(CONNECT):
            self._session = Session(probe, options=_options(target_name, approach, limits))
            self._session.delegate = self._detachment
            try:
                self._session.open()
            except BaseException:
                self._give_up(approach)
                raise
        self.target: Any = self._session.target

    def __enter__(self) -> ProbeSession:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the session."""
        self.close()

    @property
    def session(self) -> Any:
        """PyOCD's own Session."""
        return self._session

    def read32(self, address: int) -> int:
        """Read a word; raises TroubleError."""
        with troubles(f"read {address:#010x}"):
            return int(self.target.read32(address))

    def write32(self, address: int, value: int) -> None:
        """Write a word; raises TroubleError."""
        with troubles(f"write {address:#010x}"):
            self.target.write32(address, value)

    def read(self, address: int, size_bytes: int) -> bytes:
        """Read bytes, in words where that goes; raises TroubleError."""
        first, past = address & ~3, (address + size_bytes + 3) & ~3
        found = bytearray()
        with troubles(f"read {size_bytes:,} bytes at {address:#010x}"):
            for start in range(first, past, 4 * _CHUNK_WORDS):
                count = min(_CHUNK_WORDS, (past - start) // 4)
                words = self.target.read_memory_block32(start, count)
                found += struct.pack(f"<{count}I", *words)
        return bytes(found[address - first : address - first + size_bytes])

    def reset_and_halt(self) -> None:
        """Reset the chip and stop it before its first instruction; raises TroubleError."""
        with troubles("reset the chip"):
            self.target.reset_and_halt()
            halted = bool(self.target.read32(DHCSR) & _S_HALT)
        if not halted:
            raise TroubleError(
                "stop the core at its reset", Diagnosis(Kind.CONTACT, "it went on running")
            )
        self._detachment.is_reset = True

    def halt(self, deadline: Deadline) -> bool:
        """Stop the core where it is, and return whether it was locked up; raises TroubleError."""
        with troubles("stop the core"):
            before = self.target.read32(DHCSR)
            self.target.halt()
            while not self.target.read32(DHCSR) & _S_HALT:
                if deadline.expired:
                    raise TroubleError(
                        "stop the core",
                        Diagnosis(Kind.CONTACT, f"it does not stop within {deadline.seconds:g} s"),
                    )
        return bool(before & (1 << 19))

    def resume(self) -> None:
        """Let a halted core run, the debugger attached; raises TroubleError."""
        with troubles("start the core"):
            self.target.resume()
        self._detachment.is_reset = False

    def catch_faults(self) -> None:
        """Have hard faults stop the core as long as the session lasts; raises TroubleError."""
        from pyocd.core.target import Target

        with troubles("set the vector catch"):
            self.target.set_vector_catch(Target.VectorCatch.HARD_FAULT)

    def release_caught(self) -> None:
        """Let a core that stands at a fault go on, and catch no more; raises TroubleError."""
        from pyocd.core.target import Target

        with troubles("look at the core"):
            if self.target.read32(DHCSR) & _S_HALT:
                self.target.set_vector_catch(Target.VectorCatch.NONE)
                self.target.resume()

    def leave(self) -> None:
        """Let the core run without the debugger; the session is then over. Raises TroubleError."""
        with troubles("start the firmware"):
            self._detachment.stop_debug_core(self.target.selected_core)
        self.close()

    def close(self) -> None:
        """End the session and let the core run; harmless the second time.

        What fails now is of no matter: the session is over either way.
        """
        with contextlib.suppress(*CAUGHT):
            self._session.close()

    def _give_up(self, approach: Approach) -> None:
        """Undo what an attempt to connect has begun."""
        if approach.mode != "attach":
            with contextlib.suppress(*CAUGHT):
                self._probe.assert_reset(False)
        with contextlib.suppress(*CAUGHT):
            self._session.close()
        if getattr(self._probe, "is_open", False):
            with contextlib.suppress(*CAUGHT):
                self._probe.close()


def _options(target_name: str, approach: Approach, limits: Limits) -> dict[str, Any]:
    """Return pyOCD's session options: no file of the working folder is read, or run, by it."""
    return {
        "project_dir": os.getcwd(),  # noqa: PTH109  # pyOCD changes to this folder
        "no_config": True,
        "user_script": os.devnull,
        "target_override": target_name,
        "frequency": approach.hz,
        "connect_mode": approach.mode,
        "auto_unlock": False,
        "chip_erase": "sector",
        "hide_programming_progress": True,
        "cache.read_code_from_elf": False,
        "flash.timeout.init": limits.algorithm_s,
        "flash.timeout.program": limits.algorithm_s,
        "flash.timeout.analyzer": limits.erase_s,
        "flash.timeout.erase_sector": limits.erase_s,
        "reset.hold_time": limits.reset_hold_s,
        "reset.post_delay": limits.reset_settle_s,
    }
