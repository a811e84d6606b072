"""The compilers and build tools, found and named."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path

from attrs import frozen

from qrig.boards.board import Board
from qrig.errors import BuildError
from qrig.resources import firmware_root

_VERSION_TIMEOUT_S = 10.0
_PACKAGES = {
    "arm-none-eabi-gcc": "apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "gcc": "apt-get install gcc libc6-dev",
    "cmake": "pip install cmake",
    "ninja": "pip install ninja",
}


@frozen
class Toolchain:
    """What builds firmware for a board: compiler, version line, flags, CMake's arguments."""

    compiler: str
    version: str
    flags: tuple[str, ...]
    cmake_arguments: tuple[str, ...]


def find_tool(name: str) -> str:
    """Return the path of a program, beside this Python or on PATH; raises BuildError."""
    beside = Path(sysconfig.get_path("scripts")) / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise BuildError(
            f"expected {name} to build firmware, found none on PATH; install it: "
            f"{_PACKAGES.get(name, name)}"
        )
    return found


def toolchain_for(board: Board) -> Toolchain:
    """Return what builds firmware for `board`; raises BuildError if the compiler is missing."""
    if board.is_native:
        compiler = find_tool("gcc")
        arguments: tuple[str, ...] = (f"-DCMAKE_C_COMPILER={compiler}", "-DQRIG_SANITIZE=ON")
        return Toolchain(compiler, program_version(compiler), ("-O2", "-fsanitize"), arguments)
    compiler = find_tool("arm-none-eabi-gcc")
    flags: tuple[str, ...] = (f"-mcpu={board.core}", "-mthumb")
    if board.fpu:
        flags += ("-mfloat-abi=hard", f"-mfpu={board.fpu}")
    return Toolchain(
        compiler,
        program_version(compiler),
        (*flags, "-O2"),
        (
            f"-DCMAKE_TOOLCHAIN_FILE={firmware_root() / 'cortex-m.cmake'}",
            f"-DQRIG_CPU_FLAGS={' '.join(flags)}",
        ),
    )


def program_version(program: str) -> str:
    """Return the first line `program --version` prints; raises BuildError."""
    try:
        output = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            timeout=_VERSION_TIMEOUT_S,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildError(f"{program}: expected its version, found {error}; reinstall it") from error
    return output.splitlines()[0].strip() if output else "unknown"
