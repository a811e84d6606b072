"""Building: sources without warnings, identities, footprints, the cache."""

import itertools
import json
import subprocess
from pathlib import Path

import pytest

from hand_made import changed, hand_made_network, separable_network
from qrig.boards import Board, find_board
from qrig.build import IMPLEMENTATIONS, OURS, Kernels, build_deployment
from qrig.codegen import generate_network, make_layout
from qrig.codegen.choose import PLANS
from qrig.codegen.deployment import generate_deployment
from qrig.codegen.names import identifiers
from qrig.errors import BuildError
from qrig.fixedpoint.semantics import Semantics
from qrig.resources import checkout_root, firmware_root
from random_networks import random_network

_BOARDS = ["mps2-an386", "mps2-an500"]
_FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsyntax-only")


def _check_sources(board: Board, folders: list[str], *others: str) -> None:
    """Compile all C files of folders of firmware/, and `others`, and take no warning."""
    root = firmware_root()
    compiler = ["arm-none-eabi-gcc", f"-mcpu={board.core}", "-mthumb"]
    sources = [str(path) for folder in folders for path in (root / folder).glob("*.c")]
    includes = [f"-I{root / folder}" for folder in ("kernels", "port", *folders)]
    command = [*(["gcc"] if board.is_native else compiler), *_FLAGS, *includes, *others, *sources]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("board_name", [*_BOARDS, "host"])
def test_sources_compile_without_warnings(tmp_path: Path, board_name: str, plan: str) -> None:
    board = find_board(board_name)
    folders = ["link", "inference", "app", f"port/{board.port}"]
    folders += [] if board.is_native else ["port/cortex_m"]
    for network in (separable_network(), *map(random_network, (1, 2, 3))):
        choices = Kernels(plan=plan).choices_for(network, board)
        files = generate_network(network, choices=choices)
        files |= generate_deployment(make_layout(network, choices), board, "0" * 16)
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        generated = [str(tmp_path / name) for name in files if name.endswith(".c")]
        _check_sources(board, folders, "-DNETWORK_HOOK", f"-I{tmp_path}", *generated)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("board_name", [*_BOARDS, "host"])
def test_kernels_compile_without_warnings(board_name: str, implementation: str) -> None:
    options = [f"-D{name}" for name in Semantics("c", "5.4", truncate=True).definitions]
    for definitions in ([], options):
        folders = ["kernels", f"kernels/{implementation}"]
        _check_sources(find_board(board_name), folders, *definitions)


@pytest.mark.parametrize("board_name", _BOARDS)
def test_footprint_holds_weights_and_buffers(board_name: str) -> None:
    deployment = build_deployment(hand_made_network(), find_board(board_name))
    layout, footprint = deployment.layout, deployment.footprint
    assert layout.flash_bytes < footprint.flash_bytes < layout.flash_bytes + 32_768
    assert layout.ram_bytes <= footprint.ram_bytes < layout.ram_bytes + 4096
    assert {section.name for section in footprint.sections} >= {".text", ".rodata", ".bss"}
    assert f"{footprint.flash_bytes:,} bytes of 4,194,304" in footprint.map_text()


def test_buffers_that_are_needed_at_one_time_do_not_overlap() -> None:
    for network in (hand_made_network(), *map(random_network, range(20))):
        for choices in ({}, OURS.choices_for(network, find_board("mps2-an386"))):
            offsets = make_layout(network, choices).arena.offsets
            for (one, at), (other, place) in itertools.combinations(offsets.items(), 2):
                apart = at + one.size_bytes <= place or place + other.size_bytes <= at
                assert apart or not one.meets(other), (network.name, one, other)


def test_a_build_id_names_everything_that_was_built() -> None:
    board = find_board("mps2-an386")
    network = hand_made_network()
    first = build_deployment(network, board)
    assert build_deployment(network, board).build_id == first.build_id
    other = changed(network, 0, output_shift=8)
    assert build_deployment(other, board).build_id != first.build_id
    assert build_deployment(network, find_board("mps2-an500")).build_id != first.build_id


def test_kernels_are_built_once_for_all_networks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QRIG_CACHE", str(tmp_path))
    board, network = find_board("mps2-an386"), hand_made_network()
    deployments = [
        build_deployment(network, board),
        build_deployment(changed(network, 0, output_shift=8), board),
    ]
    (library,) = (tmp_path / "kernels").glob("*/libkernels.a")
    assert {deployment.library.archive for deployment in deployments} == {library}
    commands = json.loads((deployments[0].elf.parent / "compile_commands.json").read_text())
    compiled = [Path(entry["file"]).name for entry in commands]
    assert len(compiled) == len(set(compiled))
    assert {"arm_relu_q7.c", "network.c", "frame_send.c", "startup.c"} <= set(compiled)
    objects = {path.name for path in deployments[0].elf.parent.rglob("*.obj")}
    assert "network.c.obj" in objects
    assert "arm_relu_q7.c.obj" not in objects


def test_a_build_id_names_the_kernels() -> None:
    board, network = find_board("mps2-an386"), hand_made_network()
    choices = (
        Kernels(),
        Kernels(implementation="portable"),
        *(Kernels(Semantics(pooling="c")), Kernels(Semantics(softmax="5.4"))),
        Kernels(Semantics(truncate=True)),
    )
    built = [build_deployment(network, board, kernels) for kernels in choices]
    assert len({deployment.build_id for deployment in built}) == len(choices)
    assert len({deployment.library.id for deployment in built}) == len(choices)
    explicit = build_deployment(network, board, Kernels(implementation="dsp"))
    assert explicit.build_id == built[0].build_id


def test_a_build_that_was_cut_short_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QRIG_CACHE", str(tmp_path))
    board, network = find_board("mps2-an386"), hand_made_network()
    first = build_deployment(network, board)
    for path in (first.elf, first.library.archive):
        path.write_bytes(b"half")
        (path.parent / "built.json").unlink()
    again = build_deployment(network, board)
    assert again.build_id == first.build_id
    assert again.footprint == first.footprint


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


def test_a_missing_compiler_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match="apt-get install gcc-arm-none-eabi"):
        build_deployment(hand_made_network(), find_board("mps2-an386"))


def test_a_cache_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("QRIG_CACHE", str(tmp_path / "file"))
    with pytest.raises(BuildError, match="QRIG_CACHE"):
        build_deployment(hand_made_network(), find_board("mps2-an386"))
