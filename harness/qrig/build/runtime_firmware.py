"""A firmware that loads networks at run time: the resident of a board that gets files, not code."""

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
from qrig.codegen.deployment import generate_runtime_app
from qrig.errors import UsageError
from qrig.resources import cache_root, firmware_root

STORE_NAME = "network_store.bin"
"""The stored network among the generated sources."""

_ID_DIGITS = 16
_PARTS = ("runtime_app", "runtime", "inference", "link", "port")


@frozen(eq=False)
class RuntimeFirmware:
    """Kernels built for a board, with an application that loads networks and runs them."""

    board: Board = field(repr=False)
    kernels: Kernels
    build_id: str
    elf: Path
    footprint: Footprint = field(repr=False)
    toolchain: Toolchain = field(repr=False)
    library: KernelLibrary = field(repr=False)


def build_runtime_firmware(
    board: Board, kernels: Kernels = OURS, store: bytes | None = None
) -> RuntimeFirmware:
    """Build the firmware for `board` with `kernels`, or take it from the cache.

    `store` is a network file that it gets in flash. Raises UsageError for kernels that are not
    ours, BuildError (with the end of the compiler's output), NetworkTooLargeError (with the map)
    for a board without room for it.
    """
    if kernels.cmsis_nn is not None:
        raise UsageError(
            f"expected our own kernels for networks that are loaded, found {kernels.cmsis_nn.name}:"
            " it refuses sizes that a file may have; leave out --cmsis-nn"
        )
    toolchain = toolchain_for(board)
    library = kernel_library(kernels, board, toolchain)
    build_id = _build_id(board, toolchain, library, kernels, store or b"")
    folder = cache_root() / "builds" / build_id
    sources = generate_runtime_app(board, build_id, len(store or b""))
    variables = {
        "QRIG_APP": "runtime_app",
        "QRIG_GENERATED": folder / "generated",
        "QRIG_PORT": board.port,
        "QRIG_KERNEL_LIBRARY": library.archive,
        "QRIG_KERNEL_HEADERS": library.headers,
        "QRIG_KERNEL_OPTIONS": kernels.semantics.definitions,
    }
    build_once(
        folder,
        lambda: _build(folder, sources, store or b"", variables, toolchain),
        {"board": board.name, "compiler": toolchain.version, "kernels": library.name},
    )
    elf = folder / "firmware"
    footprint = read_footprint(elf, board)
    check_fit(footprint, board)
    return RuntimeFirmware(board, kernels, build_id, elf, footprint, toolchain, library)


def _build_id(
    board: Board, toolchain: Toolchain, library: KernelLibrary, kernels: Kernels, store: bytes
) -> str:
    root = firmware_root()
    paths = [path for part in _PARTS for path in (root / part).rglob("*")]
    identity = [
        *(__version__, toolchain.version, toolchain.flags, library.id, attrs.asdict(board)),
        *(kernels.semantics.definitions, hashlib.sha256(store).hexdigest()),
        generate_runtime_app(board, "", len(store)),
        digest_files(root, [*paths, *root.glob("*")]),
    ]
    text = json.dumps(identity, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_ID_DIGITS]


def _build(
    folder: Path,
    sources: dict[str, str],
    store: bytes,
    variables: dict[str, object],
    toolchain: Toolchain,
) -> None:
    generated = folder / "generated"
    generated.mkdir()
    for name, text in {"placement.ld": "link_text_shift = 0;\n", **sources}.items():
        (generated / name).write_text(text)
    (generated / STORE_NAME).write_bytes(store)
    run_cmake(firmware_root(), folder, toolchain, variables)
