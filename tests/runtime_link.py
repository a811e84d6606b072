"""The firmware that loads networks on a target, asked by requests as they go over the wire."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
from attrs import define, frozen

from qrig.backends import Running
from qrig.build.resident import ResidentFirmware
from qrig.build.runtime_firmware import build_runtime_firmware
from qrig.deadline import Deadline
from qrig.link import Session, open_session
from qrig.link.connect import open_transport
from qrig.link.frames import REPLY, Frame, Message, Receiver, encode
from qrig.link.memory import RemoteMemory
from qrig.runs.targets import Target
from runtime_driver import Picture, Status

FILE, IMAGE = 0x8000_0000, 0x4000_0000
ARENA, STORE = 0, 1
PAUSE, CRC, SOFTMAX = 1, 2, 16
OK, BAD_REQUEST, BAD_STATE, BAD_INPUT = range(4)
TEXT_BYTES = 96

_TENSOR, _OUTPUT, _RECORDS, _TEXT = range(4)
_OUTCOME = struct.Struct("<BHIIHH")
_PROGRESS = struct.Struct("<BHIiI")
_RECORD = struct.Struct("<QII")
_UNKNOWN = (1 << 64) - 1
_TIMEOUT_S = 60.0


@frozen
class Outcome:
    """What became of a file."""

    code: Status
    layer: int
    offset: int
    needed: int
    stages: int
    channels: int


@frozen
class Inference:
    """What a run gave: per stage ticks (None if not counted), CRC-32, bytes, and the tensor."""

    status: int
    ticks: tuple[int | None, ...] = ()
    crcs: tuple[int, ...] = ()
    sizes: tuple[int, ...] = ()
    tensors: tuple[bytes, ...] = ()
    output: bytes = b""


@define
class Loader:
    """A running firmware and an open session with it."""

    running: Running
    session: Session
    firmware: ResidentFirmware

    @property
    def memory(self) -> RemoteMemory:
        return RemoteMemory(self.session)

    def ask(self, kind: int, payload: bytes = b"") -> bytes:
        """Send any request as the session's next; return its answer, status first."""
        session, deadline = self.session, Deadline.after(_TIMEOUT_S)
        session._sequence = (session._sequence + 1) & 0xFFFF
        frame = Frame(kind, session._sequence, session.number, payload)
        session.transport.write(encode(frame), deadline)
        wanted = (kind | REPLY, session._sequence)  # what was sent twice is answered twice
        receiver = Receiver()
        while True:
            data = session.transport.read(deadline)
            assert data, "no answer"
            for answer in receiver.feed(data):
                if answer is not None and (answer.type, answer.sequence) == wanted:
                    return answer.payload

    def status(self, kind: int, payload: bytes = b"") -> int:
        return self.ask(kind, payload)[0]

    def load_request(
        self, file: bytes, *, dialect: int = 0, place: int = ARENA, crc: int | None = None
    ) -> bytes:
        return struct.pack(
            "<BBBII", place, dialect, 0, len(file), zlib.crc32(file) if crc is None else crc
        )

    def load(self, file: bytes, *, dialect: int = 0, place: int = ARENA) -> Outcome:
        """Send a file, unless it is in flash, and load it."""
        if place == ARENA:
            self.memory.write(FILE, file)
        answer = self.ask(Message.LOAD, self.load_request(file, dialect=dialect, place=place))
        assert answer[0] == OK
        code, *rest = _OUTCOME.unpack(answer[1:])
        return Outcome(Status(code), *rest)

    def text(self) -> str:
        """Return what was said of the last file."""
        return self.memory.read(_TEXT, TEXT_BYTES).rstrip(b"\0").decode("ascii")

    def infer(self, pixels: npt.NDArray[np.uint8], stages: int, flags: int = CRC) -> Inference:
        """Run the loaded network, of so many stages, on pixels of its shape."""
        data = pixels.tobytes()
        self.memory.write(0, data)
        return self._run(Message.INFER, struct.pack("<BI", flags, zlib.crc32(data)), stages, flags)

    def forward(self, picture: Picture, stages: int, flags: int = CRC) -> Inference:
        """Run it on a part of an image."""
        self.memory.write(IMAGE, picture.data)
        return self._run(Message.FORWARD, forward_request(picture, flags), stages, flags)

    def _run(self, kind: Message, payload: bytes, stages: int, flags: int) -> Inference:
        answer = self.ask(kind, payload)
        tensors: dict[int, bytes] = {}
        while True:
            assert answer[0] == OK
            paused, stage, _, status, size = _PROGRESS.unpack(answer[1:])
            if not paused:
                break
            tensors[stage] = self.memory.read(_TENSOR, size)
            answer = self.ask(Message.CONTINUE)
        if status:
            return Inference(status)
        made = stages + bool(flags & SOFTMAX)
        records = list(_RECORD.iter_unpack(self.memory.read(_RECORDS, (stages + 1) * _RECORD.size)))
        if not flags & SOFTMAX:
            assert records[stages] == (_UNKNOWN, 0, 0)
        ticks, crcs, sizes = zip(*records[:made], strict=True)
        counted = tuple(None if each == _UNKNOWN else each for each in ticks)
        found = tuple(tensors[stage] for stage in sorted(tensors))
        output = self.memory.read(_OUTPUT, sizes[-1])
        return Inference(status, counted, crcs, sizes, found, output)


def forward_request(picture: Picture, flags: int, crc: int | None = None) -> bytes:
    return struct.pack(
        "<BIBHHHHHH", flags, zlib.crc32(picture.data) if crc is None else crc, picture.format,
        picture.width, picture.height, *picture.roi,
    )  # fmt: skip


@contextmanager
def started(target: Target, store: bytes | None = None) -> Iterator[Loader]:
    """Start the firmware on a target; stop it in any case."""
    firmware = build_runtime_firmware(target.board, target.kernels, store)
    running = target.backend.start(firmware)
    try:
        session = open_session(open_transport(running.stream), build=firmware.build_id)
        yield Loader(running, session, firmware)
    finally:
        running.stop()
