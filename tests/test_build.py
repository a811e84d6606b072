"""Building: sources without warnings, identities, footprints, the cache."""

import subprocess
from pathlib import Path

import pytest

from hand_made import changed, hand_made_network
from qrig.boards import find_board
from qrig.build import build_deployment
from qrig.codegen import generate_network, plan_memory
from qrig.codegen.deployment import generate_deployment
from qrig.codegen.names import identifiers
from qrig.errors import BuildError, UnsupportedNetworkError
from qrig.fixedpoint.semantics import Semantics
from qrig.resources import checkout_root, firmware_root
from random_networks import random_network

_BOARDS = ["mps2-an386", "mps2-an500"]


@pytest.mark.parametrize("board_name", [*_BOARDS, "host"])
def test_sources_compile_without_warnings(tmp_path: Path, board_name: str) -> None:
    board = find_board(board_name)
    for seed in (1, 2, 3):
        network = random_network(seed)
        files = generate_network(network) | generate_deployment(network, board, "0" * 16)
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        root = firmware_root()
        folders = ["kernels", "link", "app", "port", f"port/{board.port}"]
        compiler = ["gcc"]
        if not board.is_native:
            folders.append("port/cortex_m")
            compiler = ["arm-none-eabi-gcc", f"-mcpu={board.core}", "-mthumb"]
        sources = [path for folder in folders for path in (root / folder).glob("*.c")]
        includes = [f"-I{root / folder}" for folder in folders]
        flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsyntax-only"]
        command = [*compiler, *flags, "-DNETWORK_HOOK", f"-I{tmp_path}", *includes]
        command += [*map(str, sources), str(tmp_path / "network.c")]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("board_name", _BOARDS)
def test_footprint_holds_weights_and_buffers(board_name: str) -> None:
    network = hand_made_network()
    plan = plan_memory(network)
    footprint = build_deployment(network, find_board(board_name)).footprint
    assert plan.flash_bytes < footprint.flash_bytes < plan.flash_bytes + 16_384
    assert plan.ram_bytes <= footprint.ram_bytes < plan.ram_bytes + 4096
    assert {section.name for section in footprint.sections} >= {".text", ".rodata", ".bss"}
    assert f"{footprint.flash_bytes:,} bytes of 4,194,304" in footprint.map_text()


def test_buffers_follow_the_tensors_they_hold() -> None:
    network = hand_made_network()
    plan = plan_memory(network)
    assert plan.buffer_of_stage == (0, 1, 1, 0, 1)
    assert plan.buffer_bytes == (8 * 8 * 3, 8 * 8 * 6)
    assert plan.scratch_bytes == max(4 * 3 * 9, 2 * 96)


def test_a_build_id_names_everything_that_was_built() -> None:
    board = find_board("mps2-an386")
    network = hand_made_network()
    first = build_deployment(network, board)
    assert build_deployment(network, board).build_id == first.build_id
    other = changed(network, 0, output_shift=8)
    assert build_deployment(other, board).build_id != first.build_id
    assert build_deployment(network, find_board("mps2-an500")).build_id != first.build_id


def test_clangd_finds_the_latest_build() -> None:
    root = checkout_root()
    assert root is not None
    build_deployment(hand_made_network(), find_board("mps2-an386"))
    text = (root / "compile_commands.json").read_text()
    assert "arm_relu_q7.c" in text
    assert "-mcpu=cortex-m4" in text


def test_names_become_identifiers() -> None:
    names = ["conv1", "conv/1", "conv 1", "1x1", "*/ evil", "", "Ünïcode"]
    found = identifiers(names)
    assert found["conv1"] == "conv1"
    assert found["conv/1"] == "conv_1"
    assert found["conv 1"] == "conv_1_2"
    assert found["1x1"] == "layer_1x1"
    assert found["*/ evil"] == "evil"
    assert len(set(found.values())) == len(names)
    assert all(value.isidentifier() and value.isascii() for value in found.values())


def test_generated_sources_are_repeatable() -> None:
    assert generate_network(hand_made_network()) == generate_network(hand_made_network())


def test_semantics_the_kernels_lack_are_refused() -> None:
    with pytest.raises(UnsupportedNetworkError, match="only the reference"):
        generate_network(hand_made_network(), Semantics(pooling="c"))


def test_a_missing_compiler_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match="apt-get install gcc-arm-none-eabi"):
        build_deployment(hand_made_network(), find_board("mps2-an386"))


def test_a_cache_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("QRIG_CACHE", str(tmp_path / "file"))
    with pytest.raises(BuildError, match="QRIG_CACHE"):
        build_deployment(hand_made_network(), find_board("mps2-an386"))
