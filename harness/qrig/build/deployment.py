"""A deployment: a quantised network built for a board, with the kernels it is linked with.

Builds are kept in the user's cache under their build id, a digest of everything that goes into
them, so that the same network on the same board is built once.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

import attrs
from attrs import field, frozen

from qrig import __version__
from qrig.boards.board import Board
from qrig.build.cmake import COMPILE_COMMANDS, build_once, digest_files, run_cmake
from qrig.build.cmsis_nn_limits import adapter_sources, check_original
from qrig.build.footprint import Footprint, check_fit, check_layout, read_footprint
from qrig.build.kernels import OURS, KernelLibrary, Kernels, kernel_library
from qrig.build.port import port_variables
from qrig.build.toolchain import Toolchain, toolchain_for
from qrig.codegen import Choices, Layout, generate_network, make_layout
from qrig.codegen.deployment import generate_deployment
from qrig.codegen.memory_plan import MemoryPlan
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.fixedpoint.semantics import Semantics, check_compiled
from qrig.resources import cache_root, checkout_root, firmware_root

_ID_DIGITS = 16


@frozen(eq=False)
class Deployment:
    """A network built for a board: the ELF file, its identity, kernels and footprint."""

    layout: Layout = field(repr=False)
    choices: Choices = field(repr=False)
    board: Board = field(repr=False)
    kernels: Kernels
    build_id: str
    elf: Path
    footprint: Footprint = field(repr=False)
    toolchain: Toolchain = field(repr=False)
    library: KernelLibrary = field(repr=False)

    @property
    def network(self) -> QuantizedNetwork:
        """The network that was built."""
        return self.layout.network

    @property
    def carriers(self) -> dict[int, int]:
        """For each stage that is computed with others, the stage whose row has their cost."""
        return self.layout.carriers

    @property
    def memory_plan(self) -> MemoryPlan:
        """Every buffer of the network, and when it is needed."""
        return self.layout.memory_plan

    @property
    def semantics(self) -> Semantics:
        """What the kernels compute."""
        return self.kernels.semantics


def build_deployment(
    network: QuantizedNetwork,
    board: Board,
    kernels: Kernels = OURS,
    *,
    choices: Choices | None = None,
    text_shift_bytes: int = 0,
) -> Deployment:
    """Build the firmware of `network` for `board` with `kernels`, or take it from the cache.

    `choices` names the kernel of each convolution instead of `kernels`. `text_shift_bytes` moves
    all code behind the vectors, to see what its placement costs. Raises UnsupportedNetworkError,
    NetworkTooLargeError (with the map), or BuildError (with the end of the compiler's output).
    """
    check_compiled(kernels.semantics)
    if choices is None:
        choices = kernels.choices_for(network, board)
    layout = make_layout(network, choices, truncate=kernels.semantics.truncate)
    check_layout(layout, board)
    sources = _sources(layout, board, kernels, choices)
    toolchain = toolchain_for(board)
    library = kernel_library(kernels, board, toolchain)
    sources["placement.ld"] = f"link_text_shift = {text_shift_bytes};\n"
    build_id = _build_id(sources, board, toolchain, library)
    sources |= generate_deployment(layout, board, build_id)
    folder = cache_root() / "builds" / build_id
    build_once(
        folder,
        lambda: _build(folder, sources, board, toolchain, library, kernels.semantics),
        {"board": board.name, "compiler": toolchain.version, "kernels": library.name},
    )
    _link_compile_commands(folder)
    elf = folder / "firmware"
    footprint = read_footprint(elf, board)
    check_fit(footprint, board)
    return Deployment(layout, choices, board, kernels, build_id, elf, footprint, toolchain, library)


def _sources(layout: Layout, board: Board, kernels: Kernels, choices: Choices) -> dict[str, str]:
    """Return the generated sources by file name, and what those kernels want beside them."""
    network = layout.network
    is_dsp = kernels.implementation_for(board) == "dsp"
    core = board.core if is_dsp and not board.is_native else "portable"
    sources = generate_network(network, kernels.semantics, choices=choices, core=core)
    if kernels.cmsis_nn is not None:
        check_original(kernels.cmsis_nn, network, sources)
        sources |= adapter_sources(network)
    return sources


def _build_id(
    sources: dict[str, str], board: Board, toolchain: Toolchain, library: KernelLibrary
) -> str:
    digest = hashlib.sha256()
    digest.update(json.dumps([__version__, toolchain.version, toolchain.flags]).encode())
    digest.update(json.dumps(attrs.asdict(board), sort_keys=True).encode())
    digest.update(json.dumps(library.id).encode())
    for name, text in sorted(sources.items()):
        digest.update(f"{name}\0{text}\0".encode())
    root = firmware_root()
    digest.update(digest_files(root, root.rglob("*")).encode())
    return digest.hexdigest()[:_ID_DIGITS]


def _build(
    folder: Path,
    sources: dict[str, str],
    board: Board,
    toolchain: Toolchain,
    library: KernelLibrary,
    semantics: Semantics,
) -> None:
    generated = folder / "generated"
    generated.mkdir()
    for name, text in sources.items():
        (generated / name).write_text(text)
    variables = {
        "QRIG_GENERATED": generated,
        **port_variables(board),
        "QRIG_KERNEL_LIBRARY": library.archive,
        "QRIG_KERNEL_HEADERS": library.headers,
        "QRIG_KERNEL_OPTIONS": semantics.definitions,
    }
    run_cmake(firmware_root(), folder, toolchain, variables)
    _join_compile_commands(folder, library)


def _join_compile_commands(folder: Path, library: KernelLibrary) -> None:
    """Add the commands of the kernels to those of the deployment, for clangd."""
    ours = folder / COMPILE_COMMANDS
    commands = [json.loads(path.read_text()) for path in (ours, library.compile_commands)]
    ours.write_text(json.dumps([entry for part in commands for entry in part], indent=1))


def _link_compile_commands(folder: Path) -> None:
    """Point the checkout's compile_commands.json at the latest build, for clangd."""
    root = checkout_root()
    if root is None or not os.access(root, os.W_OK):
        return
    with tempfile.TemporaryDirectory(dir=root, prefix=".compile_commands.") as scratch:
        link = Path(scratch) / "link"
        link.symlink_to(folder / COMPILE_COMMANDS)
        link.replace(root / COMPILE_COMMANDS)
