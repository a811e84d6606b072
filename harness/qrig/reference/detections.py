"""What was found in an image, and how what overlaps is merged."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, frozen

from qrig.reference.image_transform import Roi


@frozen
class Detection:
    """What was found: a rectangle of the image, the index of the class, and how sure that is."""

    x: int
    y: int
    w: int
    h: int
    index: int
    value: float

    @property
    def rect(self) -> Roi:
        """The rectangle."""
        return Roi(self.x, self.y, self.w, self.h)


def overlaps(one: Detection, other: Detection) -> bool:
    """Return whether two rectangles share a pixel."""
    return (
        one.x < other.x + other.w
        and other.x < one.x + one.w
        and one.y < other.y + other.h
        and other.y < one.y + one.h
    )


def merged(found: Sequence[Detection]) -> list[Detection]:
    """Merge what overlaps and is of one class into running averages, until nothing does.

    Coordinates are cut to whole pixels each time.
    """
    before = list(found)
    while True:
        left, after = list(before), []
        while left:
            one, count, apart = left.pop(0), 1, []
            for other in left:
                if one.index == other.index and overlaps(one, other):
                    one, count = _averaged(one, other, count), count + 1
                else:
                    apart.append(other)
            after.append(one)
            left = apart
        if len(after) == len(before):
            return after
        before = after


def _averaged(one: Detection, other: Detection, count: int) -> Detection:
    """Return the average of `count` detections, which `one` is, and another."""
    x, y, w, h = (
        (before * count + added) // (count + 1)
        for before, added in zip(one.rect, other.rect, strict=True)
    )
    value = (one.value * count + other.value) / (count + 1)
    return evolve(one, x=x, y=y, w=w, h=h, value=value)


def surest(found: Sequence[Detection]) -> list[Detection]:
    """Keep of overlapping classes the one that is surest, the first of equals, until none do."""
    before = list(found)
    while True:
        left, after = list(before), []
        while left:
            one, apart = left.pop(0), []
            for other in left:
                if one.index == other.index or not overlaps(one, other):
                    apart.append(other)
                elif other.value > one.value:
                    one = other
            after.append(one)
            left = apart
        if len(after) == len(before):
            return after
        before = after
