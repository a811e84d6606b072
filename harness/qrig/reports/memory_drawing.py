"""A memory plan as a drawing: stages from left to right, addresses upwards, a box per buffer."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen
from markupsafe import Markup

from qrig.reports.stamps import one_line

__all__ = ["MemoryBox", "MemoryDrawing", "memory_drawing"]

_HEIGHT: Final = 100.0
_MOST: Final = 400
_LINE: Final = 11.0
_LETTER: Final = 2.5
_MARGIN: Final = 4.0
"""The height of a line, the width of a letter and of what is beside it, in parts of 100."""


@frozen
class MemoryBox:
    """The name of a buffer and where it is written, in parts (0 to 100) of the drawing."""

    name: str
    left: float
    bottom: float
    width: float
    height: float


@frozen
class MemoryDrawing:
    """The drawing; `boxes` are those with room for a name."""

    drawing: Markup = field(repr=False)
    boxes: Sequence[MemoryBox]
    stages: Sequence[str]


def memory_drawing(
    plan: Mapping[str, Any], stages: Sequence[str], label: str, prefix: str
) -> MemoryDrawing | None:
    """Draw the arena of a memory plan; `stages` are the network's, in order.

    None if there is no arena, or a buffer is needed by a stage that is not among them. Ids begin
    with `prefix`.
    """
    top = plan.get("arena_bytes")
    buffers = [one for one in plan.get("buffers") or () if one.get("offset_bytes") is not None]
    places = {name: place for place, name in enumerate(stages)}
    needed = [one.get(key) for one in buffers for key in ("first_stage", "last_stage")]
    if not top or not buffers or len(buffers) > _MOST or any(one not in places for one in needed):
        return None
    boxes = list(_boxes(buffers, places, top))
    svg = ET.Element(
        "svg",
        {
            "viewBox": f"0 0 {len(stages)} {_HEIGHT:g}",
            "preserveAspectRatio": "none",
            "role": "img",
            "aria-labelledby": f"{prefix}title {prefix}about",
        },
    )
    ET.SubElement(svg, "title", {"id": f"{prefix}title"}).text = one_line(label)
    about = (
        "Stages from left to right, addresses from below; each box is a buffer. Where boxes cross, "
        "one is done with before the other begins, within a stage."
    )
    ET.SubElement(svg, "desc", {"id": f"{prefix}about"}).text = about
    for number, (box, buffer) in enumerate(zip(boxes, buffers, strict=True)):
        svg.append(_drawn(box, buffer, len(stages), number))
    named = [box for box in boxes if box.height >= _LINE and box.width >= _width(box.name)]
    drawn = Markup(ET.tostring(svg, encoding="unicode"))  # noqa: S704 - it escapes all names
    return MemoryDrawing(drawn, named, [one_line(name) for name in stages])


def _boxes(
    buffers: Sequence[Mapping[str, Any]], places: Mapping[str, int], top: int
) -> Iterator[MemoryBox]:
    for one in buffers:
        first, last = places[one["first_stage"]], places[one["last_stage"]]
        yield MemoryBox(
            name=one_line(one.get("name")),
            left=100 * first / len(places),
            bottom=100 * one["offset_bytes"] / top,
            width=100 * (last - first + 1) / len(places),
            height=100 * one["size_bytes"] / top,
        )


def _width(name: str) -> float:
    """Return the room a name needs on a narrow page."""
    return _MARGIN + _LETTER * len(name)


def _drawn(box: MemoryBox, buffer: Mapping[str, Any], stages: int, number: int) -> ET.Element:
    """Draw one box with its tooltip."""
    group = ET.Element("g", {"class": f"box t{number % 6}"})
    needed = f"{one_line(buffer['first_stage'])} to {one_line(buffer['last_stage'])}"
    about = f"{box.name}: {buffer['size_bytes']:,} bytes at {buffer['offset_bytes']:,}, {needed}"
    ET.SubElement(group, "title").text = about
    ET.SubElement(
        group,
        "rect",
        {
            "x": f"{box.left * stages / 100:.4f}",
            "y": f"{_HEIGHT - box.bottom - box.height:.3f}",
            "width": f"{box.width * stages / 100:.4f}",
            "height": f"{box.height:.3f}",
        },
    )
    return group
