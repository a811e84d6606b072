"""An original CMSIS-NN 5.x that the user has: found, named, and told from what it is not.

The tree is that of CMSIS 5: `NN/Include`, `NN/Source/<group>/*.c`, and beside NN the headers of
CMSIS-Core and CMSIS-DSP. Nothing of it comes with qrig.
"""

from __future__ import annotations

import hashlib
import re
import stat
from pathlib import Path

from attrs import field, frozen

from qrig.boards.board import Board
from qrig.build.cmake import digest_files
from qrig.errors import UsageError

NAME = "CMSIS-NN"
"""What such a library is called."""

_LIMIT_BYTES, _LIMIT_FILES = 1 << 26, 10_000
_UNUSABLE = re.compile(r"[;]")
_SHOWN_DIGITS = 12
_PLACES = (".", "NN", "CMSIS/NN")
_BESIDE = {
    "cmsis_gcc.h": ("../Core/Include", "../Include"),
    "arm_math.h": ("../DSP/Include", "../Include"),
}
_LEGACY = ("*q7*.c", "*q15*.c", "arm_nntables.c")
_FUNCTION = re.compile(r"^[ \t]*(?:arm_status|void)\s+(arm_\w+)\s*\(", re.MULTILINE)
_REVISION = re.compile(r"\$Revision:\s*(V\.?[\w.]+)")
_DATE = re.compile(r"\$Date:\s*([\w. ]+\w)")
_NEEDED = "arm_convolve_HWC_q7_basic"


@frozen
class CmsisNN:
    """An original: its folder NN, the sources of its legacy kernels and what they define.

    `sha256` is of all its sources and headers; `includes` are the folders of its headers.
    """

    folder: Path
    name: str
    sha256: str
    sources: tuple[Path, ...] = field(repr=False)
    includes: tuple[Path, ...] = field(repr=False)
    functions: frozenset[str] = field(repr=False)

    def definitions(self, board: Board) -> tuple[str, ...]:
        """Return what its headers want to be told of the board's core."""
        core = board.core.removeprefix("cortex-").upper()
        return (f"ARM_MATH_C{core}", f"__FPU_PRESENT={int(board.fpu is not None)}")


def find_cmsis_nn(folder: Path) -> CmsisNN:
    """Return the CMSIS-NN in `folder`: NN itself, CMSIS, or the root of CMSIS 5.

    Raises UsageError that says what was looked for.
    """
    home = next((folder / place for place in _PLACES if _is_home(folder / place)), None)
    if home is None:
        raise UsageError(
            f"{folder}: expected a CMSIS-NN 5.x (Include/arm_nnfunctions.h and Source/, in the "
            "folder itself, in NN/ or in CMSIS/NN/), found none; name its folder"
        )
    home = home.resolve()
    if found := _UNUSABLE.search(str(home)):
        raise UsageError(
            f"{home}: expected a path that CMake can take, found {found.group()!r} in it; rename "
            "or move the folder"
        )
    includes = (home / "Include", *(_headers(home, name) for name in _BESIDE))
    sha256 = _sha256(home, includes)
    sources = tuple(sorted({path for name in _LEGACY for path in home.glob(f"Source/*/{name}")}))
    functions = frozenset(
        name for path in sources for name in _FUNCTION.findall(path.read_text(errors="replace"))
    )
    if _NEEDED not in functions:
        raise UsageError(
            f"{home}: expected the legacy kernels ({_NEEDED} in Source/), as CMSIS 5.3 to 5.9 have "
            "them, found none; name an older CMSIS-NN"
        )
    return CmsisNN(home, _name(home, sha256), sha256, sources, includes, functions)


def _is_home(folder: Path) -> bool:
    try:
        return (folder / "Include" / "arm_nnfunctions.h").is_file() and (folder / "Source").is_dir()
    except (OSError, ValueError):  # a name that no folder can have
        return False


def _headers(home: Path, name: str) -> Path:
    """Return the folder beside NN that holds the header `name`; raises UsageError."""
    for place in _BESIDE[name]:
        folder = (home / place).resolve()
        if (folder / name).is_file():
            return folder
    raise UsageError(
        f"{home}: expected {name} beside it, in {' or '.join(_BESIDE[name])}, found none; name a "
        "CMSIS-NN inside a whole CMSIS 5 tree"
    )


def _name(home: Path, sha256: str) -> str:
    """Return the name with the revision its header states, and enough of the digest."""
    header = (home / "Include" / "arm_nnfunctions.h").read_text(errors="replace")
    revision, date = _REVISION.search(header), _DATE.search(header)
    parts = [NAME, *(found.group(1) for found in (revision, date) if found)]
    return f"{' '.join(parts)}, sha256 {sha256[:_SHOWN_DIGITS]}"


def _sha256(home: Path, includes: tuple[Path, ...]) -> str:
    """Return a digest of its sources and of every header it may include; raises UsageError."""
    folders = (home / "Source", *includes)
    parts = [digest_files(folder, _checked(folder)) for folder in folders]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def _checked(folder: Path) -> list[Path]:
    """Return the sources and headers in `folder`; raises UsageError before any is read."""
    found: list[Path] = []
    size_bytes = 0
    try:
        for path in folder.rglob("*"):
            if path.suffix not in (".c", ".h"):
                continue
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise UsageError(
                    f"{path}: expected a source file, found a folder, a device or a pipe; remove it"
                )
            found.append(path)
            size_bytes += status.st_size
            if size_bytes > _LIMIT_BYTES or len(found) > _LIMIT_FILES:
                raise UsageError(
                    f"{folder}: expected at most {_LIMIT_FILES:,} sources of {_LIMIT_BYTES:,} "
                    "bytes together, found more; name the folder of a CMSIS-NN"
                )
    except OSError as error:
        raise UsageError(
            f"{error.filename or folder}: expected sources that can be read, found that they "
            f"cannot ({error.strerror}); repair or remove it"
        ) from error
    return found
