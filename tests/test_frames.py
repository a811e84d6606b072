"""COBS and frames: there and back in Python, and between Python and the firmware's C."""

import ctypes
import random
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c_programs import build_program, run_program
from qrig.link import cobs
from qrig.link.frames import MAX_FRAME_BYTES, Frame, Message, Receiver, decode, encode
from qrig.resources import firmware_root

_C_MAX_PAYLOAD = 520
_STEADY = settings(deadline=None, derandomize=True)
_LENGTHS = (0, 1, 2, 239, 240, 241, 253, 254, 255, 256, 494, 508, 519, 520)

_frames = st.builds(
    Frame,
    type=st.integers(0, 255),
    sequence=st.integers(0, 0xFFFF),
    session=st.integers(0, 0xFFFF_FFFF),
    payload=st.binary(max_size=_C_MAX_PAYLOAD),
)


def _received(data: bytes) -> list[Frame | None]:
    return list(Receiver().feed(data))


def _frames_of_every_length() -> list[Frame]:
    numbers = random.Random(3)  # repeatable on purpose
    fillings = (
        lambda length: bytes(length),
        lambda length: b"\xff" * length,
        lambda length: b"\x01" * length,
        numbers.randbytes,
        lambda length: bytes(numbers.choices((0, 1, 254, 255), k=length)),
    )
    payloads = [filling(length) for filling in fillings for length in _LENGTHS]
    return [Frame(index % 255, index, 0xA1B2C300 + index, p) for index, p in enumerate(payloads)]


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C receiver and sender as a filter."""
    return build_program("frame_echo", tmp_path_factory.mktemp("echo"))


@pytest.fixture(scope="module")
def link(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The firmware's CRC as a shared library."""
    library = tmp_path_factory.mktemp("crc") / "crc.so"
    source = firmware_root() / "link" / "crc32.c"
    flags = ["-std=c11", "-fPIC", "-shared", "-fsanitize=undefined", "-fno-sanitize-recover=all"]
    subprocess.run(["gcc", *flags, str(source), "-o", str(library)], check=True)  # noqa: S607  # PATH
    found = ctypes.CDLL(str(library))
    found.crc32_update.argtypes = (ctypes.c_uint32, ctypes.c_char_p, ctypes.c_size_t)
    found.crc32_update.restype = ctypes.c_uint32
    return found


@_STEADY
@given(st.binary(max_size=1200))
def test_stuffed_bytes_have_no_zero_and_come_back(data: bytes) -> None:
    stuffed = cobs.encode(data)
    assert 0 not in stuffed
    assert len(stuffed) <= len(data) + len(data) // 254 + 1
    assert cobs.decode(stuffed) == data


@pytest.mark.parametrize("length", [0, 1, 253, 254, 255, 507, 508, 509, 762])
@pytest.mark.parametrize("filling", [b"\0", b"\1", b"\xff"])
def test_stuffing_at_the_edges_of_a_block(length: int, filling: bytes) -> None:
    for data in (filling * length, filling * length + b"\0", b"\0" + filling * length):
        assert cobs.decode(cobs.encode(data)) == data


@pytest.mark.parametrize(
    ("plain", "stuffed"),
    [
        (b"", b"\1"),
        (b"\0", b"\1\1"),
        (b"\0\0", b"\1\1\1"),
        (b"\x11\x22\0\x33", b"\3\x11\x22\2\x33"),
        (b"\x11\0\0\0", b"\2\x11\1\1\1"),
        (bytes(range(1, 255)), b"\xff" + bytes(range(1, 255)) + b"\1"),
        (bytes(range(256)), b"\1\xff" + bytes(range(1, 255)) + b"\2\xff"),
    ],
)
def test_published_examples(plain: bytes, stuffed: bytes) -> None:
    assert cobs.encode(plain) == stuffed
    assert cobs.decode(stuffed) == plain


def test_a_last_block_of_254_needs_no_code_behind_it() -> None:
    data = bytes(range(1, 255))
    assert cobs.decode(b"\xff" + data) == data


@pytest.mark.parametrize("data", [b"", b"\0", b"\5\1", b"\2\0", b"\3\1\2\xff\1"])
def test_what_stuffing_never_makes_is_refused(data: bytes) -> None:
    assert cobs.decode(data) is None


