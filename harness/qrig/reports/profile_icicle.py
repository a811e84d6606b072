"""The call paths of a profile as an icicle: network, layers, functions, each as wide as its cost.

Drawn by hand as SVG: boxes with a tooltip each, no script, no style that leaks into the page it is
put in. Equal tables give equal text.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from qrig.reports.figures import INK
from qrig.reports.profile_cells import (
    MEASURE_WORDS,
    MEASURES,
    CellProfile,
    layer_key,
    missing_layers,
)
from qrig.reports.profile_views import number_text
from qrig.reports.tables import printable

__all__ = ["icicle"]

_HUES: Final = ("#3f7cac", "#d9822b", "#4f9d69", "#b4577f", "#7d6bb0", "#8d8741")
_NETWORK_HUE: Final = "#8a8f94"
_ROW: Final = 23.0
_FONT: Final = 12.0
_ADVANCE: Final = 6.9
_PAD: Final = 5.0
_MIN_WIDTH: Final = 0.6
_MAX_DEPTH: Final = 48
_STANDALONE: Final = (
    f"svg{{color:{INK};background:#fffefb;font-family:sans-serif}}"
    "@media (prefers-color-scheme:dark){svg{color:#e7e4dd;background:#1b1f23}}"
)


@attrs.define
class _Node:
    """One box: its name, what it costs with all below it, and those below it by name."""

    name: str
    hue: str
    cost: float = 0.0
    below: dict[str, _Node] = attrs.field(factory=dict)


def icicle(
    cell: CellProfile,
    measure: str = "m7",
    *,
    width: float = 1120.0,
    standalone: bool = False,
) -> str:
    """Draw where a network spends `measure`, one of `MEASURES`, as the text of an `<svg>`.

    It scales with its place; labels are legible at about `width` pixels. In a page it takes the
    page's ink (currentColor); `standalone` gives a file with a name space and colours of its own,
    light and dark. Layers that lack `measure` are left out and named in the tooltip of the
    network; "" if that leaves nothing.
    """
    root = _tree(cell, measure)
    if not root.cost > 0:
        return ""
    depth = _depth(root)
    svg = ET.Element("svg", {"viewBox": f"0 0 {width:g} {depth * _ROW + 1:g}", "role": "img"})
    if standalone:
        svg.set("xmlns", "http://www.w3.org/2000/svg")
        ET.SubElement(svg, "style").text = _STANDALONE
    svg.set("font-size", f"{_FONT:g}")
    ET.SubElement(svg, "title").text = _subject(cell, measure)
    for box in _boxes(root, cell, measure, width):
        svg.append(box)
    return ET.tostring(svg, encoding="unicode") + ("\n" if standalone else "")


def _tree(cell: CellProfile, measure: str) -> _Node:
    """Add up call paths below their layers, layers below the network, in the order of layers."""
    column = MEASURES[measure]
    root = _Node(cell.network, _NETWORK_HUE)
    lacking = {layer_key(row) for row in cell.layers if row[column] is None}
    names = {layer_key(row): str(row["layer"]) for row in cell.layers}
    for key in names:
        if key not in lacking:
            root.below[f"{key[0]}:{key[1]}"] = _Node(key[1], _hue(key[1]))
    for row in sorted(cell.stacks, key=lambda row: (*layer_key(row), row["stack"])):
        node = root.below.get(f"{row['layer_index']}:{row['layer']}")
        cost = row[column]
        if node is None or cost is None or not cost > 0:
            continue
        root.cost += cost
        node.cost += cost
        for name in row["stack"].split(";")[:_MAX_DEPTH]:
            node = node.below.setdefault(name, _Node(name, _hue(name)))
            node.cost += cost
    for layer in root.below.values():
        _sort(layer)
    return root


def _sort(node: _Node) -> None:
    """Put the costliest first, below every box."""
    ranked = sorted(node.below.items(), key=lambda item: (-item[1].cost, item[0]))
    node.below = dict(ranked)
    for child in node.below.values():
        _sort(child)


def _hue(name: str) -> str:
    """Give a name its colour, the same in every network and run."""
    return _HUES[zlib.crc32(name.encode("utf-8", "replace")) % len(_HUES)]


def _depth(node: _Node) -> int:
    return 1 + max((_depth(child) for child in node.below.values()), default=0)


def _subject(cell: CellProfile, measure: str) -> str:
    """Say what is drawn."""
    words = f"{MEASURE_WORDS[measure]} per call path of {cell.network} on {cell.target}"
    lacking = missing_layers(cell, measure)
    return printable(f"{words}; not known for {', '.join(lacking)}" if lacking else words)


def _boxes(root: _Node, cell: CellProfile, measure: str, width: float) -> Iterator[ET.Element]:
    """Draw all boxes that can be seen, outermost first, each with its tooltip."""
    unit = width / root.cost
    queue: list[tuple[_Node, float, int, Sequence[str]]] = [(root, 0.0, 0, ())]
    while queue:
        node, left, level, path = queue.pop(0)
        if node.cost * unit < _MIN_WIDTH:
            continue
        share = node.cost / root.cost
        trail = [*path, node.name]
        cost = f"{node.cost:,.2f}".removesuffix(".00")
        about = f"{' > '.join(trail)}: {cost} {MEASURE_WORDS[measure]}, {share:.2%}"
        lacking = missing_layers(cell, measure) if level == 0 else []
        if lacking:
            about += f" of the layers known; not of {', '.join(lacking)}"
        label = [node.name, number_text(node.cost), f"{share:.1%}"]
        if level == 0:
            label = [node.name, f"{label[1]} {MEASURE_WORDS[measure]}", f"on {cell.target}"]
        yield _box(label, printable(about), node.hue, (left, level * _ROW, node.cost * unit))
        for child in node.below.values():
            queue.append((child, left, level + 1, trail))
            left += child.cost * unit


def _box(
    label: Sequence[str], about: str, hue: str, place: tuple[float, float, float]
) -> ET.Element:
    """Draw one box: a tint that suits any ground, and as much of its label as fits."""
    left, top, width = place
    group = ET.Element("g")
    ET.SubElement(group, "title").text = about
    box = {"x": f"{left:.2f}", "y": f"{top + 1:.2f}", "rx": "2", "fill": hue}
    size = {"width": f"{max(width - 1, 0.4):.2f}", "height": f"{_ROW - 1:.2f}"}
    ET.SubElement(group, "rect", {**box, **size, "fill-opacity": "0.32"})
    text = _fitting([printable(word) for word in label], width - 2 * _PAD)
    if text:
        # An inner svg clips. The page's rule for the size of plots must not reach it.
        style = f"width:{size['width']}px;height:{_ROW:g}px"
        clip = {"x": f"{left:.2f}", "y": f"{top:.2f}", "width": size["width"]}
        inner = ET.SubElement(group, "svg", {**clip, "height": f"{_ROW:g}", "style": style})
        place_of_text = {"x": f"{_PAD:g}", "y": f"{_ROW / 2 + 5:g}", "fill": "currentColor"}
        ET.SubElement(inner, "text", place_of_text).text = text
    return group


def _fitting(words: Sequence[str], width: float) -> str:
    """Cut a label, name and numbers, to what fits: first its numbers go, then its end."""
    room = int(width / _ADVANCE)
    for count in range(len(words), 0, -1):
        text = " ".join(words[:count])
        if len(text) <= room:
            return text
    return f"{words[0][: room - 1]}…" if room >= 3 else ""
