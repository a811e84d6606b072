"""A firmware that loads networks at run time: the resident of a board that gets files, not code."""

from __future__ import annotations

from qrig.boards.board import Board
from qrig.build.kernels import OURS, Kernels
from qrig.build.resident import Application, ResidentFirmware, build_resident
from qrig.codegen.deployment import generate_runtime_app
from qrig.errors import UsageError

STORE_NAME = "network_store.bin"
"""The stored network among the generated sources."""

_FOLDER = "runtime_app"
_PARTS = (_FOLDER, "runtime", "inference", "link", "port")


def build_runtime_firmware(
    board: Board, kernels: Kernels = OURS, store: bytes | None = None
) -> ResidentFirmware:
    """Build the firmware for `board` with `kernels`, or take it from the cache.

    `store` is a network file that it gets in flash. Raises UsageError for kernels that are not
    ours, BuildError and NetworkTooLargeError as `build_resident` does.
    """
    if kernels.cmsis_nn is not None:
        raise UsageError(
            f"expected our own kernels for networks that are loaded, found {kernels.cmsis_nn.name}:"
            " it refuses sizes that a file may have; leave out --cmsis-nn"
        )
    data = store or b""
    application = Application(
        _FOLDER,
        _PARTS,
        lambda build_id: generate_runtime_app(board, build_id, len(data)),
        {STORE_NAME: data},
    )
    return build_resident(application, board, kernels)
