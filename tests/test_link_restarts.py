"""Boards that restart, sessions that follow each other: nothing of the past is taken for new."""

from collections.abc import Iterator

import pytest

from frame_faults import FrameFault, before_frame, drop_once, watch
from qrig.deadline import Deadline
from qrig.errors import BoardRestartedError, LinkTimeoutError
from qrig.link import Session, open_session
from qrig.link.frames import REPLY, Frame, Message
from qrig.link.inference import RemoteNetwork
from qrig.link.transports.faulty import FaultyTransport
from qrig.runs.deployed import CRC, FULL, Deployed
from qrig.runs.targets import find_target
from tiny_deployment import NATIVE, Board, board, is_right, tiny_deployment, tiny_pixels

_TRACED_REQUESTS = 12  # WRITE, INFER, four READ, four CONTINUE, READ records, READ output
_PLAIN_REQUESTS = 4


@pytest.fixture
def native() -> Iterator[Board]:
    with board(patient=True) as found:
        yield found


def _reset(frame: Frame) -> Frame:
    """The request that restarts the board, as if it were the session's next."""
    return Frame(Message.RESET, frame.sequence, frame.session)


@pytest.mark.parametrize(
    ("trace", "at"),
    [(FULL, at) for at in range(_TRACED_REQUESTS)] + [(CRC, at) for at in range(_PLAIN_REQUESTS)],
)
def test_the_whole_input_is_repeated_after_a_restart(trace: str, at: int) -> None:
    first, second = tiny_pixels(1), tiny_pixels(2)
    with Deployed(find_target(NATIVE), tiny_deployment()) as deployed:
        assert is_right(deployed.run(first, trace), first)
        session = deployed.session
        session.transport = FaultyTransport(session.transport, out=before_frame(at, _reset))
        repeated = deployed.run(second, trace)
        assert is_right(repeated, second)
        assert deployed.restarts == 1
        assert deployed.session is not session
        assert repeated.inference == 1, "counted from the restart: computed after it"
        assert session.statistics.timeouts <= 1
        assert is_right(deployed.run(first, trace), first)
        assert deployed.restarts == 1


def test_a_restart_shows_in_the_next_request(native: Board) -> None:
    native.network.run(tiny_pixels(), tensors=True)
    native.network.reset()
    with pytest.raises(BoardRestartedError, match="started over"):
        native.network.status()
    native.session = open_session(native.transport)
    assert native.network.status() == (0, 0)


def test_a_restart_whose_announcement_is_lost_shows_too(native: Board) -> None:
    native.transport.back = drop_once(Message.BOOT)
    native.network.reset()
    with pytest.raises(BoardRestartedError):
        native.network.status()


def test_a_reset_whose_answer_is_lost_is_done(native: Board) -> None:
    native.transport.back = drop_once(Message.RESET | REPLY)
    native.network.reset()
    native.session = open_session(native.transport)
    assert native.network.status() == (0, 0)


def test_a_board_that_restarts_again_and_again_is_given_up() -> None:
    with Deployed(find_target(NATIVE), tiny_deployment()) as deployed:
        used = deployed._use

        def use_spoiled(session: Session) -> None:
            used(session)
            session.transport = FaultyTransport(session.transport, out=before_frame(1, _reset))

        deployed._use = use_spoiled  # type: ignore[method-assign]  # every session the same
        use_spoiled(deployed.session)
        with pytest.raises(BoardRestartedError):
            deployed.run(tiny_pixels())
        assert deployed.restarts == 1


@pytest.mark.parametrize("tensors", [False, True])
def test_answers_of_an_earlier_session_are_dropped(native: Board, *, tensors: bool) -> None:
    old, new = tiny_pixels(3), tiny_pixels(4)
    native.transport.back = recorded = watch()
    native.network.run(old, tensors=tensors)
    leftovers = iter(list(recorded.seen))
    injected = []

    def change(frame: Frame) -> list[Frame]:
        found = [next(leftovers, None), next(leftovers, None)]
        stale = [leftover for leftover in found if leftover is not None]
        injected.extend(stale)
        return [*stale, frame]

    native.transport.back = FrameFault(change)
    native.session = open_session(native.transport)
    trace = native.network.run(new, tensors=tensors)
    native.settle()
    assert is_right(trace, new)
    assert trace.inference == 2
    assert len(injected) >= (12 if tensors else 5)
    assert native.session.statistics.stale == len(injected)
    assert native.session.statistics.resends == 0


def test_answers_with_the_same_numbers_are_told_apart_by_the_session(native: Board) -> None:
    """Every answer comes first with another content and the session number of yesterday."""

    def change(frame: Frame) -> list[Frame]:
        wrong = Frame(frame.type, frame.sequence, frame.session ^ 0x10, b"\0" * len(frame.payload))
        return [wrong, frame]

    native.transport.back = FrameFault(change)
    pixels = tiny_pixels(5)
    assert is_right(native.network.run(pixels, tensors=True), pixels)
    assert native.session.statistics.stale == 1 + _TRACED_REQUESTS + 5  # BOOT, answers, ACCEPTED
    assert native.session.statistics.resends == 0


def test_a_new_session_takes_over_a_paused_inference(native: Board) -> None:
    first = native.session
    native.pause(tiny_pixels(6))
    native.session = open_session(native.transport)
    trace = native.network.run(tiny_pixels(7), tensors=True)
    assert is_right(trace, tiny_pixels(7))
    assert trace.inference == 2, "the paused one ran to its end"
    with pytest.raises(LinkTimeoutError):
        first.request(Message.CONTINUE, b"", Deadline.after(0.5))
    assert native.network.status()[0] == 2


def test_sessions_by_the_dozen(native: Board) -> None:
    for index in range(30):
        native.session = open_session(native.transport)
        pixels = tiny_pixels(index)
        if index % 3 == 0:
            native.pause(pixels)
            continue
        network = RemoteNetwork(native.session)
        assert is_right(network.run(pixels, tensors=index % 2 == 0), pixels)
        assert network.status()[0] == index + 1
