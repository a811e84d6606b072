"""Networks in a firmware that loads them: hand a file over, learn what became of it, run images."""

from __future__ import annotations

import struct
import zlib
from enum import IntEnum

from attrs import define, field, frozen

from qrig.deadline import Deadline
from qrig.errors import NetworkRefusedError, NetworkTooLargeError, ProtocolMismatchError
from qrig.link.banner import Capability
from qrig.link.frames import Message
from qrig.link.inference import RemoteNetwork, RemoteTrace
from qrig.link.memory import RemoteMemory, of_size
from qrig.link.session import Session

LOAD_TIMEOUT_S = 30.0
"""How long the firmware may take to look at a file and to lay its network out."""

FILE_OFFSET, IMAGE_OFFSET = 0x8000_0000, 0x4000_0000
"""Where WRITE reaches the file, and an image to take the input from."""

_ARENA, _STORE = 0, 1
_FAST = 1
_TEXT, _TEXT_BYTES = 3, 96
_LOAD = struct.Struct("<BBBII")
_LOADED = struct.Struct("<BHIIHH")
_FORWARD = struct.Struct("<BIBHHHHHH")


class Dialect(IntEnum):
    """Whose kernels a loaded network is computed with, as in firmware/runtime/qrig_network.h."""

    CORRECT = 0
    OPENMV = 1


class PixelFormat(IntEnum):
    """How an image lies in memory, as in firmware/runtime/qrig_network.h."""

    GRAY = 0
    RGB565 = 1
    RGB888 = 2


@frozen
class RemoteImage:
    """An image and the part of it that becomes the input: (x, y, width, height)."""

    data: bytes = field(repr=False)
    format: PixelFormat
    width: int
    height: int
    roi: tuple[int, int, int, int]


@frozen
class LoadedFile:
    """What the firmware says of a file it has loaded: the arena it takes, stages and outputs."""

    needed_bytes: int
    stages: int
    outputs: int


@define
class RemoteRuntime:
    """A booted firmware that loads networks, as the host sees it."""

    session: Session
    _memory: RemoteMemory = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Raise ProtocolMismatchError for a firmware that loads no networks."""
        banner = self.session.banner
        if Capability.RUNTIME not in banner.capabilities:
            raise ProtocolMismatchError(
                f"{self.session.transport.name}: expected a firmware that loads networks, found "
                f"one for {banner.network}; reflash the board"
            )
        self._memory = RemoteMemory(self.session)

    def load(self, file: bytes, dialect: Dialect, *, fast: bool = False) -> LoadedFile:
        """Send a network file and let the firmware load it.

        Raises NetworkRefusedError, with the firmware's reason, NetworkTooLargeError, TargetError.
        """
        self._check_size(file)
        self._memory.write(FILE_OFFSET, file)
        return self._load(_ARENA, file, dialect, fast=fast)

    def load_stored(self, file: bytes, dialect: Dialect, *, fast: bool = False) -> LoadedFile:
        """Let the firmware load the network that its flash has, which must be `file`.

        Raises as `load` does.
        """
        return self._load(_STORE, file, dialect, fast=fast)

    def _load(self, place: int, file: bytes, dialect: Dialect, *, fast: bool) -> LoadedFile:
        flags = _FAST if fast else 0
        payload = _LOAD.pack(place, dialect, flags, len(file), zlib.crc32(file))
        answer = self.session.request(Message.LOAD, payload, Deadline.after(LOAD_TIMEOUT_S))
        raw = of_size(self.session, _LOADED.size, answer)
        code, layer, offset, needed_bytes, stages, outputs = _LOADED.unpack(raw)
        if code:
            raise NetworkRefusedError(
                f"{self.session.transport.name}: expected a network file that can be loaded, found "
                f"{self._text()} (layer {layer}, byte {offset:,}); correct the file, or choose a "
                "target with more memory"
            )
        return LoadedFile(needed_bytes, stages, outputs)

    def _check_size(self, file: bytes) -> None:
        arena_bytes = self.session.banner.arena_bytes
        if len(file) > arena_bytes:
            raise NetworkTooLargeError(
                f"{self.session.transport.name}: expected a network file that fits the arena of "
                f"{arena_bytes:,} bytes, found one of {len(file):,}; choose a target with more "
                "memory, or --deployment stored-network"
            )

    def _text(self) -> str:
        text = self._memory.read(_TEXT, _TEXT_BYTES).partition(b"\0")[0]
        return text.decode("ascii", "replace")

    def forward(
        self, network: RemoteNetwork, image: RemoteImage, *, tensors: bool, crc: bool = True
    ) -> RemoteTrace:
        """Run the loaded `network` on a part of an image; raises TargetError."""
        self._memory.write(IMAGE_OFFSET, image.data)
        payload = _FORWARD.pack(
            network.flags(tensors=tensors, crc=crc),
            zlib.crc32(image.data),
            *(image.format, image.width, image.height, *image.roi),
        )
        return network.infer(Message.FORWARD, payload, tensors=tensors, crc=crc)


def remote_network(session: Session, loaded: LoadedFile, *, softmax: bool) -> RemoteNetwork:
    """Return a loaded network, with a softmax behind it if that is wanted."""
    return RemoteNetwork(session, stages=loaded.stages, softmax=softmax)
