"""Calling kernels in a booted firmware: lay out tensors in its arena, call, look at the result."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from attrs import define, field, frozen

from qrig.deadline import Deadline
from qrig.errors import ProtocolMismatchError
from qrig.fixedpoint.interleave import Order
from qrig.link.banner import Capability
from qrig.link.frames import Message
from qrig.link.inference import UNKNOWN_TICKS
from qrig.link.memory import RemoteMemory, of_size
from qrig.link.session import REQUEST_TIMEOUT_S, Session

CALL_TIMEOUT_S = 30.0
"""How long one call of a kernel may take on a target."""

_ARENA = 0
_FILL = struct.Struct("<IIIHBBBB")
_PIECE = struct.Struct("<II")
_CONSTANT, _SEQUENCE = 0, 1
_OUTCOME = struct.Struct("<iQ")
_CHECKSUM = struct.Struct("<I")
_NUMBER = struct.Struct("<H")


@frozen
class Piece:
    """A piece of the arena, in bytes."""

    offset: int
    size_bytes: int


Argument = int | Piece | None
"""A number, a tensor, or NULL."""


@frozen
class Outcome:
    """What a kernel returned (0 if nothing) and the ticks of the call, None if unknown.

    The ticks are those of the call less those of a call of an empty function, whose return is one
    instruction: the kernel has one instruction more than the ticks stand for.
    """

    value: int
    ticks: int | None


@define
class RemoteKernels:
    """The kernels in a booted firmware, as the host sees them."""

    session: Session
    timeout_s: float = CALL_TIMEOUT_S
    _memory: RemoteMemory = field(init=False)
    _numbers: dict[str, int] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        """Raise ProtocolMismatchError for a firmware that calls no kernels."""
        banner = self.session.banner
        if Capability.KERNELS not in banner.capabilities or banner.arena_bytes <= 0:
            raise ProtocolMismatchError(
                f"{self.session.transport.name}: expected a firmware that calls kernels, found "
                f"one for {banner.network}; reflash the board"
            )
        self._memory = RemoteMemory(self.session)

    @property
    def arena_bytes(self) -> int:
        """The size of the arena."""
        return self.session.banner.arena_bytes

    def write(self, offset: int, data: bytes) -> None:
        """Store `data` in the arena; raises TargetError."""
        self._memory.write(offset, data)

    def read(self, piece: Piece) -> bytes:
        """Return a piece of the arena; raises TargetError."""
        return self._memory.read(_ARENA, piece.size_bytes, piece.offset)

    def fill(self, piece: Piece, value: int, *, element_bytes: int = 1) -> None:
        """Store `value` in every element of a piece; raises TargetError."""
        count = piece.size_bytes // element_bytes
        payload = (piece.offset, count, value & 0xFFFF_FFFF, 0, element_bytes, _CONSTANT, 0, 0)
        self._request(Message.FILL, _FILL.pack(*payload))

    def fill_sequence(
        self,
        piece: Piece,
        seed: int,
        *,
        element_bytes: int = 1,
        shift: int = 0,
        order: Order = Order.PLAIN,
        columns: int = 0,
    ) -> None:
        """Store the sequence of `seed` in a piece (`qrig.measure.sequence`); raises TargetError.

        An order other than plain is that of a matrix of `columns` columns.
        """
        count = piece.size_bytes // element_bytes
        payload = (piece.offset, count, seed, columns, element_bytes, _SEQUENCE, shift, order)
        self._request(Message.FILL, _FILL.pack(*payload))

    def checksum(self, pieces: Sequence[Piece]) -> int:
        """Return the CRC-32 of pieces, one after the other; raises TargetError."""
        limit = self.session.banner.max_write // _PIECE.size
        if not 0 < len(pieces) <= limit:
            raise ValueError(f"expected 1 to {limit} pieces, found {len(pieces)}")
        payload = b"".join(_PIECE.pack(piece.offset, piece.size_bytes) for piece in pieces)
        (crc32,) = _CHECKSUM.unpack(self._request(Message.CHECK, payload, _CHECKSUM.size))
        return int(crc32)

    def call(self, name: str, letters: str, arguments: Sequence[Argument]) -> Outcome:
        """Call the kernel `name` with arguments in the order of its C signature.

        `letters` are its types as in `firmware/kernel_app/kernels.h`; the firmware refuses a name
        whose types are others. Raises TargetError.
        """
        payload = _NUMBER.pack(self._number(name, letters))
        payload += b"".join(_packed(argument) for argument in arguments)
        deadline = Deadline.after(self.timeout_s)
        answer = self.session.request(Message.CALL, payload, deadline)
        value, ticks = _OUTCOME.unpack(of_size(self.session, _OUTCOME.size, answer))
        return Outcome(value, None if ticks == UNKNOWN_TICKS else ticks)

    def _number(self, name: str, letters: str) -> int:
        """Return the firmware's number of a kernel, asked for once."""
        text = f"{name} {letters}"
        if text not in self._numbers:
            answer = self._request(Message.FIND, text.encode(), _NUMBER.size)
            (self._numbers[text],) = _NUMBER.unpack(answer)
        return self._numbers[text]

    def _request(self, message: Message, payload: bytes, answer_bytes: int = 0) -> bytes:
        deadline = Deadline.after(REQUEST_TIMEOUT_S)
        answer = self.session.request(message, payload, deadline)
        return of_size(self.session, answer_bytes, answer)


def _packed(argument: Argument) -> bytes:
    if argument is None:
        return _PIECE.pack(0, 0)
    if isinstance(argument, Piece):
        return _PIECE.pack(argument.offset, argument.size_bytes)
    return _PIECE.pack(argument & 0xFFFF_FFFF, 0)
