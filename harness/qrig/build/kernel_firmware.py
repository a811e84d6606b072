"""A firmware that calls kernels: the resident of a board whose kernels are tested or measured."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import attrs
from attrs import field, frozen

from qrig import __version__
from qrig.boards.board import Board
from qrig.build.cmake import build_once, digest_files, run_cmake
from qrig.build.footprint import Footprint, check_fit, read_footprint
from qrig.build.kernels import OURS, KernelLibrary, Kernels, kernel_library
from qrig.build.toolchain import Toolchain, toolchain_for
from qrig.codegen.deployment import generate_kernel_app
from qrig.resources import cache_root, firmware_root

_ID_DIGITS = 16
_PARTS = ("kernel_app", "link", "port")


@frozen(eq=False)
class KernelFirmware:
    """Kernels built for a board, with an application that calls any of them."""

    board: Board = field(repr=False)
    kernels: Kernels
    build_id: str
    elf: Path
    footprint: Footprint = field(repr=False)
    toolchain: Toolchain = field(repr=False)
    library: KernelLibrary = field(repr=False)


def build_kernel_firmware(board: Board, kernels: Kernels = OURS) -> KernelFirmware:
    """Build the firmware for `board` with `kernels`, or take it from the cache.

    Raises BuildError (with the end of the compiler's output), NetworkTooLargeError for a board
    without room for it.
    """
    toolchain = toolchain_for(board)
    library = kernel_library(kernels, board, toolchain)
    build_id = _build_id(board, toolchain, library)
    folder = cache_root() / "builds" / build_id
    build_once(
        folder,
        lambda: _build(folder, board, toolchain, library, build_id),
        {"board": board.name, "compiler": toolchain.version, "kernels": library.name},
    )
    elf = folder / "firmware"
    footprint = read_footprint(elf, board)
    check_fit(footprint, board)
    return KernelFirmware(board, kernels, build_id, elf, footprint, toolchain, library)


def _build_id(board: Board, toolchain: Toolchain, library: KernelLibrary) -> str:
    root = firmware_root()
    paths = [path for part in _PARTS for path in (root / part).rglob("*")]
    identity = [
        *(__version__, toolchain.version, toolchain.flags, library.id, attrs.asdict(board)),
        generate_kernel_app(board, ""),
        digest_files(root, [*paths, *root.glob("*")]),
    ]
    text = json.dumps(identity, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_ID_DIGITS]


def _build(
    folder: Path, board: Board, toolchain: Toolchain, library: KernelLibrary, build_id: str
) -> None:
    generated = folder / "generated"
    generated.mkdir()
    sources = {"placement.ld": "link_text_shift = 0;\n", **generate_kernel_app(board, build_id)}
    for name, text in sources.items():
        (generated / name).write_text(text)
    variables = {
        "QRIG_APP": "kernel_app",
        "QRIG_GENERATED": generated,
        "QRIG_PORT": board.port,
        "QRIG_KERNEL_LIBRARY": library.archive,
        "QRIG_KERNEL_HEADERS": library.headers,
    }
    run_cmake(firmware_root(), folder, toolchain, variables)
