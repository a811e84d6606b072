"""A deployment: a quantised network built for a board.

Builds are kept in the user's cache under their build id, a digest of everything that goes into
them, so that the same network on the same board is built once.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import attrs
from attrs import field, frozen
from filelock import FileLock, Timeout

from qrig import __version__
from qrig.boards.board import Board
from qrig.build.footprint import Footprint, check_fit, check_plan, read_footprint
from qrig.build.toolchain import Toolchain, find_tool, toolchain_for
from qrig.codegen import generate_network, plan_memory
from qrig.codegen.deployment import generate_deployment
from qrig.errors import BuildError
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.resources import cache_root, checkout_root, firmware_root

BUILD_TIMEOUT_S = 300.0
"""How long a build may take."""

_ID_DIGITS = 16
_LOG_LINES = 25
_DONE = "deployment.json"


@frozen(eq=False)
class Deployment:
    """A network built for a board: the ELF file, its identity and its footprint."""

    network: QuantizedNetwork = field(repr=False)
    board: Board = field(repr=False)
    semantics: Semantics
    build_id: str
    elf: Path
    footprint: Footprint = field(repr=False)
    toolchain: Toolchain = field(repr=False)


def build_deployment(
    network: QuantizedNetwork,
    board: Board,
    semantics: Semantics = DEFAULT,
    *,
    text_shift_bytes: int = 0,
) -> Deployment:
    """Build the firmware of `network` for `board`, or take it from the cache.

    `text_shift_bytes` moves all code behind the vectors, to see what its placement costs. Raises
    UnsupportedNetworkError, NetworkTooLargeError (with the map), or BuildError (with the end of the
    compiler's output).
    """
    check_plan(plan_memory(network), board)
    sources = generate_network(network, semantics)
    toolchain = toolchain_for(board)
    sources["placement.ld"] = f"link_text_shift = {text_shift_bytes};\n"
    build_id = _build_id(sources, board, toolchain)
    sources |= generate_deployment(network, board, build_id)
    folder = cache_root() / "builds" / build_id
    elf = folder / "firmware"
    if not (folder / _DONE).is_file():
        _build_locked(folder, sources, board, toolchain)
    _link_compile_commands(folder)
    footprint = read_footprint(elf, board)
    check_fit(footprint, board)
    return Deployment(network, board, semantics, build_id, elf, footprint, toolchain)


def _build_id(sources: dict[str, str], board: Board, toolchain: Toolchain) -> str:
    digest = hashlib.sha256()
    digest.update(json.dumps([__version__, toolchain.version, toolchain.flags]).encode())
    digest.update(json.dumps(attrs.asdict(board), sort_keys=True).encode())
    for name, text in sorted(sources.items()):
        digest.update(f"{name}\0{text}\0".encode())
    root = firmware_root()
    for path in sorted(root.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:_ID_DIGITS]


def _build_locked(
    folder: Path, sources: dict[str, str], board: Board, toolchain: Toolchain
) -> None:
    """Build into `folder`; another process that wants the same build waits for ours."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock", timeout=BUILD_TIMEOUT_S):
            if not (folder / _DONE).is_file():
                _build(folder, sources, board, toolchain)
    except Timeout as error:
        raise BuildError(
            f"{folder}: expected another process to finish this build within {BUILD_TIMEOUT_S:g} s,"
            " found it still at work; end it or remove the .lock file"
        ) from error
    except OSError as error:
        raise BuildError(
            f"{folder}: expected a cache folder to build in, found {error.strerror}; free some "
            "room or set QRIG_CACHE"
        ) from error


def _build(folder: Path, sources: dict[str, str], board: Board, toolchain: Toolchain) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    generated = folder / "generated"
    generated.mkdir()
    for name, text in sources.items():
        (generated / name).write_text(text)
    _run(
        folder,
        [
            find_tool("cmake"),
            "-S",
            str(firmware_root()),
            "-B",
            str(folder),
            "-G",
            "Ninja",
            f"-DCMAKE_MAKE_PROGRAM={find_tool('ninja')}",
            f"-DQRIG_GENERATED={generated}",
            f"-DQRIG_PORT={board.port}",
            *toolchain.cmake_arguments,
        ],
    )
    _run(folder, [find_tool("ninja"), "-C", str(folder)])
    (folder / _DONE).write_text(json.dumps({"board": board.name, "compiler": toolchain.version}))


def _run(folder: Path, command: list[str]) -> None:
    # A user's CFLAGS would change what is measured without changing the build id.
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("CFLAGS", "CPPFLAGS", "LDFLAGS", "CC")
    }
    try:
        result = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=BUILD_TIMEOUT_S,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BuildError(
            f"expected {Path(command[0]).name} to finish within {BUILD_TIMEOUT_S:g} s, found it "
            "still running; try again on an idle machine"
        ) from error
    if result.returncode != 0:
        tail = "\n".join(result.stdout.splitlines()[-_LOG_LINES:])
        raise BuildError(
            f"expected {Path(command[0]).name} to build the firmware in {folder}, found exit code "
            f"{result.returncode}; the end of its output:\n{tail}"
        )


def _link_compile_commands(folder: Path) -> None:
    """Point the checkout's compile_commands.json at the latest build, for clangd."""
    root = checkout_root()
    if root is None or not os.access(root, os.W_OK):
        return
    with tempfile.TemporaryDirectory(dir=root, prefix=".compile_commands.") as scratch:
        link = Path(scratch) / "link"
        link.symlink_to(folder / "compile_commands.json")
        link.replace(root / "compile_commands.json")
