"""Crashes and hangs of a board whose probe fails as well: what the line has told is not lost."""

from collections.abc import Callable
from pathlib import Path

import pytest

import broken_firmware
from broken_firmware import with_code
from qrig.backends import CoreState
from qrig.errors import FirmwareFaultError, LinkTimeoutError, ProbeError
from qrig.runs.deployed import LOGITS, Deployed
from qrig.runs.targets import find_target
from tiny_deployment import tiny_deployment, tiny_pixels

TARGET = "mps2-an386@qemu"


def _gone() -> CoreState | None:
    raise ProbeError("expected the probe to connect, found that the probe is gone; plug it in")


@pytest.fixture
def crash(tmp_path: Path) -> Callable[[bytes], None]:
    """Run a network that begins with some code, on a target whose probe is gone."""
    target = find_target(TARGET)
    if reason := target.backend.unavailable(target.board):
        pytest.skip(reason)

    def crashed(code: bytes) -> None:
        with Deployed(target, with_code(tiny_deployment(TARGET), code, tmp_path)) as deployed:
            deployed.running.halt = _gone  # type: ignore[method-assign]
            deployed.network.timeout_s = 1.0
            deployed.run(tiny_pixels(), LOGITS)

    return crashed


def test_a_fault_is_told_all_the_same(crash: Callable[[bytes], None]) -> None:
    with pytest.raises(FirmwareFaultError, match=r"PRECISERR.*(?s:.)*at network_run"):
        crash(broken_firmware.READS_NOWHERE)


def test_a_hang_is_told_with_why_it_cannot_be_looked_at(crash: Callable[[bytes], None]) -> None:
    with pytest.raises(LinkTimeoutError, match=r"within 1 s(?s:.)*nor can it be stopped: .*gone"):
        crash(broken_firmware.HANGS)
