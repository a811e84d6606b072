"""The firmware that calls kernels: its arena, its calls, and requests no host of ours sends."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from attrs import define

from qrig.build.kernel_firmware import build_kernel_firmware
from qrig.codegen.deployment import MAX_ARENA_BYTES, MAX_WRITE_BYTES
from qrig.deadline import Deadline
from qrig.errors import LinkError, ProtocolMismatchError
from qrig.fixedpoint.interleave import Order, interleaved
from qrig.link import open_session
from qrig.link.banner import Capability
from qrig.link.connect import open_transport
from qrig.link.frames import REPLY, Frame, Message, Receiver, encode
from qrig.link.kernels import Piece, RemoteKernels
from qrig.link.transports.faulty import ByteFault, FaultyTransport
from qrig.measure.sequence import sequence
from qrig.runs.targets import find_target
from tiny_deployment import board

_OK, _BAD_REQUEST, _UNKNOWN = b"\0", b"\1", b"\4"
_RELU = "vpw"
_NEAR_END = (0xFFFF_FFFF, 0xFFFF_FFF0, 0x8000_0000, 0x7FFF_FFFF, MAX_ARENA_BYTES + 1)


@define
class Resident:
    """A kernel firmware as a process, and the damaged way to it."""

    transport: FaultyTransport
    kernels: RemoteKernels

    def ask(self, kind: int, payload: bytes) -> Frame:
        """Send one request of any type and content as the session's next; return its answer."""
        session = self.kernels.session
        session._sequence = (session._sequence + 1) & 0xFFFF
        deadline = Deadline.after(5.0)
        request = Frame(kind, session._sequence, session.number, payload)
        self.transport.write(encode(request), deadline)
        receiver = Receiver()
        while True:
            data = self.transport.read(deadline)
            assert data, "no answer"
            for frame in receiver.feed(data):
                if frame is not None and frame.type != Message.ACCEPTED:
                    return frame

    def count(self) -> int:
        """Return how many kernels were called."""
        answer = self.kernels.session.request(Message.STATUS, b"", Deadline.after(5.0))
        return int.from_bytes(answer[:4], "little")


@pytest.fixture
def native() -> Iterator[Resident]:
    target = find_target("host@native")
    firmware = build_kernel_firmware(target.board)
    running = target.backend.start(firmware)
    try:
        transport = FaultyTransport(open_transport(running.stream))
        session = open_session(transport, build=firmware.build_id)
        yield Resident(transport, RemoteKernels(session))
    finally:
        running.stop()


def _fill(offset: int, count: int, *rest: int) -> tuple[int, bytes]:
    value, columns, size, kind, shift, order = rest or (1, 0, 1, 0, 0, 0)
    payload = struct.pack("<IIIHBBBB", offset, count, value, columns, size, kind, shift, order)
    return Message.FILL, payload


def _check(*pieces: int) -> tuple[int, bytes]:
    return Message.CHECK, struct.pack(f"<{len(pieces)}I", *pieces)


def _call(number: int, *arguments: int) -> tuple[int, bytes]:
    return Message.CALL, struct.pack(f"<H{len(arguments)}I", number, *arguments)


def _lives(native: Resident) -> None:
    native.kernels.write(64, b"\x80\x05\xff")
    native.kernels.call("arm_relu_q7", _RELU, (Piece(64, 3), 3))
    assert native.kernels.read(Piece(64, 3)) == b"\0\x05\0"


def test_the_banner_says_what_it_is(native: Resident) -> None:
    banner = native.kernels.session.banner
    assert Capability.KERNELS in banner.capabilities
    assert Capability.PAUSE not in banner.capabilities
    assert native.kernels.arena_bytes == MAX_ARENA_BYTES


def test_a_firmware_for_a_network_has_no_kernels_to_call() -> None:
    with board() as other, pytest.raises(ProtocolMismatchError, match="calls kernels"):
        RemoteKernels(other.session)


def test_bytes_come_back(native: Resident) -> None:
    data = np.random.default_rng(1).bytes(3000)
    native.kernels.write(MAX_ARENA_BYTES - 3000, data)
    piece = Piece(MAX_ARENA_BYTES - 3000, 3000)
    assert native.kernels.read(piece) == data
    assert native.kernels.checksum([piece]) == zlib.crc32(data)
    halves = [Piece(piece.offset, 7), Piece(piece.offset + 100, 9), Piece(0, 0)]
    assert native.kernels.checksum(halves) == zlib.crc32(data[:7] + data[100:109])


@pytest.mark.parametrize("element_bytes", [1, 2])
@pytest.mark.parametrize("shift", [0, 3, 7])
def test_both_authors_make_the_same_sequence(
    native: Resident, element_bytes: int, shift: int
) -> None:
    piece = Piece(1001, 500 * element_bytes)
    native.kernels.fill_sequence(piece, 0xDEADBEEF, element_bytes=element_bytes, shift=shift)
    found = np.frombuffer(native.kernels.read(piece), f"<i{element_bytes}")
    assert found.tolist() == sequence(0xDEADBEEF, 500, element_bytes, shift).tolist()


