"""TOML tables into attrs classes, with the file and line of every mistake."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

import cattrs
from cattrs.errors import BaseValidationError, ForbiddenExtraKeysError

from qrig.errors import FileFormatError

_T = TypeVar("_T")
_TABLE = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]")
_VALIDATED = re.compile(r"'(\w+)' (?=must )")  # how messages of attrs' validators begin
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")


def structure(table: dict[str, Any], cls: type[_T], path: Path, text: str) -> _T:
    """Return `table`, parsed from `text`, as an instance of the attrs class `cls`.

    Types are checked, not converted. Raises FileFormatError for an unknown key, a missing one, or a
    value of the wrong kind, with the file, the line and the key.
    """
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    for kind in (int, str, bool):
        converter.register_structure_hook(kind, _strict)
    converter.register_structure_hook_func(lambda kind: kind == tuple[str, ...], _strings)
    try:
        return converter.structure(table, cls)
    except BaseValidationError as error:
        keys, expected = _first(error, ())
        line = _line_of(text, keys)
        key = ".".join(keys) or "top level"
        raise FileFormatError(f"{path}:{line}: {key}: {expected}; correct it") from error


def _strict(value: Any, kind: type[_T]) -> _T:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"expected {kind.__name__}, found {value!r}")
    return value


def _strings(value: Any, kind: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"expected a list of texts, found {value!r}")
    return tuple(value)


def _first(error: BaseException, keys: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Return the key path and the description of the first mistake in a tree of errors."""
    for note in getattr(error, "__notes__", ()):
        name = getattr(note, "name", None)
        if name is not None:
            keys = (*keys, str(name))
    if isinstance(error, ForbiddenExtraKeysError):
        unknown = sorted(error.extra_fields)[0]
        return (*keys, unknown), "expected a known key, found one that is not"
    if isinstance(error, BaseExceptionGroup):
        return _first(error.exceptions[0], keys)
    if isinstance(error, KeyError):
        missing = str(error.args[0])  # cattrs names it in a note too
        return keys if keys[-1:] == (missing,) else (*keys, missing), (
            "expected this key, found none"
        )
    text = " ".join(str(error.args[0] if error.args else error).split())
    if validated := _VALIDATED.match(text):
        return (*keys, validated.group(1)), f"expected a value that {text[validated.end() :]}"
    return keys, text


def _line_of(text: str, keys: tuple[str, ...]) -> int:
    """Return the line of a key, or of the longest part of its path that is there."""
    current: tuple[str, ...] = ()
    best, best_length = 1, 0
    for number, line in enumerate(text.splitlines(), start=1):
        table, key = _TABLE.match(line), _KEY.match(line)
        if table:
            current = tuple(part.strip() for part in table.group(1).split("."))
            path = current
        elif key:
            path = (*current, key.group(1))
        else:
            continue
        if path == keys[: len(path)] and len(path) > best_length:
            best, best_length = number, len(path)
    return best
