"""The stamps of a run, sorted for readers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from qrig.reports.tables import cell_text, printable

__all__ = ["one_line", "sorted_stamps"]

_MAX_DEPTH: Final = 8


def sorted_stamps(stamps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sort the stamps into what all deployments share and what each has of its own."""
    flat = [dict(_flattened(stamp)) for stamp in stamps]
    names = {"target", "network"}
    common = {
        name: value
        for name, value in (flat[0] if flat else {}).items()
        if len(flat) > 1 and name not in names and all(one.get(name) == value for one in flat)
    }
    own = [
        {
            "network": one.get("network", ""),
            "target": one.get("target", ""),
            "items": [(k, v) for k, v in one.items() if k not in common and k not in names],
        }
        for one in flat
    ]
    return {"common": list(common.items()), "own": own}


def _flattened(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield nested JSON as pairs of dotted name and text."""
    if isinstance(value, Mapping) and value and depth < _MAX_DEPTH:
        for key, inner in value.items():
            dotted = f"{name}.{one_line(key)}" if name else one_line(key)
            yield from _flattened(inner, dotted, depth + 1)
    elif isinstance(value, list | tuple):
        yield name, one_line(", ".join(str(inner) for inner in value)) or "none"
    elif isinstance(value, bool):
        yield name, "yes" if value else "no"
    else:
        yield name, cell_text(value) or "none"


def one_line(text: Any) -> str:
    """Make `text` printable on one line; nothing of None."""
    return "" if text is None else printable(" ".join(str(text).split()))
