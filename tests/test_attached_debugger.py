"""Boards whose debugger stays (lab.toml, attached): what is told of them, and of their faults."""

from pathlib import Path

import pytest
from attrs import evolve

import broken_firmware
from broken_firmware import with_code
from qrig.backends.probe.instance import Instance
from qrig.backends.virtual_backend import VirtualBackend, VirtualSource
from qrig.boards import Board
from qrig.deadline import Deadline
from qrig.errors import FirmwareFaultError
from qrig.runs.deployed import Deployed
from qrig.runs.stamp import board_stamp
from qrig.runs.targets import Target
from tiny_deployment import is_right, tiny_deployment, tiny_pixels
from virtual_boards import use_state, virtual_target

BOARD = "nucleo-f746"
PLACE = f"{BOARD}@virtual"
_REPORT_S, _BUSY = 2.0, 5
"""When a crash has to be told, and how much longer that may take on a machine with other work."""


class _Attached(VirtualSource):
    def candidates(self, board: Board, instance: str | None) -> tuple[Instance, ...]:
        return tuple(evolve(each, attached=True) for each in super().candidates(board, instance))


@pytest.fixture
def attached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A board whose debugger stays."""
    use_state(tmp_path / "state", monkeypatch)
    found = virtual_target(BOARD)
    assert isinstance(found.backend, VirtualBackend)
    assert isinstance(found.backend.source, VirtualSource)
    found.backend.source = _Attached(None, found.backend.source._limits)
    return found


def test_the_stamp_says_that_a_debugger_was_attached(attached: Target) -> None:
    with Deployed(attached, tiny_deployment(PLACE)) as deployed:
        assert is_right(deployed.run(tiny_pixels()), tiny_pixels())
        assert board_stamp(deployed.session.banner)["debugger_attached"] is True
        assert deployed.network.has_debugger()


def test_a_fault_that_the_debugger_catches_is_told_like_any_other(
    attached: Target, tmp_path: Path
) -> None:
    broken = with_code(tiny_deployment(PLACE), broken_firmware.IS_UNDEFINED, tmp_path)
    with Deployed(attached, broken) as deployed:
        deadline = Deadline.after(_REPORT_S * _BUSY)
        with pytest.raises(FirmwareFaultError) as caught:
            deployed.run(tiny_pixels())
        assert not deadline.expired
        assert not deployed.hangs
    for words in ("UNDEFINSTR", "in layer 'data'", "at network_run", "called from inference_run"):
        assert words in str(caught.value)
