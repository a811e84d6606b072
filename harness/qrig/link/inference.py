"""Running a network through a session: send the input, run, fetch what was computed."""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from attrs import define, field, frozen

from qrig.deadline import Deadline
from qrig.errors import BoardRestartedError, LinkError, TargetError
from qrig.link.frames import Message
from qrig.link.session import REQUEST_TIMEOUT_S, Session

INFERENCE_TIMEOUT_S = 30.0
"""How long one stage of a network may take on a target."""

UNKNOWN_TICKS = (1 << 64) - 1
"""What a record holds where the counter could not say."""

_RECORD = struct.Struct("<QII")
_PROGRESS = struct.Struct("<BHIiI")
_STATUS = struct.Struct("<II")
_FLAG_PAUSE, _FLAG_CRC = 1, 2
_TENSOR, _OUTPUT, _RECORDS = 0, 1, 2
_MIN_CHUNK_BYTES = 64


class _Progress(NamedTuple):
    """The answer to INFER and CONTINUE; `status` is the network's once it is not paused."""

    paused: int
    stage: int
    inference: int
    status: int
    size_bytes: int


@frozen
class StageRecord:
    """What the target noted of one stage: counter ticks (None if unknown), CRC-32, size."""

    ticks: int | None
    crc32: int | None
    size_bytes: int


@frozen(eq=False)
class RemoteTrace:
    """One inference on a target; `tensors` is empty unless every stage was fetched."""

    records: tuple[StageRecord, ...]
    output: bytes
    tensors: tuple[bytes, ...] = field(default=(), repr=False)
    inference: int = 0


@define
class RemoteNetwork:
    """The network in a booted firmware, as the host sees it."""

    session: Session
    timeout_s: float = INFERENCE_TIMEOUT_S
    _chunk_bytes: int = 0

    def run(self, pixels: npt.NDArray[np.uint8], *, tensors: bool, crc: bool = True) -> RemoteTrace:
        """Send uint8 pixels (h, w, c), run the network, and fetch its records and output.

        With `tensors` every stage's tensor is fetched, else only its CRC-32 if `crc` is set. Raises
        TargetError.
        """
        data = pixels.tobytes()
        self._write(data)
        flags = (_FLAG_PAUSE if tensors else 0) | (_FLAG_CRC if crc else 0)
        progress = self._step(Message.INFER, struct.pack("<BI", flags, zlib.crc32(data)))
        fetched: list[bytes] = []
        while progress.paused:
            fetched.append(self._read(_TENSOR, progress.size_bytes))
            progress = self._step(Message.CONTINUE, b"")
        if progress.status != 0:
            raise TargetError(
                f"{self.session.transport.name}: expected the network to run, found that stage "
                f"{progress.stage + 1} failed with kernel status {progress.status}; the deployment "
                "is inconsistent"
            )
        stages = self.session.banner.stages
        raw = self._read(_RECORDS, stages * _RECORD.size)
        records = tuple(
            StageRecord(None if ticks == UNKNOWN_TICKS else ticks, check if crc else None, size)
            for ticks, check, size in _RECORD.iter_unpack(raw)
        )
        output = self._read(_OUTPUT, records[-1].size_bytes)
        if tensors and [len(tensor) for tensor in fetched] != [r.size_bytes for r in records]:
            raise LinkError(
                f"{self.session.transport.name}: expected {stages} tensors, found "
                f"{len(fetched)} of other sizes; the session was taken over by somebody else"
            )
        return RemoteTrace(records, output, tuple(fetched), progress.inference)

    def status(self) -> tuple[int, int]:
        """Return how often the network ran and how many damaged transmissions the target saw."""
        deadline = Deadline.after(REQUEST_TIMEOUT_S)
        answer = self._of_size(_STATUS.size, self.session.request(Message.STATUS, b"", deadline))
        count, damaged = _STATUS.unpack(answer)
        return count, damaged

    def reset(self) -> None:
        """Start the board over; the session is lost."""
        with contextlib.suppress(BoardRestartedError):  # the answer was lost, not the request
            self.session.request(Message.RESET, b"", Deadline.after(REQUEST_TIMEOUT_S))

    def _write(self, data: bytes) -> None:
        size = self.session.banner.max_write - 4

        def send(offset: int, length: int) -> int:
            piece = data[offset : offset + length]
            payload = struct.pack("<I", offset) + piece
            self.session.request(Message.WRITE, payload, Deadline.after(REQUEST_TIMEOUT_S))
            return len(piece)

        self._in_chunks(len(data), size, send)

    def _step(self, message: Message, payload: bytes) -> _Progress:
        answer = self.session.request(message, payload, Deadline.after(self.timeout_s))
        return _Progress(*_PROGRESS.unpack(self._of_size(_PROGRESS.size, answer)))

    def _read(self, region: int, size_bytes: int) -> bytes:
        out = bytearray()
        limit = self.session.banner.max_read

        def fetch(offset: int, length: int) -> int:
            piece = self._request_read(region, offset, length)
            out.extend(piece)
            return len(piece)

        self._in_chunks(size_bytes, limit, fetch)
        return bytes(out)

    def _request_read(self, region: int, offset: int, length: int) -> bytes:
        payload = struct.pack("<BIH", region, offset, length)
        deadline = Deadline.after(REQUEST_TIMEOUT_S + 20 * self.session.transport.byte_s * length)
        answer = self.session.request(Message.READ, payload, deadline, reply_bytes=length)
        return self._of_size(length, answer)

    def _of_size(self, size_bytes: int, answer: bytes) -> bytes:
        if len(answer) != size_bytes:
            raise LinkError(
                f"{self.session.transport.name}: expected an answer of {size_bytes} bytes, found "
                f"{len(answer)}; reflash the board"
            )
        return answer

    def _in_chunks(self, total: int, limit: int, move: Callable[[int, int], int]) -> None:
        """Move `total` bytes; chunks shrink when one had to be sent again, and grow back."""
        offset = 0
        while offset < total:
            chunk = min(limit, self._chunk_bytes or limit)
            before = self.session.statistics.damaged
            offset += move(offset, min(chunk, total - offset))
            if self.session.statistics.damaged > before:
                self._chunk_bytes = max(_MIN_CHUNK_BYTES, chunk // 2)
            else:
                self._chunk_bytes = min(2 * chunk, 1 << 16)
