"""Unicorn, with its callbacks attached straight to the library.

The Python binding wraps each callback in two more calls, which makes a hook three times slower; a
virtual board lives in its hooks. What is relied on, of Unicorn 2.1 (its qemu/accel/tcg):

- the hook of a block runs at its beginning, and a stop asked for there comes before the block's
  first instruction. A stop asked for at a register access comes behind that access but leaves the
  program counter at the instruction, which is then executed again;
- a stop from another thread may come behind any access to memory, with the same effect: a byte
  sent twice. So a firmware is stopped by a hook of a block, and only flash algorithms otherwise;
- hooks of invalid and of protected accesses see the right program counter, those of registers do
  not; a write to protected memory that a hook allows is done after the hook;
- WFI ends the run with the program counter behind it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from unicorn import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB, Uc, UcError
from unicorn import arm_const as arm
from unicorn import unicorn_const as const
from unicorn.unicorn_py3 import unicorn as binding

_MODELS = {"m4": arm.UC_CPU_ARM_CORTEX_M4, "m7": arm.UC_CPU_ARM_CORTEX_M7}
_NEVER = 0xFFFF_FFFF  # odd: no program counter ever has this value

OK = const.UC_ERR_OK
"""A run ended without an error."""

INVALID_INSTRUCTION = const.UC_ERR_INSN_INVALID
"""A run ended at an instruction that is none."""

FETCH, READ, WRITE = "fetch", "read", "write"
"""Kinds of access."""

_ACCESS = {
    const.UC_MEM_READ_UNMAPPED: READ,
    const.UC_MEM_WRITE_UNMAPPED: WRITE,
    const.UC_MEM_FETCH_UNMAPPED: FETCH,
    const.UC_MEM_WRITE_PROT: WRITE,
    const.UC_MEM_READ_PROT: READ,
    const.UC_MEM_FETCH_PROT: FETCH,
}

REGISTERS = {
    **{f"r{number}": arm.UC_ARM_REG_R0 + number for number in range(13)},
    **{f"s{number}": arm.UC_ARM_REG_S0 + number for number in range(32)},
    "sp": arm.UC_ARM_REG_SP,
    "lr": arm.UC_ARM_REG_LR,
    "pc": arm.UC_ARM_REG_PC,
    "xpsr": arm.UC_ARM_REG_XPSR,
    "msp": arm.UC_ARM_REG_MSP,
    "psp": arm.UC_ARM_REG_PSP,
    "control": arm.UC_ARM_REG_CONTROL,
    "faultmask": arm.UC_ARM_REG_FAULTMASK,
    "basepri": arm.UC_ARM_REG_BASEPRI,
    "primask": arm.UC_ARM_REG_PRIMASK,
    "fpscr": arm.UC_ARM_REG_FPSCR,
}
"""The names of registers, and Unicorn's numbers of them."""


class NoMemoryError(Exception):
    """There is no memory at an address; the first argument is the address."""


