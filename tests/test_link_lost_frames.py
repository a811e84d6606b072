"""Whole frames lost: the same request again, and the network runs once."""

import struct

import pytest

from frame_faults import FrameFault, drop_first_of_every_answer, drop_once, watch
from qrig.link.frames import REPLY, Frame, Message
from tiny_deployment import Board, board, is_right, tiny_pixels

_INFER, _CONTINUE = Message.INFER, Message.CONTINUE


def _run_once(native: Board, *, tensors: bool) -> None:
    """Run one inference, right and counted once."""
    pixels = tiny_pixels(9)
    before = native.network.status()[0]
    trace = native.network.run(pixels, tensors=tensors)
    assert is_right(trace, pixels)
    assert trace.inference == before + 1
    assert native.network.status()[0] == before + 1


def _sent_more_than_once(out: FrameFault) -> list[Frame]:
    """Return the requests that went out again; they are the same in every bit."""
    by_sequence: dict[int, Frame] = {}
    again = []
    for frame in out.seen:
        assert by_sequence.setdefault(frame.sequence, frame) == frame
        if by_sequence[frame.sequence] is not frame:
            again.append(frame)
    return again


@pytest.mark.parametrize("tensors", [False, True])
@pytest.mark.parametrize("lost", [(_INFER | REPLY,), (_INFER | REPLY, Message.ACCEPTED)])
def test_the_answer_to_infer_is_lost(lost: tuple[int, ...], *, tensors: bool) -> None:
    with board() as native:
        native.transport.out = out = watch()
        native.transport.back = drop_once(*lost)
        _run_once(native, tensors=tensors)
        assert {frame.type for frame in _sent_more_than_once(out)} == {_INFER}
        assert native.session.statistics.timeouts >= 1


def test_only_the_acceptance_is_lost() -> None:
    with board(patient=True) as native:
        native.transport.back = drop_once(Message.ACCEPTED)
        _run_once(native, tensors=True)
        assert native.session.statistics.resends == 0


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_the_answer_to_continue_is_lost(stage: int) -> None:
    left = [stage]

    def change(frame: Frame) -> list[Frame]:
        if frame.type != _CONTINUE | REPLY:
            return [frame]
        left[0] -= 1
        return [] if left[0] == -1 else [frame]

    with board() as native:
        native.transport.out = out = watch()
        native.transport.back = FrameFault(change)
        _run_once(native, tensors=True)
        assert left[0] < 0
        assert {frame.type for frame in _sent_more_than_once(out)} == {_CONTINUE}


@pytest.mark.parametrize("tensors", [False, True])
def test_every_request_is_lost_once(*, tensors: bool) -> None:
    with board() as native:
        native.transport.out = drop_once(
            Message.WRITE, _INFER, _CONTINUE, Message.READ, Message.STATUS
        )
        _run_once(native, tensors=tensors)
        assert native.session.statistics.timeouts >= 4


def test_every_answer_is_lost_once() -> None:
    with board() as native:
        native.transport.out = out = watch()
        native.transport.back = drop_first_of_every_answer()
        _run_once(native, tensors=False)
        native.transport.out.seen.clear()
        _run_once(native, tensors=True)
        again = {frame.type for frame in _sent_more_than_once(out)}
        assert again >= {Message.WRITE, _INFER, _CONTINUE, Message.READ, Message.STATUS}


def test_a_request_repeated_by_the_line_is_executed_once() -> None:
    with board(patient=True) as native:
        native.transport.out = FrameFault(lambda frame: [frame] * 3)
        for _ in range(3):
            _run_once(native, tensors=True)
        _run_once(native, tensors=False)
        assert native.session.statistics.resends == 0
        assert native.session.statistics.stale > 0


def test_a_late_request_of_the_past_is_ignored() -> None:
    old: list[Frame] = []

    def change(frame: Frame) -> list[Frame]:
        late, old[:] = old[-8:], [*old, frame]
        return [*late[:4], frame]

    with board() as native:
        native.transport.out = FrameFault(change)
        for tensors in (False, True):
            _run_once(native, tensors=tensors)


def test_the_input_is_checked_before_it_is_used() -> None:
    """A WRITE that never came is not made up for by an older input."""
    pixels = tiny_pixels(1)
    with board() as native:
        assert is_right(native.network.run(pixels, tensors=False), pixels)
        wrong = struct.pack("<BI", 0, 0x12345678)
        answer = native.ask(_INFER, wrong)
        assert answer.payload == b"\3"
        assert native.network.status()[0] == 1
