"""A firmware that stays on a board: an application without generated layers, and kernels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
from attrs import field, frozen

from qrig import __version__
from qrig.boards.board import Board
from qrig.build.cmake import build_once, digest_files, run_cmake
from qrig.build.footprint import Footprint, check_fit, read_footprint
from qrig.build.kernels import KernelLibrary, Kernels, kernel_library
from qrig.build.port import port_variables
from qrig.build.toolchain import Toolchain, toolchain_for
from qrig.resources import cache_root, firmware_root

_ID_DIGITS = 16


@frozen(eq=False)
class ResidentFirmware:
    """An application and kernels, built for a board."""

    board: Board = field(repr=False)
    kernels: Kernels
    build_id: str
    elf: Path
    footprint: Footprint = field(repr=False)
    toolchain: Toolchain = field(repr=False)
    library: KernelLibrary = field(repr=False)


@frozen
class Application:
    """What is built: a folder of firmware/, the folders it takes part of, and what is generated.

    `generate` makes sources, by file name, for a build id; `data` are files beside them.
    """

    folder: str
    parts: tuple[str, ...]
    generate: Callable[[str], dict[str, str]]
    data: Mapping[str, bytes] = field(factory=dict, repr=False)


def build_resident(application: Application, board: Board, kernels: Kernels) -> ResidentFirmware:
    """Build an application for `board` with `kernels`, or take it from the cache.

    Raises BuildError (with the end of the compiler's output), and NetworkTooLargeError (with the
    map) for a board without room for it.
    """
    toolchain = toolchain_for(board)
    library = kernel_library(kernels, board, toolchain)
    build_id = _build_id(application, board, toolchain, library, kernels)
    folder = cache_root() / "builds" / build_id

    def build() -> None:
        generated = folder / "generated"
        _write(application, build_id, generated)
        variables = {
            "QRIG_APP": application.folder,
            "QRIG_GENERATED": generated,
            **port_variables(board),
            "QRIG_KERNEL_LIBRARY": library.archive,
            "QRIG_KERNEL_HEADERS": library.headers,
            "QRIG_KERNEL_OPTIONS": kernels.semantics.definitions,
        }
        run_cmake(firmware_root(), folder, toolchain, variables)

    about = {"board": board.name, "compiler": toolchain.version, "kernels": library.name}
    build_once(folder, build, about)
    elf = folder / "firmware"
    footprint = read_footprint(elf, board)
    check_fit(footprint, board)
    return ResidentFirmware(board, kernels, build_id, elf, footprint, toolchain, library)


def _write(application: Application, build_id: str, generated: Path) -> None:
    generated.mkdir()
    sources = {"placement.ld": "link_text_shift = 0;\n", **application.generate(build_id)}
    for name, text in sources.items():
        (generated / name).write_text(text)
    for name, data in application.data.items():
        (generated / name).write_bytes(data)


def _build_id(
    application: Application,
    board: Board,
    toolchain: Toolchain,
    library: KernelLibrary,
    kernels: Kernels,
) -> str:
    root = firmware_root()
    paths = [path for part in application.parts for path in (root / part).rglob("*")]
    data = {name: hashlib.sha256(found).hexdigest() for name, found in application.data.items()}
    identity = [
        *(__version__, toolchain.version, toolchain.flags, library.id, attrs.asdict(board)),
        *(application.folder, kernels.semantics.definitions, data, application.generate("")),
        digest_files(root, [*paths, *root.glob("*")]),
    ]
    text = json.dumps(identity, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_ID_DIGITS]
