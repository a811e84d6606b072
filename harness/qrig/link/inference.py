"""Running a network through a session: send the input, run, fetch what was computed."""

from __future__ import annotations

import contextlib
import struct
import time
import zlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from attrs import define, field, frozen

from qrig.deadline import Deadline
from qrig.errors import BoardRestartedError, LinkError, TargetError
from qrig.link.frames import Message
from qrig.link.memory import RemoteMemory, of_size
from qrig.link.planes import PlaneGatherer
from qrig.link.session import REQUEST_TIMEOUT_S, Session

INFERENCE_TIMEOUT_S = 30.0
"""How long one stage of a network may take on a target."""

UNKNOWN_TICKS = (1 << 64) - 1
"""What a record holds where the counter could not say."""

_RECORD = struct.Struct("<QII")
_PROGRESS = struct.Struct("<BHIiI")
_STATUS = struct.Struct("<IIB")
_DEBUGGER = 1
_FLAG_PAUSE, _FLAG_CRC, _FLAG_SOFTMAX = 1, 2, 16
_TENSOR, _OUTPUT, _RECORDS = 0, 1, 2
_PLANES = 2
_UNSTABLE = -100


class _Progress(NamedTuple):
    """The answer to INFER and CONTINUE; `status` is the network's once it is not paused."""

    paused: int
    stage: int
    inference: int
    status: int
    size_bytes: int


class _Status(NamedTuple):
    """The answer to STATUS."""

    inferences: int
    damaged: int
    flags: int


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
    """The network in a booted firmware, as the host sees it.

    `stages` is how many it has; 0 stands for what the banner says. Only a firmware that loads
    networks adds a softmax to one: with `softmax`. A step may take `timeout_s`, and with `slack_s`
    no longer than three times the longest so far (`longest_s`) and that much.
    """

    session: Session
    timeout_s: float = INFERENCE_TIMEOUT_S
    slack_s: float | None = None
    stages: int = 0
    softmax: bool = False
    _memory: RemoteMemory = field(init=False)
    longest_s: float | None = None

    def __attrs_post_init__(self) -> None:
        """Reach the memory through the same session."""
        self._memory = RemoteMemory(self.session)

    def run(self, pixels: npt.NDArray[np.uint8], *, tensors: bool, crc: bool = True) -> RemoteTrace:
        """Send uint8 pixels (h, w, c), run the network, and fetch its records and output.

        With `tensors` every stage's tensor is fetched, else only its CRC-32 if `crc` is set. Raises
        TargetError.
        """
        data = pixels.tobytes()
        self._memory.write(0, data)
        payload = struct.pack("<BI", self.flags(tensors=tensors, crc=crc), zlib.crc32(data))
        return self.infer(Message.INFER, payload, tensors=tensors, crc=crc)

    def flags(self, *, tensors: bool, crc: bool) -> int:
        """Return the flags of a request that runs the network."""
        wanted = {_FLAG_PAUSE: tensors, _FLAG_CRC: crc, _FLAG_SOFTMAX: self.softmax}
        return sum(flag for flag, is_set in wanted.items() if is_set)

    def infer(self, message: Message, payload: bytes, *, tensors: bool, crc: bool) -> RemoteTrace:
        """Request a run on what the firmware has been sent, and fetch its records and output.

        `payload` begins with the flags for the same `tensors` and `crc`. Raises TargetError.
        """
        progress = self._step(message, payload)
        whole: dict[int, bytes] = {}
        gatherer = PlaneGatherer(self.session.transport.name)
        while progress.paused:
            data = self._memory.read(_TENSOR, progress.size_bytes)
            if progress.paused == _PLANES:
                gatherer.add(data)
            else:
                whole[progress.stage] = data
            progress = self._step(Message.CONTINUE, b"")
        self._check(progress)
        stages = (self.stages or self.session.banner.stages) + self.softmax
        records = self._records(stages, crc=crc)
        output = self._memory.read(_OUTPUT, records[-1].size_bytes)
        found = whole | gatherer.tensors()
        fetched = [found.get(stage, b"") for stage in range(stages)] if tensors else []
        if tensors and [len(tensor) for tensor in fetched] != [r.size_bytes for r in records]:
            raise LinkError(
                f"{self.session.transport.name}: expected {stages} tensors, found "
                f"{len(found)} or other sizes; the session was taken over by somebody else"
            )
        return RemoteTrace(records, output, tuple(fetched), progress.inference)

    def status(self) -> tuple[int, int]:
        """Return how often the network ran and how many damaged transmissions the target saw."""
        status = self._status()
        return status.inferences, status.damaged

    def has_debugger(self) -> bool:
        """Whether a debugger is attached now, which disturbs what is measured."""
        return bool(self._status().flags & _DEBUGGER)

    def _status(self) -> _Status:
        deadline = Deadline.after(REQUEST_TIMEOUT_S)
        answer = self.session.request(Message.STATUS, b"", deadline)
        return _Status(*_STATUS.unpack(of_size(self.session, _STATUS.size, answer)))

    def reset(self) -> None:
        """Start the board over; the session is lost."""
        with contextlib.suppress(BoardRestartedError):  # the answer was lost, not the request
            self.session.request(Message.RESET, b"", Deadline.after(REQUEST_TIMEOUT_S))

    @property
    def step_timeout_s(self) -> float:
        """How long the next step may take."""
        if self.slack_s is None or self.longest_s is None:
            return self.timeout_s
        return min(self.timeout_s, 3 * self.longest_s + self.slack_s)

    def _check(self, progress: _Progress) -> None:
        """Raise TargetError unless the network ran to its end, and twice alike."""
        if progress.status == _UNSTABLE:
            raise TargetError(
                f"{self.session.transport.name}: expected two runs of one input to agree, found "
                "different outputs; the target's memory or clock is not reliable"
            )
        if progress.status != 0:
            raise TargetError(
                f"{self.session.transport.name}: expected the network to run, found that stage "
                f"{progress.stage + 1} failed with kernel status {progress.status}; the deployment "
                "is inconsistent"
            )

    def _records(self, stages: int, *, crc: bool) -> tuple[StageRecord, ...]:
        """Fetch what the target noted of each stage; its checksums count only with `crc`."""
        raw = self._memory.read(_RECORDS, stages * _RECORD.size)
        return tuple(
            StageRecord(None if ticks == UNKNOWN_TICKS else ticks, check if crc else None, size)
            for ticks, check, size in _RECORD.iter_unpack(raw)
        )

    def _step(self, message: Message, payload: bytes) -> _Progress:
        begun = time.monotonic()
        answer = self.session.request(message, payload, Deadline.after(self.step_timeout_s))
        self.longest_s = max(self.longest_s or 0.0, time.monotonic() - begun)
        return _Progress(*_PROGRESS.unpack(of_size(self.session, _PROGRESS.size, answer)))
