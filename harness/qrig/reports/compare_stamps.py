"""Stamps of two runs compared: what a number depends on has to be alike, or there is no comparison.

Every key counts but those of `SUBJECT`, which are what is put to the test: the code itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from qrig.reports.compare_result import StampDifference

__all__ = ["SUBJECT", "differences", "stamps_of"]

SUBJECT: Final = frozenset(
    ("target", "network", "build_id", "git_revision", "qrig_version", "kernel_sha256")
) | {"kernel_choices"}
"""Keys that may differ: names, and what changes with the code that is compared."""

_WHERE_STATED: Final = ("model_", "meter", "power")
"""How keys begin that only some numbers depend on, which a run without them does not have."""

_DEFAULTS: Final = {"deployment": "generated"}
"""What runs of before a key was there would have stated."""

_NATIVE: Final = "native"
_MAX_DEPTH: Final = 8


def stamps_of(run: Mapping[str, Any], target: str, network: str) -> list[dict[str, Any]]:
    """Return the stamps of a network on a target in run.json, each with dotted keys."""
    stamps = run.get("stamps")
    names = {"target": target, "network": network}
    found = [
        dict(_flattened(stamp))
        for stamp in (stamps if isinstance(stamps, list) else [])
        if isinstance(stamp, dict) and stamp.items() >= names.items()
    ]
    return [{**_DEFAULTS, **stamp} for stamp in found]


def differences(
    base: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]], allowed: Collection[str]
) -> list[StampDifference]:
    """Return the keys in which any stamp of one side differs from any of the other.

    `allowed` names keys that may differ, a key with dots by its beginning, too.
    """
    found: list[StampDifference] = []
    stamps = [*base, *new]
    names = dict.fromkeys(name for stamp in stamps for name in stamp)
    for name in names:
        if not _counts(name, stamps):
            continue
        first = [stamp.get(name) for stamp in base] or [None]
        second = [stamp.get(name) for stamp in new] or [None]
        for value in [*first, *second]:
            if value != first[0]:
                other = next((one for one in second if one != first[0]), value)
                found.append(StampDifference(name, first[0], other, _is_allowed(name, allowed)))
                break
    return found


def _counts(name: str, stamps: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether numbers depend on the key `name`."""
    if name.partition(".")[0] in SUBJECT:
        return False
    if name == "host":  # a firmware for a board is the same wherever it was built
        return any(stamp.get("core") == _NATIVE for stamp in stamps)
    if name.startswith(_WHERE_STATED):
        return all(stamp.get(name) is not None for stamp in stamps)
    return True


def _is_allowed(name: str, allowed: Collection[str]) -> bool:
    parts = name.split(".")
    return any(".".join(parts[:length]) in allowed for length in range(1, len(parts) + 1))


def _flattened(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield nested JSON as pairs of dotted name and value."""
    if isinstance(value, Mapping) and value and depth < _MAX_DEPTH:
        for key, inner in value.items():
            yield from _flattened(inner, f"{name}.{key}" if name else str(key), depth + 1)
    else:
        yield name, value