@_STEADY
@given(_frames)
def test_a_frame_comes_back(frame: Frame) -> None:
    wire = encode(frame)
    assert wire[:1] == b"\0"
    assert wire[-3:] == b"\0\0\0"
    assert 0 not in wire[1:-3]
    assert decode(wire[1:-3]) == frame
    assert _received(wire) == [frame]


@_STEADY
@given(st.lists(_frames, max_size=4), st.integers(1, 40))
def test_frames_come_back_in_order_in_any_pieces(frames: list[Frame], piece: int) -> None:
    wire = b"".join(map(encode, frames))
    receiver = Receiver()
    found: list[Frame | None] = []
    for start in range(0, len(wire), piece):
        found += receiver.feed(wire[start : start + piece])
    assert found == frames
    assert receiver.damaged == 0


def test_the_largest_frame_comes_back_and_a_larger_one_does_not() -> None:
    largest = Frame(1, 2, 3, b"\xa5" * 0xFFFF)
    assert _received(encode(largest)) == [largest]
    receiver = Receiver()
    noise = b"\1" * (3 * MAX_FRAME_BYTES)
    assert list(receiver.feed(noise + b"\0\0")) == [None]
    assert list(receiver.feed(encode(largest))) == [largest]


def test_a_frame_of_another_version_is_refused() -> None:
    body = bytes([2, *bytes(9)])
    wire = cobs.encode(body + zlib.crc32(body).to_bytes(4, "little"))
    assert decode(wire) is None
    body = bytes([1, *bytes(9)])
    wire = cobs.encode(body + zlib.crc32(body).to_bytes(4, "little"))
    assert decode(wire) == Frame(0, 0, 0)


def test_damage_is_reported_once_when_the_sender_has_stopped() -> None:
    receiver = Receiver()
    assert list(receiver.feed(b"\0\1\2\3\0")) == []
    assert list(receiver.feed(b"\0\0\0")) == [None]
    assert receiver.damaged == 1


@_STEADY
@given(st.binary(max_size=300), st.binary(max_size=300))
def test_the_firmwares_crc_is_zlibs(link: ctypes.CDLL, first: bytes, second: bytes) -> None:
    crc = link.crc32_update(0, first, len(first))
    assert crc == zlib.crc32(first)
    assert link.crc32_update(crc, second, len(second)) == zlib.crc32(first + second)


def test_c_understands_python_and_python_c(echo: Path) -> None:
    frames = _frames_of_every_length()
    answers = _received(run_program(echo, stdin=b"".join(map(encode, frames))))
    assert answers == [Frame(f.type + 1, f.sequence, f.session, f.payload) for f in frames]


def test_c_and_python_make_the_same_bytes(echo: Path) -> None:
    frames = _frames_of_every_length()
    answers = [Frame(f.type + 1, f.sequence, f.session, f.payload) for f in frames]
    wire = run_program(echo, stdin=b"".join(map(encode, frames)))
    assert wire == b"".join(map(encode, answers))


@pytest.mark.parametrize("length", [521, 522, 1000, 4096, 0xFFFF])
def test_c_refuses_what_is_too_long_and_goes_on(echo: Path, length: int) -> None:
    for filling in (b"\0", b"\x7f", b"\xff"):
        good = Frame(5, 6, 7, b"good")
        answers = _received(
            run_program(echo, stdin=encode(Frame(1, 2, 3, filling * length)) + encode(good))
        )
        assert answers == [Frame(Message.DAMAGED, 1, 0), Frame(6, 6, 7, b"good")]


@_STEADY
@given(st.data())
def test_c_and_python_agree_on_damage(echo: Path, data: st.DataObject) -> None:
    wire = bytearray(encode(data.draw(_frames)))
    position = data.draw(st.integers(0, len(wire) - 1))
    wire[position] ^= data.draw(st.integers(1, 255))
    stream = bytes(wire) + encode(Frame(9, 8, 7))
    expected = [
        Frame(Message.DAMAGED, 1, 0)
        if frame is None
        else Frame((frame.type + 1) & 0xFF, frame.sequence, frame.session, frame.payload)
        for frame in _received(stream)
    ]
    assert _received(run_program(echo, stdin=stream)) == expected
