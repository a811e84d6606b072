"""QEMU, the machines our boards are, and its profiling plugin."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

from qrig.backends.qemu import QemuBackend
from qrig.boards import board_names, find_board
from qrig.build.toolchain import program_version
from qrig.errors import BuildError, InputError
from qrig.runs.doctor_checks.finding import GOOD, MISSING, WARNING, Finding

_QEMU = "qemu-system-arm"
_INSTALL_QEMU = ("apt-get install qemu-system-arm",)
_TIMEOUT_S = 10.0


def check_qemu() -> Iterator[Finding]:
    """Yield what there is of QEMU, the machines our boards are, and its profiling plugin."""
    area, plugin = "Main job", "QEMU plugin"
    try:
        version = program_version(_QEMU)
    except BuildError as error:
        notes = (str(error),) if shutil.which(_QEMU) else ()
        yield Finding(
            area, _QEMU, MISSING, "none that runs", needed=True, notes=notes, fix=_INSTALL_QEMU
        )
        yield Finding(area, plugin, MISSING, "no QEMU to try it with", fix=_INSTALL_QEMU)
        return
    absent = sorted(_machines() - _known_machines())
    if absent:
        notes = (f"it does not emulate {', '.join(absent)}",)
        fix = ("install QEMU 7.2 or newer",)
        yield Finding(area, _QEMU, MISSING, version, needed=True, notes=notes, fix=fix)
    else:
        yield Finding(area, _QEMU, GOOD, version, needed=True)
    reason = QemuBackend().unprofiled()
    if reason is None:
        yield Finding(area, plugin, GOOD, "built and loaded")
    else:
        why = "without it there are no profiles and no estimates of cycles"
        yield Finding(area, plugin, WARNING, "cannot be used", notes=(why, reason))


def _machines() -> set[str]:
    """Return the machines of QEMU that our boards are."""
    found = set()
    for name in board_names():
        try:
            board = find_board(name)
        except (InputError, ImportError):  # `qrig targets` says what is wrong with it
            continue
        if board.qemu is not None:
            found.add(board.qemu.machine)
    return found


def _known_machines() -> set[str]:
    try:
        output = subprocess.run(
            [_QEMU, "-M", "help"], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return set()
    return {line.split()[0] for line in output.splitlines() if line.strip()}
