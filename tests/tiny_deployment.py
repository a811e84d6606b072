"""A network of four small tensors, running on a target behind a transport that can be damaged."""

import functools
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
from attrs import define

from qrig.backends.process import ChildProcess
from qrig.build import Deployment, build_deployment
from qrig.deadline import Deadline
from qrig.fixedpoint.quantized import (
    QuantizedConvolution,
    QuantizedInnerProduct,
    QuantizedInput,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedReLU,
)
from qrig.link import Session, open_session
from qrig.link.connect import open_transport
from qrig.link.frames import Frame, Message, Receiver, encode
from qrig.link.inference import RemoteNetwork, RemoteTrace
from qrig.link.transports.faulty import FaultyTransport
from qrig.networks.graph import Pair, Shape
from qrig.reference import run_reference
from qrig.runs.targets import find_target

NATIVE = "host@native"
_PATIENT_BYTE_S = 0.01


@functools.cache
def tiny_network() -> QuantizedNetwork:
    """Convolution, ReLU, inner product on a 6x6 image."""
    numbers = np.random.default_rng(5)
    image, map_, one = Shape(6, 6, 1), Shape(3, 3, 4), Pair(1, 1)
    layers: tuple[QuantizedLayer, ...] = (
        QuantizedConvolution(
            "conv1", ("data",), image, map_, 0, Pair(2, 2), Pair(2, 2), Pair(0, 0),
            numbers.integers(-128, 128, (4, 2, 2, 1), dtype=np.int8),
            numbers.integers(-128, 128, 4, dtype=np.int8), 1, 7,
        ),
        QuantizedReLU("relu1", ("conv1",), map_, map_, 0),
        QuantizedInnerProduct(
            "ip1", ("relu1",), map_, Shape(one.y, one.x, 5), 0,
            numbers.integers(-128, 128, (5, map_.size), dtype=np.int8),
            numbers.integers(-128, 128, 5, dtype=np.int8), 1, 9,
        ),
    )  # fmt: skip
    source = QuantizedInput("data", image, "gray", np.array([100], np.int16), 1, 0, 0)
    return QuantizedNetwork("tiny", source, layers)


@functools.cache
def tiny_deployment(target: str = NATIVE) -> Deployment:
    """Return the network built for the target's board."""
    return build_deployment(tiny_network(), find_target(target).board)


def tiny_pixels(seed: int = 0) -> npt.NDArray[np.uint8]:
    """Return an input that the seed decides."""
    return np.random.default_rng(seed).integers(0, 256, (6, 6, 1), dtype=np.uint8)


def is_right(trace: RemoteTrace, pixels: npt.NDArray[np.uint8]) -> bool:
    """Whether all that was fetched of an inference is what the reference computes."""
    expected = [tensor.tobytes() for tensor in run_reference(tiny_network(), pixels).tensors]
    fetched = list(trace.tensors) or expected
    sizes = [record.size_bytes for record in trace.records]
    return (
        fetched == expected and trace.output == expected[-1] and sizes == list(map(len, expected))
    )


@define
class Board:
    """A running firmware, the damaged way to it, and an open session."""

    running: ChildProcess
    transport: FaultyTransport
    session: Session

    @property
    def network(self) -> RemoteNetwork:
        """The network, with nothing remembered of earlier runs."""
        return RemoteNetwork(self.session)

    def ask(self, kind: int, payload: bytes = b"", session: int | None = None) -> Frame:
        """Send one request of any type and content as the session's next; return its answer."""
        opened = self.session
        opened._sequence = (opened._sequence + 1) & 0xFFFF
        number = opened.number if session is None else session
        deadline = Deadline.after(5.0)
        self.transport.write(encode(Frame(kind, opened._sequence, number, payload)), deadline)
        receiver = Receiver()
        while True:
            data = self.transport.read(deadline)
            assert data, "no answer"
            for frame in receiver.feed(data):
                if frame is not None and frame.type != Message.ACCEPTED:
                    return frame

    def pause(self, pixels: npt.NDArray[np.uint8]) -> None:
        """Start an inference and leave it paused behind its first stage."""
        data = pixels.tobytes()
        deadline = Deadline.after(5.0)
        self.session.request(Message.WRITE, bytes(4) + data, deadline)
        crc = zlib.crc32(data).to_bytes(4, "little")
        self.session.request(Message.INFER, b"\1" + crc, deadline)

    def settle(self) -> None:
        """Take in all repeated answers that are still on their way: they come before this one."""
        self.network.status()


def start(target: str = NATIVE) -> ChildProcess:
    """Start the firmware; stop it in any case."""
    running = find_target(target).backend.start(tiny_deployment(target))
    assert isinstance(running, ChildProcess)
    return running


@contextmanager
def board(target: str = NATIVE, *, patient: bool = False) -> Iterator[Board]:
    """Start the firmware, open a session, and stop it at the end.

    A patient session waits seconds before it sends again, so that a busy machine is no lost frame.
    """
    running = start(target)
    try:
        transport = FaultyTransport(open_transport(running.stream))
        if patient:
            transport.byte_s = _PATIENT_BYTE_S
        yield Board(running, transport, open_session(transport))
    finally:
        running.stop()
