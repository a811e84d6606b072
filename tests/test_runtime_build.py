"""Building the firmware that loads networks: without warnings, one build for every choice."""

import subprocess
from pathlib import Path

import attrs
import pytest

from network_files import ChainMaker, random_chain
from qrig.boards import find_board
from qrig.build import find_cmsis_nn
from qrig.build.kernels import Kernels
from qrig.build.runtime_firmware import build_runtime_firmware
from qrig.codegen.deployment import STACK_AND_DATA_BYTES, generate_runtime_app
from qrig.errors import NetworkTooLargeError, UsageError
from qrig.fixedpoint.semantics import Semantics
from qrig.link.banner import parse_banner
from qrig.networks.graph import Shape
from qrig.resources import firmware_root
from runtime_checks import file_of, small_network


@pytest.mark.parametrize("board_name", ["mps2-an386", "mps2-an500", "host"])
def test_sources_compile_without_warnings(tmp_path: Path, board_name: str) -> None:
    chosen = find_board(board_name)
    for name, text in generate_runtime_app(chosen, "0" * 16, 0).items():
        (tmp_path / name).write_text(text)
    root = firmware_root()
    compiler = ["gcc"]
    if not chosen.is_native:
        compiler = ["arm-none-eabi-gcc", f"-mcpu={chosen.core}", "-mthumb"]
    folders = ["runtime_app", "runtime", "inference", "link"]
    sources = [path for folder in folders for path in (root / folder).glob("*.c")]
    includes = [f"-I{root / folder}" for folder in (*folders, "kernels", "port")]
    flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsyntax-only"]
    hook = ["-DNETWORK_HOOK", f"-I{tmp_path}"]
    command = [*compiler, *flags, *hook, *includes, *map(str, sources)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_runtime_is_a_part_by_itself(tmp_path: Path) -> None:
    """It needs nothing but the kernels' header, no hook, and is C++ for those who include it."""
    root = firmware_root()
    sources = [str(path) for path in (root / "runtime").glob("*.c")]
    flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsyntax-only"]
    includes = [f"-I{root / 'runtime'}", f"-I{root / 'kernels'}"]
    command = ["gcc", *flags, *includes, *sources]
    subprocess.run(command, check=True, timeout=120)
    user = tmp_path / "user.cpp"
    user.write_text('#include "qrig_network.h"\nqrig_network network;\n')
    command = ["arm-none-eabi-g++", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsyntax-only"]
    subprocess.run([*command, *includes, str(user)], check=True, timeout=120)


def test_every_store_and_every_choice_is_a_build_of_its_own() -> None:
    target = find_board("mps2-an386")
    first, second = file_of(small_network()), file_of(random_chain(1))
    ids = [build_runtime_firmware(target, store=store).build_id for store in (None, first, second)]
    ids += [
        build_runtime_firmware(target, Kernels(semantics)).build_id
        for semantics in (Semantics(pooling="c"), Semantics(truncate=True))
    ]
    assert len(set(ids)) == len(ids)
    assert build_runtime_firmware(target, store=first).build_id == ids[1]


def test_the_arena_fits_the_board_and_the_store_the_flash() -> None:
    found = find_board("mps2-an386")
    assert found.memory is not None
    for ram_bytes in (0x40_0000, 0x2_0000):
        data = attrs.evolve(found.memory.data, size_bytes=ram_bytes)
        smaller = attrs.evolve(found, memory=attrs.evolve(found.memory, data=data))
        text = generate_runtime_app(smaller, "0" * 16, 123)["deployment.h"]
        lines = [line.split('"')[1] for line in text.splitlines() if line.count('"') == 2]
        banner = parse_banner("".join(lines).replace("\\n", "\n").encode())
        assert 0 < banner.arena_bytes <= ram_bytes - STACK_AND_DATA_BYTES
        assert "store=123" in banner.text
    file = file_of(ChainMaker(Shape(32, 32, 3)).ip(40).made())
    code = attrs.evolve(found.memory.code, size_bytes=0x2_0000)
    small = attrs.evolve(found, memory=attrs.evolve(found.memory, code=code))
    stored = build_runtime_firmware(found, store=file).footprint
    assert {s.name: s.size_bytes for s in stored.sections}[".network_store"] == len(file) + 8
    with pytest.raises(NetworkTooLargeError, match="network_store"):
        build_runtime_firmware(small, store=file)


def test_an_original_cmsis_nn_is_refused() -> None:
    original = find_cmsis_nn(Path(__file__).parent / "c" / "cmsis_nn_stand_in")
    with pytest.raises(UsageError, match="leave out --cmsis-nn"):
        build_runtime_firmware(find_board("mps2-an386"), Kernels(cmsis_nn=original))
