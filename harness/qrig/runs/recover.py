"""Bringing back a board that was given up, and proving that it is well."""

from __future__ import annotations

from qrig.backends.probe.backend import ProbeBackend
from qrig.build.kernel_firmware import build_kernel_firmware
from qrig.build.kernels import OURS
from qrig.errors import UsageError
from qrig.runs.bring_up import bring_up
from qrig.runs.targets import find_target


def recover(text: str) -> str:
    """Flash, start and question the board behind the target `text`; return what was found.

    A board that answers with the right number and a right flash loses its mark, and only that one.
    Raises UsageError for a target without a board of its own, BoardWedgedError if nothing helps.
    """
    target = find_target(text)
    backend = target.backend
    if not isinstance(backend, ProbeBackend):
        raise UsageError(
            f"expected a board with a debug probe to recover, found {target.place}: what runs "
            "there begins anew each time; name one @probe"
        )
    target.check_available()
    backend.recovering = True
    booted = bring_up(target, build_kernel_firmware(target.board, OURS))
    try:
        booted.running.acquit()
        chip = booted.session.banner.unique_id
        took = ", ".join(f"{what} {count}" for what, count in booted.running.effort.counts.items())
    finally:
        booted.session.close()
        booted.running.stop()
    return f"{target.place}: chip {chip} answers and its flash is right ({took or 'at once'})"
