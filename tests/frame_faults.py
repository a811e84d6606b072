"""Faults of whole frames for FaultyTransport: dropping, adding and noting them."""

from collections.abc import Callable, Iterable

from qrig.link.frames import Frame, Receiver, encode

Change = Callable[[Frame], Iterable[Frame]]
"""Takes a frame on its way and returns the frames that arrive in its place."""


class FrameFault:
    """Replaces frames; `seen` are all that came to it."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self._receiver = Receiver()
        self.seen: list[Frame] = []

    def __call__(self, data: bytes) -> bytes:
        out = b""
        for frame in self._receiver.feed(data):
            assert frame is not None, "damaged before it came here"
            self.seen.append(frame)
            out += b"".join(map(encode, self._change(frame)))
        return out


def watch() -> FrameFault:
    """Note frames and change nothing."""
    return FrameFault(lambda frame: [frame])


def drop_once(*kinds: int) -> FrameFault:
    """Drop the first frame of each type in `kinds`."""
    left = list(kinds)

    def change(frame: Frame) -> list[Frame]:
        if frame.type not in left:
            return [frame]
        left.remove(frame.type)
        return []

    return FrameFault(change)


def drop_first_of_every_answer() -> FrameFault:
    """Drop every answer the first time it is given, and whatever comes before its repetition."""
    known: set[tuple[int, int]] = set()

    def change(frame: Frame) -> list[Frame]:
        key = (frame.type, frame.sequence)
        if key in known:
            return [frame]
        known.add(key)
        return []

    return FrameFault(change)


def before_frame(index: int, extra: Callable[[Frame], Frame]) -> FrameFault:
    """Put `extra` of the frame in front of the frame numbered `index`."""
    count = 0

    def change(frame: Frame) -> list[Frame]:
        nonlocal count
        count += 1
        return [extra(frame), frame] if count == index + 1 else [frame]

    return FrameFault(change)
