"""Firmware for the STM32 boards: what is built lies where the chip, a probe and DMA expect it."""

import functools
import json
import shlex
import struct
import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from qrig.boards import Board, board_names, find_board
from qrig.boards.board import Memory
from qrig.boards.wiring import wiring_of
from qrig.build import Deployment, build_deployment
from qrig.build.cmake import COMPILE_COMMANDS
from qrig.build.flash_image import read_flash_image
from qrig.build.image import read_image
from qrig.build.kernel_firmware import build_kernel_firmware
from qrig.build.resident import ResidentFirmware
from qrig.build.runtime_firmware import build_runtime_firmware
from qrig.codegen.budget import DMA_BUFFER_BYTES, STACK_BYTES
from qrig.codegen.deployment import generate_kernel_app
from qrig.link.banner import Banner, Capability, parse_banner
from qrig.resources import firmware_root
from tiny_deployment import tiny_network

_BOARDS = [name for name in board_names() if find_board(name).device is not None]
_BUILDS = [
    *((name, "app") for name in _BOARDS),
    *(
        (name, app)
        for name in ("nucleo-f746", "nucleo-f429")
        for app in ("kernel_app", "runtime_app")
    ),
    *(
        pytest.param(name, app, marks=pytest.mark.full)
        for name in ("nucleo-f767", "nucleo-h743", "nucleo-l4r5", "stm32f4-discovery")
        for app in ("kernel_app", "runtime_app")
    ),
]
_VECTORS_BYTES, _ID_BYTES = 64, 16
_CACHE_LINE_BYTES = 32


@functools.cache
def _build(name: str, app: str) -> Deployment | ResidentFirmware:
    board = find_board(name)
    if app == "app":
        return build_deployment(tiny_network(), board)
    return build_kernel_firmware(board) if app == "kernel_app" else build_runtime_firmware(board)


def _symbol(firmware: Deployment | ResidentFirmware, name: str) -> int:
    found = read_image(firmware.elf).find_symbol(name)
    assert found is not None, name
    return found.address


def _memories(board: Board) -> tuple[Memory, Memory, Memory]:
    """Return where code, data and received bytes go."""
    assert board.memory is not None
    return board.memory.code, board.memory.data, board.memory.dma or board.memory.data


def _holds(memory: Memory, address: int, size_bytes: int) -> bool:
    return memory.origin <= address and address + size_bytes <= memory.origin + memory.size_bytes


@pytest.mark.parametrize(("name", "app"), _BUILDS)
def test_flash_begins_with_vectors_and_build_id(name: str, app: str) -> None:
    firmware = _build(name, app)
    code, data, _ = _memories(firmware.board)
    image = read_flash_image(firmware.elf)
    assert image.origin == code.origin
    assert image.build_id_address == code.origin + _VECTORS_BYTES
    assert image.build_id == firmware.build_id.encode()
    vectors = struct.unpack("<16I", image.data[:_VECTORS_BYTES])
    assert vectors[0] == data.origin + STACK_BYTES
    assert vectors[1] == _symbol(firmware, "startup_reset") | 1
    assert set(vectors[2:]) == {_symbol(firmware, "fault_entry") | 1}


@pytest.mark.parametrize(("name", "app"), _BUILDS)
def test_what_is_loaded_has_no_gaps(name: str, app: str) -> None:
    firmware = _build(name, app)
    image = read_flash_image(firmware.elf)
    end = image.origin
    for segment in image.segments:
        assert segment.address == end
        end = segment.end
    assert _symbol(firmware, "link_image_start") == image.origin
    assert _symbol(firmware, "link_image_end") == end
    assert firmware.footprint.flash_bytes <= image.size_bytes < firmware.footprint.flash_bytes + 256


@pytest.mark.parametrize(("name", "app"), _BUILDS)
def test_what_is_not_loaded_has_no_place_in_flash(name: str, app: str) -> None:
    with _build(name, app).elf.open("rb") as stream:
        unloaded = [
            (segment["p_paddr"], segment["p_vaddr"])
            for segment in ELFFile(stream).iter_segments()
            if segment["p_type"] == "PT_LOAD" and not segment["p_filesz"]
        ]
    assert len(unloaded) == 2  # variables that begin as zero, and what DMA receives
    assert all(place == address for place, address in unloaded)


