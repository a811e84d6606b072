"""One byte lost, doubled or changed, at every place of an exchange: at most one resend, no wait."""

from collections.abc import Iterator

import pytest

from full_runs import FULL_RUN
from qrig.deadline import Deadline
from qrig.link import Session
from qrig.link.transports.faulty import ByteFault, clean
from tiny_deployment import Board, board, is_right, tiny_pixels

Kind = tuple[str, int]

_EVERY_KIND: list[Kind] = [("drop", 0), ("duplicate", 0), *(("flip", bit) for bit in range(8))]
_FEW_KINDS: list[Kind] = [("drop", 0), ("duplicate", 0), ("flip", 0), ("flip", 7)]


@pytest.fixture(scope="module")
def native() -> Iterator[Board]:
    """One firmware process for all exchanges."""
    with board(patient=True) as found:
        yield found


def _passed_bytes(native: Board, direction: str) -> int:
    transport = native.transport
    return transport.written_bytes if direction == "out" else transport.read_bytes


def _exchange_bytes(native: Board, direction: str, *, tensors: bool) -> int:
    """Return how many bytes one undisturbed inference takes in one direction."""
    native.settle()
    before = _passed_bytes(native, direction)
    native.network.run(tiny_pixels(), tensors=tensors)
    return _passed_bytes(native, direction) - before


def _run_with(native: Board, direction: str, fault: ByteFault, *, tensors: bool, seed: int) -> int:
    """Run one inference with a fault, judge it, and return the number of resends."""
    statistics = native.session.statistics
    resends, timeouts, damaged = statistics.resends, statistics.timeouts, statistics.damaged
    count = native.network.status()[0]
    pixels = tiny_pixels(seed)
    setattr(native.transport, direction, fault)
    trace = native.network.run(pixels, tensors=tensors)
    native.settle()
    setattr(native.transport, direction, clean)
    native.settle()
    assert is_right(trace, pixels)
    assert trace.inference == count + 1
    assert native.network.status()[0] == count + 1
    assert statistics.timeouts == timeouts
    assert statistics.resends - resends == statistics.damaged - damaged
    return statistics.resends - resends


@pytest.mark.parametrize("direction", ["out", "back"])
@pytest.mark.parametrize(
    ("tensors", "kinds"),
    [
        pytest.param(False, _EVERY_KIND, id="checksums"),
        pytest.param(True, _FEW_KINDS, id="tensors"),
        pytest.param(True, _EVERY_KIND, id="tensors-every-bit", marks=FULL_RUN),
    ],
)
def test_one_bad_byte_anywhere(
    native: Board, direction: str, *, tensors: bool, kinds: list[Kind]
) -> None:
    size = _exchange_bytes(native, direction, tensors=tensors)
    assert size >= 130
    resends = [
        _run_with(native, direction, ByteFault(at, kind, bit), tensors=tensors, seed=at % 16)
        for at in range(size)
        for kind, bit in kinds
    ]
    assert max(resends) == 1
    assert sum(resends) > len(resends) // 2


@pytest.mark.parametrize("direction", ["out", "back"])
def test_one_bad_byte_while_a_session_opens(native: Board, direction: str) -> None:
    native.settle()
    before = _passed_bytes(native, direction)
    Session(native.transport, 0x01010101).hello(Deadline.after(5.0))
    size = _passed_bytes(native, direction) - before
    assert size >= 19
    cases = [(at, kind, bit) for at in range(size) for kind, bit in _EVERY_KIND]
    for index, case in enumerate(cases):
        native.session = Session(native.transport, 0x5A000001 + index)
        setattr(native.transport, direction, ByteFault(*case))
        banner = native.session.hello(Deadline.after(5.0))
        native.settle()
        setattr(native.transport, direction, clean)
        native.settle()
        statistics = native.session.statistics
        assert (banner.network, banner.stages) == ("tiny", 4)
        assert (statistics.timeouts, case) == (0, case)
        assert statistics.resends <= 1
