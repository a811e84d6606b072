"""Building with CMake and Ninja in the user's cache: each folder once, whoever wants it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from qrig.build.toolchain import Toolchain, find_tool
from qrig.errors import BuildError

BUILD_TIMEOUT_S = 300.0
"""How long a build may take."""

COMPILE_COMMANDS = "compile_commands.json"
"""What CMake writes for clangd."""

_DONE = "built.json"
_LOG_LINES = 25
_FLAG_VARIABLES = ("CFLAGS", "CPPFLAGS", "LDFLAGS", "ASMFLAGS", "CC", "ASM")


def digest_files(root: Path, paths: Iterable[Path]) -> str:
    """Return the SHA-256 of the files among `paths`: names relative to `root`, and contents."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        if path.is_file():
            digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def build_once(folder: Path, build: Callable[[], None], about: Mapping[str, str]) -> None:
    """Let `build` fill the empty `folder` unless that was done before; note `about` it.

    Another process that wants the same folder waits for ours. A build that fails or is killed
    leaves a folder that the next one empties. Raises BuildError.
    """
    if (folder / _DONE).is_file():
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock", timeout=BUILD_TIMEOUT_S):
            if not (folder / _DONE).is_file():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                build()
                (folder / _DONE).write_text(json.dumps(dict(about)))
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


def run_cmake(
    source: Path, folder: Path, toolchain: Toolchain, variables: Mapping[str, object]
) -> None:
    """Configure the project `source` in `folder` and build all of it.

    A variable that is a tuple becomes a list. Raises BuildError with the end of the output.
    """
    defined = [f"-D{name}={_value(value)}" for name, value in variables.items()]
    _run(
        folder,
        [
            find_tool("cmake"),
            *("-S", str(source), "-B", str(folder), "-G", "Ninja"),
            f"-DCMAKE_MAKE_PROGRAM={find_tool('ninja')}",
            *defined,
            *toolchain.cmake_arguments,
        ],
    )
    _run(folder, [find_tool("ninja"), "-C", str(folder)])


def _value(value: object) -> str:
    return ";".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _run(folder: Path, command: list[str]) -> None:
    # A user's CFLAGS would change what is measured without changing the build id.
    environment = {key: value for key, value in os.environ.items() if key not in _FLAG_VARIABLES}
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
