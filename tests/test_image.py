"""Reading a linked firmware: bytes, functions, source lines, and what is no firmware."""

import contextlib
import hashlib
import random
from pathlib import Path

import pytest

from qrig.build.image import FirmwareImage, SourceLine, Symbol, read_image
from qrig.errors import FileFormatError
from thumb import HERE, link, run_tool

_ASSEMBLY = """
.text
.thumb_func
.global sized
.type sized, %function
sized:
    nop
    bx lr
    .size sized, .-sized
    .space 4
.thumb_func
.global open_ended
.type open_ended, %function
open_ended:
    nop
    nop
    bx lr
.thumb_func
.global last
.type last, %function
last:
    bx lr
    nop
.section .rodata
.global table
.type table, %object
table: .word 1, 2, 3
.size table, 12
"""
_C = """
int twice(int x) {
    return x + x;
}
int thrice(int x);
int thrice(int x) {
    int y = twice(x);
    return x +
        y;
}
"""


@pytest.fixture(scope="session")
def assembled(tmp_path_factory: pytest.TempPathFactory) -> FirmwareImage:
    return read_image(link(_ASSEMBLY, tmp_path_factory.mktemp("assembled")))


def compiled(folder: Path, version: int, *, sections: bool = False) -> FirmwareImage:
    """Return C code with DWARF `version`; with `sections` the linker drops what is not called."""
    source, linked = folder / "code.c", folder / "code.elf"
    source.write_text(_C, encoding="utf-8")
    flags = ["-mcpu=cortex-m4", "-mthumb", "-O0", "-nostdlib", f"-gdwarf-{version}"]
    if sections:
        flags += ["-ffunction-sections", "-Wl,--gc-sections", "-Wl,-e,twice"]
    else:
        flags += ["-Wl,-e,thrice"]
    link(".text\nnop\n", folder)  # skips where there is no compiler
    run_tool("arm-none-eabi-gcc", *flags, f"-Wl,-Ttext={HERE:#x}", "-o", str(linked), str(source))
    return read_image(linked)


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    path = link(_ASSEMBLY, tmp_path)
    assert read_image(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_code_by_address(assembled: FirmwareImage) -> None:
    assert assembled.code(HERE, 4) == bytes.fromhex("00bf 7047")
    assert assembled.code(HERE + 2, 2) == bytes.fromhex("7047")


@pytest.mark.parametrize(
    ("address", "size_bytes"), [(HERE - 2, 2), (HERE - 2, 8), (0x20000000, 4), (HERE, 1 << 20)]
)
def test_code_outside_is_refused(assembled: FirmwareImage, address: int, size_bytes: int) -> None:
    with pytest.raises(FileFormatError, match=f"{address:#x}"):
        assembled.code(address, size_bytes)


def test_functions_come_without_the_thumb_bit(assembled: FirmwareImage) -> None:
    assert [symbol.name for symbol in assembled.symbols] == ["sized", "open_ended", "last"]
    assert assembled.symbols[0] == Symbol("sized", HERE, 4)


def test_a_function_without_a_size_reaches_to_the_next_or_the_end(
    assembled: FirmwareImage,
) -> None:
    assert assembled.symbols[1] == Symbol("open_ended", HERE + 8, 6)
    assert assembled.symbols[2] == Symbol("last", HERE + 14, 4)


@pytest.mark.parametrize(
    ("offset", "name"),
    [
        (-2, None),
        (0, "sized"),
        (3, "sized"),
        (4, None),
        (8, "open_ended"),
        (13, "open_ended"),
        (14, "last"),
        (18, None),
    ],
)
def test_function_at(assembled: FirmwareImage, offset: int, name: str | None) -> None:
    assert assembled.function_at(HERE + offset) == name


def test_find_symbol_knows_data_too(assembled: FirmwareImage) -> None:
    table = assembled.find_symbol("table")
    assert table is not None
    assert table.size_bytes == 12
    assert assembled.code(table.address, 12) == bytes.fromhex("01000000 02000000 03000000")
    assert assembled.find_symbol("sized") == Symbol("sized", HERE, 4)
    assert assembled.find_symbol("nothing") is None


@pytest.mark.parametrize("version", [2, 3, 4, 5])
def test_lines_of_all_dwarf_versions(tmp_path: Path, version: int) -> None:
    image = compiled(tmp_path, version)
    found = {
        name: [
            image.line_at(address)
            for address in range(symbol.address, symbol.address + symbol.size_bytes, 2)
        ]
        for name in ("twice", "thrice")
        if (symbol := image.find_symbol(name)) is not None
    }
    assert found["twice"][0] == SourceLine("code.c", 2)
    assert found["twice"][-1] == SourceLine("code.c", 4)
    lines = [line.line for line in found["thrice"] if line is not None]
    assert lines[0] == 6
    assert set(lines) == {6, 7, 8, 10}
    assert image.line_at(HERE - 2) is None
    assert image.line_at(HERE + 0x1000) is None


def test_lines_of_dropped_functions_are_left_out(tmp_path: Path) -> None:
    image = compiled(tmp_path, 4, sections=True)
    assert [symbol.name for symbol in image.symbols] == ["twice"]
    assert image.line_at(image.symbols[0].address) == SourceLine("code.c", 2)
    assert image.line_at(0) is None


def test_lines_of_assembly(assembled: FirmwareImage) -> None:
    first = assembled.line_at(HERE)
    assert first is not None
    assert first.file == "code.s"


def test_no_lines_without_debug_information(tmp_path: Path) -> None:
    path = link(_ASSEMBLY, tmp_path)
    run_tool("arm-none-eabi-strip", "-g", str(path))
    image = read_image(path)
    assert image.line_at(HERE) is None
    assert image.function_at(HERE) == "sized"


def test_no_functions_without_symbols(tmp_path: Path) -> None:
    path = link(_ASSEMBLY, tmp_path)
    run_tool("arm-none-eabi-strip", str(path))
    image = read_image(path)
    assert image.symbols == ()
    assert image.function_at(HERE) is None
    assert image.code(HERE, 2) == bytes.fromhex("00bf")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no ELF file at all", "Magic number"),
        (b"\x7fELF\x01\x01\x01" + bytes(9), "linked firmware"),
        (b"", "empty file"),
    ],
)
def test_what_is_no_elf_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "firmware"
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match=words):
        read_image(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="check the path"):
        read_image(tmp_path / "firmware")


def test_a_program_of_this_machine_is_refused(tmp_path: Path) -> None:
    source, program = tmp_path / "main.c", tmp_path / "main"
    source.write_text("int main(void) { return 0; }\n", encoding="utf-8")
    run_tool("gcc", "-o", str(program), str(source))
    with pytest.raises(FileFormatError, match=r"32-bit Arm.*found one of \d+ bits for EM_"):
        read_image(program)


def test_broken_firmware_is_refused_or_read_but_never_crashes(tmp_path: Path) -> None:
    whole = link(_ASSEMBLY, tmp_path).read_bytes()
    path = tmp_path / "broken.elf"
    source = random.Random(5)
    for round_ in range(300):
        data = bytearray(whole)
        if round_ % 3 == 0:
            del data[source.randrange(len(data)) :]
        for _ in range(source.randrange(1, 12)):
            if data:
                # Headers and tables rather than padding, every other time.
                limit = len(data) if round_ % 2 else min(len(data), 128)
                data[source.randrange(limit)] = source.randrange(256)
        path.write_bytes(bytes(data))
        with contextlib.suppress(FileFormatError):
            image = read_image(path)
            image.line_at(HERE)
            image.function_at(HERE)
            image.code(HERE, 4)
