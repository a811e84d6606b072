"""Transports: faults that can be repeated, deadlines of sockets, ends of streams."""

import random
import socket
from collections.abc import Iterator

import pytest
from attrs import evolve

from qrig.backends.base import ByteStream
from qrig.deadline import Deadline
from qrig.errors import LinkTimeoutError, TransportClosedError
from qrig.link.transports import Transport
from qrig.link.transports.faulty import ByteFault, Fault, FaultyTransport, RandomLoss, clean
from qrig.link.transports.stream_socket import SocketTransport

_DATA = random.Random(1).randbytes(20_000)  # repeatable on purpose
_SOON_S = 0.2

Ends = tuple[SocketTransport, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """A transport and the socket at its other end."""
    ours, theirs = socket.socketpair()
    transport = SocketTransport(ByteStream("pair", ours))
    yield transport, theirs
    transport.close()
    theirs.close()


def _through(fault: Fault, piece: int) -> bytes:
    return b"".join(fault(_DATA[start : start + piece]) for start in range(0, len(_DATA), piece))


def test_losses_are_repeated_whatever_the_pieces() -> None:
    lost = _through(RandomLoss(0.01, 5), len(_DATA))
    assert 0.98 < len(lost) / len(_DATA) < 1.0
    for piece in (1, 7, 1000):
        assert _through(RandomLoss(0.01, 5), piece) == lost
    assert _through(RandomLoss(0.01, 6), 1000) != lost
    assert _through(RandomLoss(0.0, 5), 1000) == _DATA
    assert _through(RandomLoss(1.0, 5), 1000) == b""


@pytest.mark.parametrize("piece", [1, 3, 100])
@pytest.mark.parametrize("position", [0, 1, 99, 100, 19_999])
def test_one_byte_is_damaged_once(position: int, piece: int) -> None:
    head, byte, tail = _DATA[:position], _DATA[position], _DATA[position + 1 :]
    assert _through(ByteFault(position, "drop"), piece) == head + tail
    doubled = head + bytes([byte, byte]) + tail
    assert _through(ByteFault(position, "duplicate"), piece) == doubled
    for bit in (0, 7):
        flipped = head + bytes([byte ^ 1 << bit]) + tail
        assert _through(ByteFault(position, "flip", bit), piece) == flipped


def test_a_position_behind_the_end_damages_nothing() -> None:
    assert _through(ByteFault(len(_DATA), "drop"), 100) == _DATA
    assert _through(clean, 100) == _DATA
    with pytest.raises(ValueError, match="burn"):
        ByteFault(0, "burn")


def test_faults_act_on_both_ways_and_bytes_are_counted(ends: Ends) -> None:
    inner, theirs = ends
    faulty = FaultyTransport(inner, out=ByteFault(1, "drop"), back=ByteFault(0, "duplicate"))
    as_transport: Transport = faulty
    as_transport.write(b"abc", Deadline.after(5.0))
    assert theirs.recv(10) == b"ac"
    theirs.sendall(b"xyz")
    assert as_transport.read(Deadline.after(5.0)) == b"xxyz"
    assert (faulty.written_bytes, faulty.read_bytes) == (3, 3)
    assert faulty.name == "pair with faults"


def test_a_line_that_loses_everything_is_silent_until_the_deadline(ends: Ends) -> None:
    inner, theirs = ends

    def lose(data: bytes) -> bytes:
        theirs.sendall(b"more")  # there is always something to read
        return b""

    faulty = FaultyTransport(inner, out=RandomLoss(1.0, 1), back=lose)
    theirs.sendall(b"first")
    assert faulty.read(Deadline.after(_SOON_S)) == b""
    faulty.write(b"abc", Deadline.after(_SOON_S))
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(10)


def test_reading_gives_what_is_there_or_nothing_at_the_deadline(ends: Ends) -> None:
    transport, theirs = ends
    assert transport.read(Deadline.after(0.01)) == b""
    theirs.sendall(b"abc")
    assert transport.read(Deadline.after(0.0)) == b"abc"
    assert transport.read(Deadline.after(0.0)) == b""


def test_writing_ends_at_the_deadline_if_nobody_reads(ends: Ends) -> None:
    transport, _ = ends
    with pytest.raises(LinkTimeoutError, match=r"within 0\.2 s, found it stuck; restart it"):
        transport.write(bytes(1 << 24), Deadline.after(_SOON_S))


def test_a_closed_end_is_a_closed_transport(ends: Ends) -> None:
    transport, theirs = ends
    theirs.sendall(b"last")
    theirs.close()
    assert transport.read(Deadline.after(5.0)) == b"last"
    for _ in range(2):
        with pytest.raises(TransportClosedError, match="pair: the target hung up"):
            transport.read(Deadline.after(5.0))
        with pytest.raises(TransportClosedError, match="pair: the target hung up"):
            transport.write(b"x", Deadline.after(5.0))


def test_our_own_end_may_be_closed_twice(ends: Ends) -> None:
    transport, _ = ends
    transport.close()
    transport.close()
    with pytest.raises(TransportClosedError):
        transport.read(Deadline.after(5.0))
    with pytest.raises(TransportClosedError):
        transport.write(b"x", Deadline.after(5.0))


def test_an_escape_byte_is_sent_twice() -> None:
    ours, theirs = socket.socketpair()
    stream = evolve(ByteStream("pair", ours), escape=b"\xe7")
    transport = SocketTransport(stream)
    transport.write(b"a\xe7b\xe7\xe7", Deadline.after(5.0))
    assert theirs.recv(100) == b"a\xe7\xe7b\xe7\xe7\xe7\xe7"
    theirs.sendall(b"\xe7")
    assert transport.read(Deadline.after(5.0)) == b"\xe7"
    transport.close()
    theirs.close()


def test_a_socket_has_no_speed(ends: Ends) -> None:
    transport, _ = ends
    transport.set_baud(9600)
    assert transport.bauds == ()
