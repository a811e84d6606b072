"""Requests no host of ours sends: answered with a status or not at all, and the firmware lives."""

import struct
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from full_runs import FULL
from qrig.deadline import Deadline
from qrig.link import open_session
from qrig.link.frames import REPLY, Frame, Message, Receiver, encode
from tiny_deployment import Board, board, is_right, tiny_pixels

_OK, _BAD_REQUEST, _BAD_STATE, _BAD_INPUT = b"\0", b"\1", b"\2", b"\3"
_INPUT_BYTES = 36
_NEAR_END = (0xFFFF_FFFF, 0xFFFF_FFFC, 0x8000_0000, 0x7FFF_FFFF)


def _write(offset: int, length: int) -> tuple[int, bytes]:
    return Message.WRITE, struct.pack("<I", offset) + bytes(length)


def _read(region: int, offset: int, length: int) -> tuple[int, bytes]:
    return Message.READ, struct.pack("<BIH", region, offset, length)


_MALFORMED = [
    *((Message.WRITE, bytes(length)) for length in range(4)),
    _write(0, _INPUT_BYTES + 1),
    _write(1, _INPUT_BYTES),
    _write(_INPUT_BYTES, 1),
    _write(_INPUT_BYTES + 1, 0),
    _write(0, 516),
    *(_write(offset, length) for offset in _NEAR_END for length in (0, 1, 5, 516)),
    *((Message.INFER, bytes(length)) for length in (0, 1, 4, 6, 520)),
    *((Message.READ, bytes(length)) for length in (0, 1, 6, 8, 520)),
    *(_read(region, 0, 1) for region in (0, 3, 4, 127, 255)),
    _read(1, 0, 6),
    _read(1, 5, 1),
    _read(1, 6, 0),
    _read(2, 0, 65),
    _read(2, 0, 4096),
    _read(2, 0, 4097),
    _read(2, 0, 0xFFFF),
    *(_read(region, offset, 4) for region in (0, 1, 2) for offset in _NEAR_END),
    *((kind, b"abc") for kind in (0x00, 0x08, 0x3F, 0x40, 0x42, 0x44, 0x7F, 0x83, 0xFF)),
]


@pytest.fixture(scope="module")
def native() -> Iterator[Board]:
    with board() as found:
        yield found


def _lives(native: Board) -> None:
    pixels = tiny_pixels(8)
    assert is_right(native.network.run(pixels, tensors=True), pixels)


def test_malformed_requests_are_refused(native: Board) -> None:
    for kind, payload in _MALFORMED:
        answer = native.ask(kind, payload)
        case = (kind, payload[:12], len(payload))
        assert (answer.type, answer.payload, case) == (kind | REPLY, _BAD_REQUEST, case)
    _lives(native)


def test_malformed_requests_are_refused_in_a_pause(native: Board) -> None:
    native.pause(tiny_pixels(2))
    for kind, payload in _MALFORMED:
        if kind == Message.WRITE or (kind == Message.READ and payload[:1] == b"\0"):
            continue
        answer = native.ask(kind, payload)
        assert (answer.type, answer.payload) == (kind | REPLY, _BAD_REQUEST)
    assert native.ask(*_read(0, 0, _INPUT_BYTES + 1)).payload == _BAD_REQUEST
    for offset in _NEAR_END:
        assert native.ask(*_read(0, offset, 1)).payload == _BAD_REQUEST
    native.session = open_session(native.transport)
    _lives(native)


def test_reads_and_writes_at_the_edges_are_served(native: Board) -> None:
    _lives(native)
    for kind, payload in (_write(0, _INPUT_BYTES), _write(_INPUT_BYTES - 1, 1), _write(36, 0)):
        assert native.ask(kind, payload).payload == _OK
    assert len(native.ask(*_read(2, 0, 64)).payload) == 1 + 64
    assert len(native.ask(*_read(2, 63, 1)).payload) == 1 + 1
    for region, offset in ((0, 0), (1, 5), (2, 64), (3, 0), (255, 0)):
        assert native.ask(*_read(region, offset, 0)).payload == _OK


