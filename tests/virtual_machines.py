"""Virtual microcontrollers in this process, with firmware made by hand, for the tests of them."""

import functools
import mmap
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from qrig.backends.virtual.chips import find_chip
from qrig.backends.virtual.chips.chip import FLASH_ORIGIN
from qrig.backends.virtual.core.core import BREAKPOINT, Core
from qrig.backends.virtual.faults import Faults
from qrig.backends.virtual.machine import Machine
from qrig.backends.virtual.setup import Setup

F4, F407, F7, F767 = "stm32f429zi", "stm32f407vg", "stm32f746zg", "stm32f767zi"
STACK_TOP = 0x2000_2000
UNIQUE_ID = "00112233445566778899aabb"

DHCSR, DCRSR, DCRDR, DEMCR = 0xE000_EDF0, 0xE000_EDF4, 0xE000_EDF8, 0xE000_EDFC
CFSR, HFSR, DFSR, MMFAR, BFAR = 0xE000_ED28, 0xE000_ED2C, 0xE000_ED30, 0xE000_ED34, 0xE000_ED38
KEY, DEBUG, HALT = 0xA05F_0000, 1, 2

_HEAD = """
.syntax unified
.thumb
.cpu cortex-m7
.fpu fpv5-d16
.text
vectors:
    .word {stack}
    .word reset + 1
    .word other + 1
    .word hard_fault + 1
    .word memory_fault + 1
    .word bus_fault + 1
    .word usage_fault + 1
    .space 16
    .word svc + 1
    .space 16
{missing}
.thumb_func
other:
    b other
"""


_HANDLERS = ("hard_fault", "memory_fault", "bus_fault", "usage_fault", "svc")


class Port:
    """What a virtual USART is connected to: keeps all that was sent, and at which speeds."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.bauds: set[float] = set()

    def send(self, data: bytes, baud: float) -> None:
        """Take bytes."""
        self.data += data
        self.bauds.add(baud)

    def flush(self) -> None:
        """Do nothing: all is there."""


@functools.cache
def assemble(source: str, stack: int = STACK_TOP) -> bytes:
    """Return the flash image of a firmware whose code begins at the label `reset`."""
    for tool in ("arm-none-eabi-gcc", "arm-none-eabi-ld", "arm-none-eabi-objcopy"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: apt-get install gcc-arm-none-eabi")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        missing = "\n".join(
            f".thumb_set {name}, other" for name in _HANDLERS if f"{name}:" not in source
        )
        text = _HEAD.format(stack=stack, missing=missing) + source.replace(";", "\n") + "\n.ltorg\n"
        (folder / "code.s").write_text(text, encoding="utf-8")
        for command in (
            ("arm-none-eabi-gcc", "-c", "-mthumb", "-o", "code.o", "code.s"),
            ("arm-none-eabi-ld", "-e0", f"-Ttext={FLASH_ORIGIN:#x}", "-o", "code.elf", "code.o"),
            ("arm-none-eabi-objcopy", "-O", "binary", "code.elf", "code.bin"),
        ):
            subprocess.run(command, check=True, timeout=60, cwd=folder)
        return (folder / "code.bin").read_bytes()


def machine(
    image: bytes = b"", chip: str = F7, faults: Faults | None = None, port: Port | None = None
) -> Machine:
    """Return a microcontroller that has just been switched on, with `image` in its flash."""
    description = find_chip(chip)
    assert description is not None
    flash = mmap.mmap(-1, description.flash_bytes)
    flash[:] = image.ljust(description.flash_bytes, b"\xff")
    setup = Setup(
        chip=chip,
        uart="usart3",
        tx="PD8",
        rx="PD9",
        unique_id=UNIQUE_ID,
        flash=Path(),
        hse_hz=8_000_000,
        marker="PD15",
        faults=faults or Faults(),
    )
    return Machine(setup, flash, port or Port())


def running(
    source: str, chip: str = F7, faults: Faults | None = None, port: Port | None = None
) -> Machine:
    """Return a microcontroller with a firmware from assembly, ready to be run."""
    return machine(assemble(source), chip, faults, port)


def run(made: Machine, slices: int = 1) -> Core:
    """Run until the core sleeps, stops or locks up; returns it."""
    core = made.chip.core
    for _ in range(slices):
        core.run()
    return core


def read32(made: Machine, address: int) -> int:
    """Return a word, as a debugger reads it."""
    return int.from_bytes(made.read(address, 4, 1), "little")


def write32(made: Machine, address: int, value: int) -> None:
    """Write a word, as a debugger does."""
    made.write(address, 4, value.to_bytes(4, "little"))


def attach(made: Machine, catch: int = 0) -> None:
    """Connect a debugger, which catches what bits of DEMCR say; the core runs on."""
    write32(made, DHCSR, KEY | DEBUG)
    write32(made, DEMCR, catch)


def run_to_breakpoint(made: Machine) -> int:
    """Run to a breakpoint, a debugger connected; returns where."""
    attach(made)
    core = run(made)
    assert core.is_halted
    assert read32(made, DFSR) & BREAKPOINT
    return core.engine["pc"]
