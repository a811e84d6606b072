"""Changing the line's speed, and the firmware's word for its flash."""

import struct
import zlib
from pathlib import Path

import pytest

from qrig.build.flash_image import FlashImage, FlashSegment
from qrig.deadline import Deadline
from qrig.errors import FlashError, LinkError
from qrig.link import Session, open_session
from qrig.link.flash_check import check_flash
from qrig.link.frames import Frame, Message
from qrig.link.speed import raise_speed
from scripted_transport import ScriptedTransport, banner, reply

SLOW, FAST = 115_200, 921_600
_BAUD, _IMAGE = f"{0x9F:08x}", f"{0x11F:08x}"


class Line(ScriptedTransport):
    """A firmware with a line: both ends have a speed, and hear nothing at different ones."""

    def __init__(self, *, is_able: bool = True, is_noisy: bool = False) -> None:
        super().__init__(self._answer)
        self.banner = banner(capabilities=_BAUD)
        self.ours = self.theirs = SLOW
        self.is_able, self.is_noisy = is_able, is_noisy

    def _answer(self, frame: Frame) -> list[Frame]:
        if frame.type != Message.BAUD:
            return [reply(frame)]
        if not self.is_able:
            return [reply(frame, b"\2")]
        (self.theirs,) = struct.unpack("<I", frame.payload)
        return [reply(frame)]

    def write(self, data: bytes, deadline: Deadline) -> None:
        if self.ours == self.theirs and not (self.is_noisy and self.ours == FAST):
            super().write(data, deadline)

    def set_baud(self, baud: int) -> None:
        """Change our end; theirs has given up by the time we come back."""
        self.ours = baud
        if baud == SLOW:
            self.theirs = SLOW


def opened(line: Line) -> Session:
    return open_session(line)


def test_both_ends_change() -> None:
    line = Line()
    session = opened(line)
    assert raise_speed(session, SLOW, FAST)
    assert (line.ours, line.theirs) == (FAST, FAST)
    session.request(Message.WRITE, b"data", Deadline.after(1.0))


def test_a_line_too_noisy_stays_slow() -> None:
    line = Line(is_noisy=True)
    session = opened(line)
    assert not raise_speed(session, SLOW, FAST)
    assert (line.ours, line.theirs) == (SLOW, SLOW)
    session.request(Message.WRITE, b"data", Deadline.after(1.0))


def test_a_firmware_that_cannot_is_left_alone() -> None:
    line = Line(is_able=False)
    assert not raise_speed(opened(line), SLOW, FAST)
    assert line.ours == SLOW
    line = Line()
    line.banner = banner()
    session = opened(line)
    assert not raise_speed(session, SLOW, FAST)
    assert all(request.type == Message.HELLO for request in line.requests)
    assert not raise_speed(session, SLOW, SLOW)


IMAGE = FlashImage(
    Path("firmware"),
    (FlashSegment(0x0800_0000, b"vectors!"), FlashSegment(0x0800_000C, b"code")),
    None,
)


def _with_image(size_bytes: int, crc32: int) -> Session:
    answer = b"\0" + struct.pack("<II", size_bytes, crc32)
    transport = ScriptedTransport(lambda request: [reply(request, answer)])
    transport.banner = banner(capabilities=_IMAGE)
    return open_session(transport)


def test_gaps_of_an_image_are_erased_flash() -> None:
    assert IMAGE.data == b"vectors!\xff\xff\xff\xffcode"
    assert (IMAGE.origin, IMAGE.size_bytes) == (0x0800_0000, 16)
    assert IMAGE.build_id is None


def test_flash_as_it_was_built() -> None:
    check_flash(_with_image(16, zlib.crc32(IMAGE.data)), IMAGE)


@pytest.mark.parametrize(("size", "crc"), [(16, 1), (15, zlib.crc32(IMAGE.data)), (0, 0)])
def test_any_other_flash_is_an_error(size: int, crc: int) -> None:
    with pytest.raises(FlashError, match=r"expected 16 bytes of flash .* flash it again"):
        check_flash(_with_image(size, crc), IMAGE)


def test_a_short_answer_is_an_error() -> None:
    transport = ScriptedTransport(lambda request: [reply(request)])
    transport.banner = banner(capabilities=_IMAGE)
    with pytest.raises(LinkError, match="an answer of 8 bytes"):
        check_flash(open_session(transport), IMAGE)


def test_a_firmware_that_cannot_tell_is_believed() -> None:
    transport = ScriptedTransport()
    check_flash(open_session(transport), IMAGE)
    assert [request.type for request in transport.requests] == [Message.HELLO]
