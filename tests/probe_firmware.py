"""Small firmwares for tests of probes, with build ids and data as they are wanted."""

import random
import subprocess
from pathlib import Path

from attrs import frozen
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from qrig.boards import Board
from qrig.build.toolchain import find_tool

_SOURCES = Path(__file__).parent / "c"
_FLAGS = ("-mcpu=cortex-m4", "-mthumb", "-O1", "-Wall", "-Wextra", "-Werror", "-nostdlib")


@frozen
class ProbeFirmware:
    """A firmware that counts for ever."""

    board: Board
    build_id: str
    elf: Path


def build_probe_firmware(
    board: Board,
    folder: Path,
    *,
    build_id: str = "0123456789abcdef",
    data_bytes: int = 40_000,
    origin: int = 0x0800_0000,
    flash_bytes: int = 1 << 20,
    faulty: bool = False,
) -> ProbeFirmware:
    """Build one for flash at `origin`; its data depend on the build id alone.

    A `faulty` one runs into a hard fault at once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data, elf = folder / f"{build_id}.bin", folder / f"{build_id}.elf"
    data.write_bytes(random.Random(build_id).randbytes(data_bytes))
    subprocess.run(
        [
            find_tool("arm-none-eabi-gcc"),
            *_FLAGS,
            *(["-DFAULTY"] if faulty else []),
            f'-DBUILD_ID="{build_id}"',
            f'-DDATA="{data}"',
            f"-Wl,--defsym=flash_origin={origin},--defsym=flash_bytes={flash_bytes}",
            "-T",
            str(_SOURCES / "probe_firmware.ld"),
            str(_SOURCES / "probe_firmware.c"),
            "-o",
            str(elf),
        ],
        check=True,
        timeout=60,
    )
    return ProbeFirmware(board, build_id, elf)


def address_of(firmware: ProbeFirmware, name: str) -> int:
    """Return the address of a symbol of `firmware`, without the bit that says Thumb."""
    with firmware.elf.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        symbols = table.get_symbol_by_name(name)
        assert symbols
        return int(symbols[0]["st_value"]) & ~1
