"""What a firmware says of its own flash and its line's speed, on a host and on emulated cores."""

import struct

import pytest

from qrig.build.flash_image import read_flash_image
from qrig.deadline import Deadline
from qrig.link.banner import Capability
from qrig.link.flash_check import check_flash
from qrig.link.frames import Message
from qrig.runs.targets import find_target
from tiny_deployment import NATIVE, board, tiny_deployment

_QEMU = ["mps2-an386@qemu", "mps2-an500@qemu"]
_BAD_REQUEST, _BAD_STATE = b"\1", b"\2"


@pytest.mark.parametrize("target", _QEMU)
def test_the_firmware_reads_the_flash_that_was_built(target: str) -> None:
    found = find_target(target)
    if reason := found.backend.unavailable(found.board):
        pytest.skip(reason)
    image = read_flash_image(tiny_deployment(target).elf)
    assert image.build_id == tiny_deployment(target).build_id.encode()
    with board(target) as running:
        assert Capability.IMAGE in running.session.banner.capabilities
        answer = running.session.request(Message.IMAGE, b"", Deadline.after(5.0))
        assert answer == struct.pack("<II", image.size_bytes, image.crc32)
        check_flash(running.session, image)


def test_a_process_has_no_flash_and_no_speeds() -> None:
    with board(NATIVE) as running:
        assert not running.session.banner.capabilities & (Capability.IMAGE | Capability.BAUD)
        assert running.ask(Message.IMAGE).payload == bytes(9)
        assert running.ask(Message.BAUD, struct.pack("<I", 921_600)).payload == _BAD_STATE
        assert not running.network.has_debugger()


@pytest.mark.parametrize("length", [0, 1, 3, 5, 520])
def test_a_malformed_speed_is_refused(length: int) -> None:
    with board(NATIVE) as running:
        assert running.ask(Message.BAUD, bytes(length)).payload == _BAD_REQUEST
