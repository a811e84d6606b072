"""Thumb code for the tests of the timing models: assembled, linked at an address, decoded."""

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from qrig.boards.board import Board, CacheSize, Memories, Memory, Silicon
from qrig.build.image import FirmwareImage, read_image
from qrig.measure.timing.decode import Decoder
from qrig.measure.timing.instruction import Instruction
from qrig.measure.timing.models import find_model
from qrig.measure.timing.steps import Block, Pass, Step

M4, M7 = "cortex-m4", "cortex-m7"
HERE = 0x8000
_HEAD = ".syntax unified\n.thumb\n.cpu cortex-m7\n.fpu fpv5-d16\n.global begin, end\n"


def lines(source: str) -> str:
    """Return assembly with one instruction a line; they are separated by semicolons."""
    return "\n".join(part.strip() for part in source.split(";"))


def link(source: str, folder: Path, address: int = HERE) -> Path:
    """Assemble `source` with debug information and link it at `address`; return the ELF."""
    for tool in ("arm-none-eabi-gcc", "arm-none-eabi-ld"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: apt-get install gcc-arm-none-eabi")
    assembly, built, linked = (folder / f"code.{suffix}" for suffix in ("s", "o", "elf"))
    assembly.write_text(_HEAD + source, encoding="utf-8")
    run_tool("arm-none-eabi-gcc", "-c", "-g", "-o", str(built), str(assembly))
    run_tool("arm-none-eabi-ld", "-e", "0", f"-Ttext={address:#x}", "-o", str(linked), str(built))
    return linked


def run_tool(*command: str) -> None:
    """Run a program of the compiler's family; it must end well."""
    subprocess.run(command, check=True, timeout=60)


@functools.cache
def image_of(source: str, address: int = HERE) -> FirmwareImage:
    """Return the linked firmware of `source`."""
    with tempfile.TemporaryDirectory() as folder:
        return read_image(link(source, Path(folder), address))


@functools.cache
def thumb(source: str, address: int = HERE) -> tuple[Instruction, ...]:
    """Return the instructions of `source` at `address`, a multiple of 2."""
    base = address & ~7
    padding = f".space {address - base}\n"
    text = f"{padding if address > base else ''}begin:\n{lines(source)}\nend:\n"
    image = image_of(text, base)
    begin, end = image.find_symbol("begin"), image.find_symbol("end")
    assert begin is not None
    assert end is not None
    assert begin.address == address
    return Decoder().decode(image.code(address, end.address - address), address)


def one(source: str) -> Instruction:
    """Return the last instruction of `source`."""
    return thumb(source)[-1]


def block(
    instructions: Sequence[Instruction], *, same_bank: bool = False, misaligned: float = 0.0
) -> Block:
    """Return a block all of whose loads are in one bank, or whose stores are misaligned."""
    return Block(
        tuple(instructions),
        tuple(same_bank for _ in instructions),
        tuple(misaligned if each.kind == "store" else 0.0 for each in instructions),
    )


def a_board(
    core: str,
    *,
    wait_states: int = 0,
    width_bits: int = 256,
    bus_divider: int = 1,
    ecc: bool = False,
    line_bytes: int = 32,
) -> Board:
    """Return a board called "chip"."""
    cache = CacheSize(line_bytes * 4 * 4, line_bytes, 4)
    return Board(
        schema="qrig-board/1",
        name="chip",
        title="A chip",
        core=core,
        clock_hz=100_000_000,
        backends=(),
        memory=Memories(
            Memory(0, 1 << 20, wait_states, width_bits, cached=True), Memory(0x2000_0000, 1 << 16)
        ),
        silicon=Silicon("a test", bus_divider, ecc, cache, cache),
    )


def simulate(core: str, *passes: Pass, ecc: bool = False) -> list[list[Step]]:
    """Return the steps of every pass on a board without wait states."""
    return find_model(core)(a_board(core, ecc=ecc)).simulate(passes)


def cycles(steps: Sequence[Step]) -> float:
    """Return what steps cost."""
    return sum(bare + sum(cost for _, cost in stalls) for bare, stalls in steps)


def run(
    core: str, source: str, *, address: int = HERE, taken: bool = False, ecc: bool = False
) -> list[Step]:
    """Return the steps of one pass through `source`."""
    return simulate(core, Pass(block(thumb(source, address)), taken), ecc=ecc)[0]


def reasons(steps: Sequence[Step]) -> dict[str, float]:
    """Return the stalls of steps by reason."""
    found: dict[str, float] = {}
    for _, stalls in steps:
        for reason, cost in stalls:
            found[reason] = found.get(reason, 0.0) + cost
    return found