@pytest.mark.parametrize(("name", "app"), _BUILDS)
def test_every_section_lies_in_its_memory(name: str, app: str) -> None:
    firmware = _build(name, app)
    code, data, dma = _memories(firmware.board)
    with firmware.elf.open("rb") as stream:
        sections = {
            section.name: (section["sh_addr"], section["sh_size"], section["sh_flags"] & 1)
            for section in ELFFile(stream).iter_sections()
            if section["sh_flags"] & 2 and section["sh_size"]
        }
    address, size, _ = sections.pop(".dma_buffer")
    assert size == DMA_BUFFER_BYTES
    assert address % _CACHE_LINE_BYTES == 0
    assert _holds(dma, address, size)
    assert address >= data.origin + data.coupled_bytes  # out of reach of DMA while the core sleeps
    above_stack = range(data.origin + STACK_BYTES, data.origin + data.size_bytes)
    for start, size, writable in sections.values():
        if writable:
            assert start in above_stack
            assert start + size <= (address if dma is data else above_stack.stop)
        else:
            assert _holds(code, start, size)


@pytest.mark.parametrize("name", ["nucleo-f746", "nucleo-f767"])
def test_buffers_of_a_network_are_tightly_coupled(name: str) -> None:
    firmware = _build(name, "app")
    _, data, _ = _memories(firmware.board)
    arena = read_image(firmware.elf).find_symbol("arena")
    assert arena is not None
    coupled = Memory(data.origin, data.coupled_bytes)
    assert _holds(coupled, arena.address, arena.size_bytes)
    assert arena.address < data.origin + STACK_BYTES + 1024


@pytest.mark.parametrize(("name", "app"), _BUILDS)
def test_sources_compile_without_warnings(name: str, app: str) -> None:
    commands = json.loads((_build(name, app).elf.parent / COMPILE_COMMANDS).read_text())
    ours = {firmware_root() / part for part in ("link", "inference", "port", app, "runtime")}
    checked = 0
    for command in commands:
        if Path(command["file"]).suffix == ".c" and ours & set(Path(command["file"]).parents):
            words = [*shlex.split(command["command"]), "-Werror", "-fsyntax-only"]
            result = subprocess.run(
                words, cwd=command["directory"], capture_output=True, text=True, check=False
            )
            assert result.returncode == 0, result.stderr
            checked += 1
    assert checked > 15


def test_only_the_files_of_a_family_are_compiled() -> None:
    folders = {}
    for name in _BOARDS:
        commands = json.loads((_build(name, "app").elf.parent / COMPILE_COMMANDS).read_text())
        parts = {Path(command["file"]).parent for command in commands}
        port = firmware_root() / "port" / "stm32"
        folders[name] = {path.name for path in parts if port in path.parents}
    assert folders["nucleo-f746"] == {"rcc_f4", "dma_streams", "cache_m7"}
    assert folders["nucleo-f429"] == {"rcc_f4", "dma_streams"}
    assert folders["nucleo-l4r5"] == {"l4", "dma_channels"}
    assert folders["nucleo-h743"] == {"h7", "dma_streams", "cache_m7"}


def _banner(name: str) -> Banner:
    text = generate_kernel_app(find_board(name), "0" * 16)["deployment.h"]
    lines = [line.split('"')[1] for line in text.splitlines() if line.count('"') == 2]
    return parse_banner("".join(lines).replace("\\n", "\n").encode())


@pytest.mark.parametrize("name", _BOARDS)
def test_the_banner_says_what_the_board_can_do(name: str) -> None:
    banner = _banner(name)
    assert banner.protocol == (1, 1)
    assert banner.counter == "cycles"
    wanted = Capability.BAUD | Capability.IMAGE | Capability.COUNTER | Capability.RESET
    assert banner.capabilities & wanted == wanted


def test_an_emulated_board_has_flash_but_one_speed() -> None:
    banner = _banner("mps2-an386")
    assert banner.counter == "ticks"
    assert Capability.IMAGE in banner.capabilities
    assert Capability.BAUD not in banner.capabilities
    assert Capability.IMAGE not in _banner("host").capabilities


@pytest.mark.parametrize("name", _BOARDS)
def test_generated_addresses_are_those_of_the_board(name: str) -> None:
    board = find_board(name)
    wiring = wiring_of(board)
    assert board.chip is not None
    text = generate_kernel_app(board, "0" * 16)["board.h"]
    assert f"#define BOARD_CLOCK_HZ {board.clock_hz}u" in text
    assert f"#define BOARD_UNIQUE_ID {board.chip.unique_id_address:#010x}u" in text
    assert f"#define BOARD_UART(what) {wiring.uart.upper()}_##what" in text
    assert f"#define BOARD_DMA_REQUEST {wiring.rx_dma.request}u" in text
    assert ("BOARD_DMA_MUX_CHANNEL" in text) == (wiring.rx_dma.mux_channel is not None)
    hse_hz = board.clock.hse_hz if board.clock else 0
    assert f"#define BOARD_HSE_HZ {hse_hz}u" in text