class Engine:
    """A Cortex-M4 or M7 that executes instructions, its memories and its hooks."""

    def __init__(self, core: str) -> None:
        """Make a core: "m4" or "m7"."""
        self._uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS, _MODELS[core])
        self._handle = self._uc._uch
        self._library: Any = binding.uclib
        self._kept: list[Any] = []  # callbacks and buffers that the library points to
        self._pristine = self._uc.context_save()

    def reset(self) -> None:
        """Give all registers, and all state that they do not show, their first values."""
        self._uc.context_restore(self._pristine)

    def refresh(self) -> None:
        """Keep the registers, and nothing else of what the core has got into.

        Instructions of later architectures, which a v7-M core does not have, change the core's
        security state here; wild code may meet them.
        """
        kept = {name: self[name] for name in REGISTERS}
        self.reset()
        for name, value in kept.items():
            self[name] = value
        self["sp"] = kept["sp"]

    def map_ram(self, origin: int, size_bytes: int) -> None:
        """Make a memory of a multiple of 4 KB."""
        self._uc.mem_map(origin, size_bytes, const.UC_PROT_ALL)

    def map_rom(self, origin: int, content: bytes) -> None:
        """Make a memory that the core cannot write."""
        self._uc.mem_map(origin, len(content), const.UC_PROT_READ | const.UC_PROT_EXEC)
        self._uc.mem_write(origin, content)

    def map_shared(self, origin: int, memory: Any, size_bytes: int) -> None:
        """Show `memory`, a writable buffer of our own, at `origin`; the core may not write it."""
        shared = (ctypes.c_char * size_bytes).from_buffer(memory)
        self._kept.append(shared)
        permissions = const.UC_PROT_READ | const.UC_PROT_EXEC
        self._uc.mem_map_ptr(origin, size_bytes, permissions, ctypes.addressof(shared))

    def map_registers(
        self,
        origin: int,
        size_bytes: int,
        read: Callable[[int, int, int, int], int],
        write: Callable[[int, int, int, int, int], None],
    ) -> None:
        """Have `read(_, offset, size, _)` and `write(_, offset, size, value, _)` answer there."""
        reader = binding.MMIO_READ_CFUNC(read)
        writer = binding.MMIO_WRITE_CFUNC(write)
        self._kept += (reader, writer)
        self._check(
            self._library.uc_mmio_map(self._handle, origin, size_bytes, reader, None, writer, None)
        )

    def on_block(self, hook: Callable[[int, int, int, int], None]) -> int:
        """Have `hook(_, address, size, _)` called before each block of instructions.

        Returns the hook's number; see forget_code.
        """
        return self._hook(const.UC_HOOK_BLOCK, binding.HOOK_CODE_CFUNC(hook))

    def remove_hook(self, number: int) -> None:
        """Have a hook not called any more; see forget_code."""
        self._check(self._library.uc_hook_del(self._handle, number))

    def on_instruction(self, address: int, hook: Callable[[int, int, int, int], None]) -> int:
        """Have `hook(_, address, size, _)` called before the instruction at `address`.

        Returns the hook's number; see forget_code.
        """
        return self._hook(const.UC_HOOK_CODE, binding.HOOK_CODE_CFUNC(hook), address, address)

    def on_exception(self, hook: Callable[[int], None]) -> None:
        """Have `hook(number)` called for an exception of QEMU's, and the run end with it."""

        def on_interrupt(_engine: int, number: int, _data: int) -> None:
            hook(number)
            self.stop()

        self._hook(const.UC_HOOK_INTR, binding.HOOK_INTR_CFUNC(on_interrupt))

    def on_bad_access(self, hook: Callable[[str, int, int, int], bool]) -> None:
        """Have `hook(kind, address, size, value)` decide on an access to nothing, or to ROM.

        If it returns False the run ends; if it returns True, for a write to ROM, that is done.
        """

        def on_invalid(
            _engine: int, access: int, address: int, size: int, value: int, _data: int
        ) -> bool:
            return hook(_ACCESS[access], address, size, value & 0xFFFF_FFFF)

        self._hook(const.UC_HOOK_MEM_INVALID, binding.HOOK_MEM_INVALID_CFUNC(on_invalid))

    def start(self, address: int) -> int:
        """Run from `address` until something ends the run; returns Unicorn's verdict."""
        status: int = self._library.uc_emu_start(self._handle, address | 1, _NEVER, 0, 0)
        return status

    def step(self, address: int) -> int:
        """Run one instruction at `address`; returns Unicorn's verdict."""
        status: int = self._library.uc_emu_start(self._handle, address | 1, _NEVER, 0, 1)
        return status

    def stop(self) -> None:
        """End the run; for hooks, and for another thread where it does no harm (see above)."""
        self._library.uc_emu_stop(self._handle)

    def forget_code(self) -> None:
        """Translate everything anew: code was changed from outside, or hooks were."""
        self._uc.ctl_flush_tb()

    def forget_range(self, begin: int, end: int) -> None:
        """Translate anew what lies there; not while running."""
        self._uc.ctl_remove_cache(begin, end)

    def __getitem__(self, register: str) -> int:
        """Return a register."""
        value: int = self._uc.reg_read(REGISTERS[register])
        return value & 0xFFFF_FFFF

    def __setitem__(self, register: str, value: int) -> None:
        """Set a register."""
        self._uc.reg_write(REGISTERS[register], value)

    def read(self, address: int, size_bytes: int) -> bytes:
        """Return what a memory holds; raises NoMemoryError."""
        try:
            return bytes(self._uc.mem_read(address, size_bytes))
        except UcError as error:
            raise NoMemoryError(address) from error

    def write(self, address: int, data: bytes) -> None:
        """Change a memory; raises NoMemoryError."""
        try:
            self._uc.mem_write(address, data)
        except UcError as error:
            raise NoMemoryError(address) from error

    def _hook(self, kind: int, callback: Any, begin: int = 1, end: int = 0) -> int:
        handle = ctypes.c_size_t()
        self._kept.append(callback)
        self._check(
            self._library.uc_hook_add(
                self._handle,
                ctypes.byref(handle),
                kind,
                callback,
                None,
                ctypes.c_uint64(begin),
                ctypes.c_uint64(end),
            )
        )
        return handle.value

    def _check(self, status: int) -> None:
        if status != const.UC_ERR_OK:
            raise UcError(status)