def test_what_is_not_possible_now_is_refused(native: Board) -> None:
    assert native.ask(Message.CONTINUE).payload == _BAD_STATE
    crc = struct.pack("<I", zlib.crc32(tiny_pixels(3).tobytes()))
    native.pause(tiny_pixels(3))
    assert native.ask(*_write(0, 4)).payload == _BAD_STATE
    assert native.ask(Message.INFER, b"\0" + crc).payload == _BAD_STATE
    assert native.ask(Message.STATUS).payload[:1] == _OK
    for _ in range(4):
        assert native.ask(Message.CONTINUE).payload[:1] == _OK
    assert native.ask(Message.CONTINUE).payload == _BAD_STATE
    assert native.ask(Message.INFER, b"\0" + struct.pack("<I", 1)).payload == _BAD_INPUT
    _lives(native)


def _settled(native: Board, data: bytes) -> list[Frame | None]:
    """Send bytes as they are and return all that comes before the answer to a new HELLO."""
    hello = encode(Frame(Message.HELLO, 0x4321, 0x7777_7777))
    deadline = Deadline.after(5.0)
    native.transport.write(data + b"\0" + hello, deadline)
    receiver = Receiver()
    found: list[Frame | None] = []
    while not any(frame and frame.session == 0x7777_7777 for frame in found):
        read = native.transport.read(deadline)
        assert read, "no answer"
        found += receiver.feed(read)
    native.session = open_session(native.transport)
    return found[:-1]


@pytest.mark.parametrize("length", [521, 600, 2000, 0xFFFF])
def test_a_frame_that_is_too_long_is_damaged(native: Board, length: int) -> None:
    too_long = Frame(Message.WRITE, 1, native.session.number, bytes(range(1, 252)) * 300)
    frame = Frame(too_long.type, too_long.sequence, too_long.session, too_long.payload[:length])
    answers = [answer.type for answer in _settled(native, encode(frame)) if answer is not None]
    assert answers == [Message.DAMAGED]
    _lives(native)


def test_requests_of_another_session_are_not_answered(native: Board) -> None:
    number, count = native.session.number, native.network.status()[0]
    strangers = b"".join(
        encode(Frame(kind, sequence, number ^ 0x8000_0000, bytes(5)))
        for kind in (Message.WRITE, Message.INFER, Message.RESET, Message.STATUS)
        for sequence in range(4)
    )
    assert _settled(native, strangers) == []
    assert native.network.status()[0] == count


def test_the_session_without_a_number_is_no_session(native: Board) -> None:
    assert native.ask(Message.HELLO, session=0).type == Message.HELLO | REPLY
    assert native.ask(Message.STATUS, session=0).type == Message.BOOT
    native.session = open_session(native.transport)
    _lives(native)


_kinds = st.integers(0, 255).filter(lambda kind: kind not in (Message.HELLO, Message.RESET))
_requests = st.tuples(
    _kinds | st.sampled_from([Message.WRITE, Message.INFER, Message.CONTINUE, Message.READ]),
    st.binary(max_size=520)
    | st.builds(
        struct.pack,
        st.just("<BIH"),
        st.integers(0, 4),
        st.integers(0, 70) | st.sampled_from(_NEAR_END),
        st.integers(0, 70) | st.integers(0, 0xFFFF),
    ),
)


@settings(
    max_examples=5000 if FULL else 200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(_requests, max_size=12))
def test_any_requests_are_answered(native: Board, requests: list[tuple[int, bytes]]) -> None:
    for kind, payload in requests:
        answer = native.ask(kind, payload)
        assert answer.type == kind | REPLY
        assert answer.sequence == native.session._sequence
        assert answer.payload[0] <= 3
    assert native.network.status()[0] >= 0


@settings(max_examples=5000 if FULL else 200, deadline=None, derandomize=True)
@given(st.lists(st.binary(max_size=80) | st.just(b"\0"), max_size=12))
def test_noise_leaves_the_firmware_alive(native: Board, pieces: list[bytes]) -> None:
    for frame in _settled(native, b"".join(pieces)):
        assert frame is not None
        assert frame.type == Message.DAMAGED
