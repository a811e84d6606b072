"""The runtime on this machine: tests/c/network_driver.c, built with it under sanitizers."""

import functools
import struct
import subprocess
import tempfile
from enum import IntEnum
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
from attrs import frozen

from qrig.resources import firmware_root

_SOURCES = Path(__file__).parent / "c"
_FLAGS = ("-std=c11", "-g", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror")
_SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
_REQUEST = struct.Struct("<11I")
_ANSWER = struct.Struct("<11I")
_WORD = struct.Struct("<I")
_OWN_SHAPE, _NOTHING = 3, 0xFFFF_FFFF


class Status(IntEnum):
    """The statuses of firmware/runtime/qrig_network.h."""

    OK = 0
    TRUNCATED = 1
    MAGIC = 2
    LAYERS = 3
    TYPE = 4
    SHAPE = 5
    SIZE = 6
    SHIFT = 7
    WINDOW = 8
    SCALE = 9
    TRAILING = 10
    ARENA = 11
    DIALECT = 12
    IMAGE = 13
    KERNEL = 14


CORRECT, OPENMV = 0, 1
MISPLACED = 0x8000_0000
"""Added to the size of an arena: it begins at an odd address."""

GRAY, RGB565, RGB888 = 0, 1, 2


def build_with_runtime(
    names: tuple[str, ...],
    program: Path,
    *,
    implementation: str = "portable",
    definitions: tuple[str, ...] = (),
    compiler: tuple[str, ...] = ("gcc", *_FLAGS, *_SANITIZE),
) -> Path:
    """Compile tests/c/NAME.c of each name with the runtime and the kernels; return the program."""
    root = firmware_root()
    parts = ("runtime", "kernels", f"kernels/{implementation}")
    sources = [str(path) for part in parts for path in sorted((root / part).glob("*.c"))]
    chosen = ["-DQRIG_PORTABLE"] if implementation == "portable" else []
    command = [
        *(*compiler, "-DNETWORK_HOOK", *chosen),
        *(f"-D{definition}" for definition in definitions),
        *(f"-I{root / part}" for part in parts),
        *(*(str(_SOURCES / f"{name}.c") for name in names), *sources, "-o", str(program)),
    ]
    subprocess.run(command, check=True, timeout=300, cwd=program.parent)
    return program


@functools.cache
def driver_program(implementation: str = "portable", definitions: tuple[str, ...] = ()) -> Path:
    """Return the driver, built once a session."""
    folder = Path(tempfile.mkdtemp(prefix="qrig-runtime-"))
    return build_with_runtime(
        ("network_driver",),
        folder / "driver",
        implementation=implementation,
        definitions=definitions,
    )


@frozen
class Picture:
    """An image in memory and the region (x, y, width, height) that is taken of it."""

    data: bytes
    format: int
    width: int
    height: int
    roi: tuple[int, int, int, int]


def _own(pixels: npt.NDArray[np.uint8] | None) -> Picture:
    """Return pixels of the network's own shape, or what says that it is not to run."""
    if pixels is None:
        return Picture(b"", _NOTHING, 0, 0, (0, 0, 0, 0))
    return Picture(pixels.tobytes(), _OWN_SHAPE, pixels.size, 1, (0, 0, 0, 0))


@frozen
class Answer:
    """What became of a file: shapes are (height, width, channels).

    `run_status` and `stages` are there if it was loaded; the last of `tensors` is the output.
    """

    status: Status
    layer: int
    offset: int
    arena_bytes: int
    stages: int
    input_shape: tuple[int, int, int]
    output_shape: tuple[int, int, int]
    run_status: Status | None = None
    tensors: tuple[bytes, ...] = ()


class Driver:
    """The driver as a process that answers request after request; use it in a `with`."""

    def __init__(self, program: Path | None = None) -> None:
        self._process = subprocess.Popen(
            [str(program or driver_program())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> "Driver":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _, words = self._process.communicate(timeout=60)
        assert self._process.returncode == 0, words.decode("utf-8", "replace")
        assert words == b""

    def ask(
        self,
        file: bytes,
        pixels: npt.NDArray[np.uint8] | None = None,
        *,
        picture: Picture | None = None,
        dialect: int = CORRECT,
        softmax: bool = False,
        arena_bytes: int = 0,
    ) -> Answer:
        """Load a file and, if that is possible, run it on pixels of its shape or on a picture."""
        shown = picture or _own(pixels)
        head = (dialect, int(softmax), arena_bytes, len(file))
        image = (shown.format, shown.width, shown.height, *shown.roi)
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(_REQUEST.pack(*head, *image) + file + shown.data)
            self._process.stdin.flush()
        except BrokenPipeError:
            self._died()
        status, layer, offset, needed, stages, *shapes = self._unpack(_ANSWER)
        answer = Answer(
            Status(status),
            *(layer, offset, needed, stages),
            (shapes[0], shapes[1], shapes[2]),
            (shapes[3], shapes[4], shapes[5]),
        )
        if answer.status != Status.OK or (pixels is None and picture is None):
            return answer
        return self._run(answer, stages + softmax + 1)

    def _run(self, answer: Answer, tensors: int) -> Answer:
        (status,) = self._unpack(_WORD)
        found = []
        if status == Status.OK:
            for _ in range(tensors):
                (size,) = self._unpack(_WORD)
                found.append(self._read(size))
        return Answer(
            *(answer.status, answer.layer, answer.offset, answer.arena_bytes, answer.stages),
            *(answer.input_shape, answer.output_shape, Status(status), tuple(found)),
        )

    def _unpack(self, layout: struct.Struct) -> tuple[int, ...]:
        return layout.unpack(self._read(layout.size))

    def _read(self, size_bytes: int) -> bytes:
        assert self._process.stdout is not None
        data = self._process.stdout.read(size_bytes)
        if len(data) != size_bytes:
            self._died()
        return data

    def _died(self) -> None:
        _, words = self._process.communicate(timeout=60)
        raise AssertionError(words.decode("utf-8", "replace"))
