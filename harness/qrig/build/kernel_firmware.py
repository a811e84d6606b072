"""A firmware that calls kernels: the resident of a board whose kernels are tested or measured."""

from __future__ import annotations

from functools import partial

from qrig.boards.board import Board
from qrig.build.kernels import OURS, Kernels
from qrig.build.resident import Application, ResidentFirmware, build_resident
from qrig.codegen.deployment import generate_kernel_app

_FOLDER = "kernel_app"
_PARTS = (_FOLDER, "link", "port")


def build_kernel_firmware(board: Board, kernels: Kernels = OURS) -> ResidentFirmware:
    """Build the firmware for `board` with `kernels`, or take it from the cache.

    Raises BuildError and NetworkTooLargeError as `build_resident` does.
    """
    application = Application(_FOLDER, _PARTS, partial(generate_kernel_app, board))
    return build_resident(application, board, kernels)
