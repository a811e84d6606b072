"""Firmware whose network does something forbidden: a built one with a few instructions replaced."""

from pathlib import Path

import attrs
from elftools.elf.elffile import ELFFile

from qrig.build import Deployment
from qrig.build.image import read_image

READS_NOWHERE = bytes.fromhex("0020 c043 0068")  # movs r0, #0; mvns r0, r0; ldr r0, [r0]
WRITES_NOWHERE = bytes.fromhex("6020 0006 0060 bff34f8f")  # r0 = 0x60 << 24; str r0, [r0]; dsb
OVERFLOWS = bytes.fromhex("ffb5 fde7")  # push {r0-r7, lr}; again
IS_UNDEFINED = bytes.fromhex("00de")  # udf #0
HANGS = bytes.fromhex("fee7")  # b .

FUNCTION = "network_run"


def with_code(deployment: Deployment, code: bytes, folder: Path) -> Deployment:
    """Return `deployment` with `code` in place of the beginning of its network's first kernel."""
    image = read_image(deployment.elf)
    symbol = image.find_symbol(FUNCTION)
    assert symbol is not None
    assert len(code) <= symbol.size_bytes
    data = bytearray(deployment.elf.read_bytes())
    with deployment.elf.open("rb") as stream:
        for segment in ELFFile(stream).iter_segments():
            offset = symbol.address - segment["p_vaddr"]
            if segment["p_type"] == "PT_LOAD" and 0 <= offset < segment["p_filesz"]:
                start = segment["p_offset"] + offset
                data[start : start + len(code)] = code
    path = folder / "firmware"
    path.write_bytes(data)
    return attrs.evolve(deployment, elf=path)
