"""Targets that take profiles. Only what this machine lacks is a reason to skip."""

import pytest

from qrig.backends.qemu_plugin import plugin_api
from qrig.errors import TargetUnavailableError
from qrig.runs.targets import Target, find_target


def profiled_target(board: str) -> Target:
    """Return `board` on QEMU; skip without QEMU or with one that has no plugin interface we know.

    A plugin that cannot be built or loaded fails the test: that would be our mistake.
    """
    target = find_target(f"{board}@qemu")
    reason = target.backend.unavailable(target.board)
    if reason is None:
        try:
            plugin_api(target.backend.stamp()["qemu_version"])
        except TargetUnavailableError as error:
            reason = str(error)
    if reason is not None:
        pytest.skip(f"{target.name}: {reason}")
    assert target.backend.unprofiled() is None
    return target
