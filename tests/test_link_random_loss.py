"""One byte in a thousand lost in both directions: everything arrives once, in order, unchanged."""

import numpy as np
import numpy.typing as npt
import pytest

from full_runs import FULL_RUN
from qrig.deadline import Deadline
from qrig.link import Session
from qrig.link.inference import RemoteTrace
from qrig.link.transports.faulty import RandomLoss, clean
from tiny_deployment import Board, board, is_right, tiny_pixels

_LOSS = 1e-3
_FRAMES_PER_RUN = 9  # WRITE, INFER, two READ, their answers, and ACCEPTED
_INPUTS = 16


def _runs(native: Board, count: int) -> None:
    """Run inferences, no two in a row with the same input, and check each."""
    network = native.network
    inputs: list[npt.NDArray[np.uint8]] = [tiny_pixels(seed) for seed in range(_INPUTS)]
    before = network.status()[0]
    for index in range(count):
        pixels = inputs[index % _INPUTS]
        trace: RemoteTrace = network.run(pixels, tensors=False)
        assert is_right(trace, pixels)
        assert trace.inference == before + index + 1
    assert network.status()[0] == before + count


@pytest.mark.parametrize(
    ("frames", "seed"),
    [
        pytest.param(1_000, 1, id="1000"),
        pytest.param(10_000, 2, id="10000"),
        *(pytest.param(100_000, seed, id=f"1e5-{seed}", marks=FULL_RUN) for seed in (3, 4, 5)),
    ],
)
def test_random_loss(frames: int, seed: int) -> None:
    runs = -(-frames // _FRAMES_PER_RUN)
    with board() as native:
        requests, undamaged = _wire_use(native, runs)
        native.transport.out = RandomLoss(_LOSS, seed)
        native.transport.back = RandomLoss(_LOSS, seed + 1000)
        lossy_requests, damaged = _wire_use(native, runs)
        native.transport.out = native.transport.back = clean
        native.settle()
        statistics = native.session.statistics
        assert undamaged / damaged >= 0.6
        assert requests / lossy_requests >= 0.6
        assert statistics.resends > frames // 100
        assert statistics.timeouts <= 0.02 * statistics.requests


def _wire_use(native: Board, runs: int) -> tuple[int, int]:
    """Return how many requests, resends among them, and how many bytes the runs took."""
    before = _sent(native.session), native.transport.written_bytes + native.transport.read_bytes
    _runs(native, runs)
    after = _sent(native.session), native.transport.written_bytes + native.transport.read_bytes
    return after[0] - before[0], after[1] - before[1]


def _sent(session: Session) -> int:
    return session.statistics.requests + session.statistics.resends


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_heavy_loss_is_slow_but_right(seed: int) -> None:
    with board() as native:
        native.transport.out = RandomLoss(0.01, seed)
        native.transport.back = RandomLoss(0.01, seed + 1000)
        _runs(native, 40)
        assert native.session.statistics.resends > 20


def test_sequence_numbers_wrap_around() -> None:
    with board() as native:
        native.transport.out = RandomLoss(_LOSS, 7)
        native.transport.back = RandomLoss(_LOSS, 8)
        before = native.session.statistics.requests
        native.session._sequence = 0xFFFF - 200
        native.session.hello(Deadline.after(5.0))
        _runs(native, 100)
        assert native.session.statistics.requests - before > 400
        assert native.session._sequence < 0x1000
