"""A bare Cortex-M core to run a few instructions on, with memory and nothing else."""

from collections.abc import Iterable

from unicorn import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB, Uc
from unicorn.arm_const import UC_ARM_REG_LR, UC_ARM_REG_PC, UC_ARM_REG_R0, UC_ARM_REG_SP

RAM, RAM_BYTES = 0x2000_0000, 0x1_0000
_LIMIT = 100_000


def run_to(
    segments: Iterable[tuple[int, bytes]], start: int, stop: int
) -> tuple[dict[str, int], bytes]:
    """Run from `start` to `stop`; return the registers there and the stack from sp upwards."""
    core = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
    core.mem_map(0x0800_0000, 0x1_0000)
    core.mem_map(RAM, RAM_BYTES)
    for address, data in segments:
        core.mem_write(address, data)
    core.reg_write(UC_ARM_REG_SP, RAM + RAM_BYTES)
    core.emu_start(start | 1, stop, count=_LIMIT)
    pc, sp = core.reg_read(UC_ARM_REG_PC), core.reg_read(UC_ARM_REG_SP)
    assert pc == stop, f"{pc:#x} instead of {stop:#x}"
    registers = {f"r{n}": core.reg_read(UC_ARM_REG_R0 + n) for n in range(13)}
    registers |= {"sp": sp, "lr": core.reg_read(UC_ARM_REG_LR), "pc": pc}
    return registers, bytes(core.mem_read(sp, RAM + RAM_BYTES - sp))
