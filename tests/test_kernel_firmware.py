"""Building the firmware that calls kernels: without warnings, one build for every choice."""

import subprocess
from pathlib import Path

import attrs
import pytest

from qrig.boards import find_board
from qrig.build.kernel_firmware import build_kernel_firmware
from qrig.build.kernels import IMPLEMENTATIONS, Kernels
from qrig.codegen.deployment import STACK_AND_DATA_BYTES, generate_kernel_app
from qrig.fixedpoint.semantics import Semantics
from qrig.link.banner import parse_banner
from qrig.resources import firmware_root


@pytest.mark.parametrize("board_name", ["mps2-an386", "mps2-an500", "host"])
def test_sources_compile_without_warnings(tmp_path: Path, board_name: str) -> None:
    board = find_board(board_name)
    for name, text in generate_kernel_app(board, "0" * 16).items():
        (tmp_path / name).write_text(text)
    root = firmware_root()
    compiler = ["gcc"]
    if not board.is_native:
        compiler = ["arm-none-eabi-gcc", f"-mcpu={board.core}", "-mthumb"]
    folders = ["kernel_app", "link", "kernels"]
    sources = [path for folder in folders[:2] for path in (root / folder).glob("*.c")]
    includes = [f"-I{root / folder}" for folder in (*folders, "port")]
    flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsyntax-only"]
    command = [*compiler, *flags, f"-I{tmp_path}", *includes, *map(str, sources)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_every_choice_is_a_build_of_its_own() -> None:
    semantics = (Semantics(), Semantics(pooling="c"), Semantics(softmax="5.4"))
    board = find_board("mps2-an386")
    choices = [Kernels(chosen, name) for chosen in semantics for name in IMPLEMENTATIONS]
    ids = [build_kernel_firmware(board, choice).build_id for choice in choices]
    assert len(set(ids)) == len(choices)
    assert build_kernel_firmware(board, choices[0]).build_id == ids[0]
    assert build_kernel_firmware(find_board("mps2-an500"), choices[0]).build_id not in ids


def test_the_banner_names_the_arena_and_the_arena_fits_the_board() -> None:
    board = find_board("mps2-an386")
    assert board.memory is not None
    for ram_bytes in (0x40_0000, 0x5_0000, 0x2_0000):
        data = attrs.evolve(board.memory.data, size_bytes=ram_bytes)
        smaller = attrs.evolve(board, memory=attrs.evolve(board.memory, data=data))
        text = generate_kernel_app(smaller, "0" * 16)["deployment.h"]
        lines = [line.split('"')[1] for line in text.splitlines() if line.count('"') == 2]
        banner = parse_banner("".join(lines).replace("\\n", "\n").encode())
        assert 0 < banner.arena_bytes <= ram_bytes - STACK_AND_DATA_BYTES
        assert f"#define DEPLOYMENT_ARENA_BYTES {banner.arena_bytes}\n" in text
        footprint = build_kernel_firmware(smaller).footprint
        assert footprint.ram_bytes < ram_bytes
