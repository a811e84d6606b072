"""What random loss costs the link: throughput with one byte in a thousand lost, against none."""

import os
import time
from collections.abc import Iterator

from qrig.build import build_deployment
from qrig.deadline import Deadline
from qrig.link import open_session
from qrig.link.connect import open_transport
from qrig.link.frames import Message
from qrig.link.transports.faulty import FaultyTransport, RandomLoss, clean
from qrig.runs.networks import load_network
from qrig.runs.targets import find_target

_FRAMES = 10_000
_PAYLOAD_BYTES = 64
_LOSS = 1e-3


def run() -> Iterator[str]:
    """Yield the ratio for frames of 64 payload bytes to the firmware as a process."""
    clean_s, _ = _exchange(0.0)
    lossy_s, resends = _exchange(_LOSS)
    yield (
        f"{_FRAMES} writes of {_PAYLOAD_BYTES} bytes, {_LOSS:g} of the bytes lost: "
        f"{100 * clean_s / lossy_s:.0f} % of the clean throughput, {resends} resends"
    )


def _exchange(loss: float) -> tuple[float, int]:
    target = find_target("host@native")
    deployment = build_deployment(load_network("lenet-mnist").quantized, target.board)
    running = target.backend.start(deployment)
    try:
        transport = FaultyTransport(open_transport(running.stream))
        session = open_session(transport)
        transport.out = RandomLoss(loss, seed=1) if loss else clean
        transport.back = RandomLoss(loss, seed=2) if loss else clean
        payload = bytes(4) + os.urandom(_PAYLOAD_BYTES - 4)
        start = time.perf_counter()
        for _ in range(_FRAMES):
            session.request(Message.WRITE, payload, Deadline.after(5.0))
        return time.perf_counter() - start, session.statistics.resends
    finally:
        running.stop()
