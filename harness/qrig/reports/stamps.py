"""The stamps of a run, sorted for readers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from qrig.reports.tables import cell_text, printable

__all__ = ["kernel_libraries", "one_line", "semantics", "sorted_stamps"]

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


def kernel_libraries(stamps: Sequence[Mapping[str, Any]]) -> list[str]:
    """List the libraries of kernels that the deployments were linked with, each once."""
    found = (one_line(stamp.get("kernel_library")) for stamp in stamps)
    return list(dict.fromkeys(name for name in found if name))


def semantics(stamps: Sequence[Mapping[str, Any]]) -> list[str]:
    """List what the kernels of the deployments compute, each once, in a few words."""
    found = []
    for stamp in stamps:
        pairs = _flattened(stamp.get("semantics") or {})
        found.append(", ".join(f"{name} {value}" for name, value in pairs))
    return list(dict.fromkeys(text for text in found if text))


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