@pytest.mark.parametrize("order", list(Order)[1:])
def test_both_authors_interleave_alike(native: Resident, order: Order) -> None:
    element_bytes = 2 if order == Order.X4_Q15 else 1
    for rows, columns in ((1, 1), (4, 4), (5, 7), (8, 3), (9, 6), (3, 8), (12, 13)):
        piece = Piece(16, rows * columns * element_bytes)
        native.kernels.fill_sequence(
            piece, 77, element_bytes=element_bytes, order=order, columns=columns
        )
        found = np.frombuffer(native.kernels.read(piece), f"<i{element_bytes}")
        matrix = sequence(77, rows * columns, element_bytes).reshape(rows, columns)
        assert found.tolist() == interleaved(matrix, order).tolist()


def test_constants_fill_elements(native: Resident) -> None:
    native.kernels.fill(Piece(0, 8), 0x11)
    native.kernels.fill(Piece(1, 4), -2, element_bytes=2)
    assert native.kernels.read(Piece(0, 8)) == b"\x11\xfe\xff\xfe\xff\x11\x11\x11"


def test_an_unknown_kernel_is_told(native: Resident) -> None:
    for name, letters in (("arm_relu_q8", _RELU), ("arm_relu_q7", "vpp"), ("", "")):
        with pytest.raises(LinkError, match="no kernel of that name and signature"):
            native.kernels.call(name, letters, ())
    for text in (b"", b"arm_relu_q7", b"arm_relu_q7 vpw ", b"arm_relu_q7_vpw", bytes(520)):
        assert native.ask(Message.FIND, text).payload == _UNKNOWN
    _lives(native)


def test_malformed_requests_are_refused(native: Resident) -> None:
    (relu,) = struct.unpack("<H", native.ask(Message.FIND, b"arm_relu_q7 vpw").payload[1:])
    (soft,) = struct.unpack("<H", native.ask(Message.FIND, b"arm_softmax_q7 vphp").payload[1:])
    end = MAX_ARENA_BYTES
    malformed = [
        *((Message.FILL, bytes(length)) for length in (0, 17, 19, 520)),
        *(_fill(offset, 1) for offset in (*_NEAR_END, end)),
        *(_fill(0, count) for count in _NEAR_END),
        _fill(0, end // 2 + 1, 1, 0, 2, 0, 0, 0),
        _fill(0, 0x8000_0001, 1, 0, 2, 0, 0, 0),
        *(_fill(0, 4, 1, 0, *rest) for rest in ((0, 0, 0, 0), (3, 0, 0, 0), (1, 2, 0, 0))),
        *(_fill(0, 4, 1, 0, *rest) for rest in ((1, 1, 8, 0), (2, 1, 16, 0), (1, 1, 0, 4))),
        *(_fill(0, 4, 1, columns, 1, 1, 0, 1) for columns in (0, 3, 5)),
        (Message.CHECK, b""),
        (Message.CHECK, bytes(7)),
        *(_check(0, 1, offset, 1) for offset in (*_NEAR_END, end)),
        *(_check(1, size) for size in _NEAR_END),
        (Message.CALL, b""),
        (Message.CALL, b"\0"),
        _call(0xFFFF, 0, 1, 1, 0),
        _call(relu),
        _call(relu, 0, 1, 1),
        _call(relu, 0, 1, 1, 0, 0, 0),
        _call(relu, 0, 1, 1, 4),  # a number has no size
        *(_call(relu, offset, 1, 1, 0) for offset in (*_NEAR_END, end)),
        _call(relu, 0, end + 1, 1, 0),
        _call(soft, 0, 8, 0x1_0000, 0, 64, 8),
        *(_call(soft, 16, 8, 8, 0, other, size) for other, size in ((17, 8), (9, 8), (16, 9))),
        *((kind, b"abc") for kind in (Message.INFER, Message.CONTINUE, 0x0C, 0x3F)),
        (Message.WRITE, bytes(3)),
        (Message.WRITE, struct.pack("<I", end) + b"1"),
        (Message.READ, struct.pack("<BIH", 1, 0, 1)),
        (Message.READ, struct.pack("<BIH", 0, end, 1)),
    ]
    for kind, payload in malformed:
        answer = native.ask(kind, payload)
        assert (answer.type, answer.payload) == (kind | REPLY, _BAD_REQUEST), (kind, payload)
    assert native.count() == 0
    _lives(native)


def test_a_call_is_executed_once_whatever_is_lost(native: Resident) -> None:
    data = bytes(range(256))
    for lost in range(0, 60, 7):
        native.kernels.write(0, data)
        before = native.count()
        native.transport.back = ByteFault(lost, "drop")
        native.kernels.call("arm_relu_q7", _RELU, (Piece(0, 256), 256))
        native.transport.back = bytes
        assert native.kernels.read(Piece(0, 256)) == data[:128] + bytes(128)
        assert native.count() == before + 1


def test_pieces_are_limited_to_a_request(native: Resident) -> None:
    most = MAX_WRITE_BYTES // 8
    assert native.kernels.checksum([Piece(0, 0)] * most) == 0
    with pytest.raises(ValueError, match=f"1 to {most} pieces"):
        native.kernels.checksum([Piece(0, 0)] * (most + 1))
