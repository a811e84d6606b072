"""The folder of a generated project: what is in it, and how it gets new files, all or none."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from qrig.codegen.project import FILES, is_sealed
from qrig.errors import UsageError
from qrig.networks.files import read_bytes

WRITTEN, CHANGED, UNCHANGED, REMOVED = "written", "changed", "unchanged", "removed"
"""What became of a file."""

_LIMIT_BYTES = 1 << 28
_OLD = ".old"


def read_project(folder: Path) -> dict[str, str]:
    """Return the files in `folder` by name, none if it is empty or not there yet.

    Raises UsageError if it cannot be a project's: it is a file, its parent is missing, or something
    in it is not as qrig generate wrote it.
    """
    try:
        if folder.is_dir():
            return {path.name: _read(path) for path in sorted(folder.iterdir())}
        if folder.exists() or folder.is_symlink() or not folder.parent.is_dir():
            raise UsageError(
                f"{folder}: expected a folder, or a name for one in a folder that is there, found "
                "neither; give another with --out"
            )
    except (OSError, ValueError) as error:
        raise _unusable(folder, error) from error
    return {}


def _read(path: Path) -> str:
    """Return the text of one of our files; raises UsageError if it is none."""
    if path.name not in FILES or not stat.S_ISREG(path.lstat().st_mode):
        raise _foreign(path, "another")
    data = read_bytes(path, what="a generated file", limit_bytes=_LIMIT_BYTES)
    text = data.decode("utf-8", "replace")
    sealed = is_sealed(text)
    if not sealed:
        raise _foreign(path, "another" if sealed is False else "it changed since")
    return text


def _foreign(path: Path, found: str) -> UsageError:
    return UsageError(
        f"{path}: expected nothing but files as qrig generate wrote them, found {found}; move it "
        "elsewhere, or give another folder with --out"
    )


def write_project(
    folder: Path, files: Mapping[str, str], before: Mapping[str, str]
) -> dict[str, str]:
    """Let `folder` hold `files` instead of `before`, and return what became of each file.

    A new folder appears whole. In an old one only files that differ are touched; if one cannot be
    replaced all are as they were. Raises UsageError.
    """
    fates = {name: _fate(name, files, before) for name in FILES if name in {*files, *before}}
    touched = [name for name, fate in fates.items() if fate != UNCHANGED]
    try:
        place = folder.resolve()
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".qrig-generate-") as scratch:
            stage = Path(scratch) / "files"
            stage.mkdir(mode=0o755)
            for name in touched:
                if name in files:
                    _write(stage / name, files[name])
            if place.exists():
                _replace(place, stage, touched)
            else:
                stage.rename(place)
    except (OSError, ValueError) as error:
        raise _unusable(folder, error) from error
    return fates


def _fate(name: str, files: Mapping[str, str], before: Mapping[str, str]) -> str:
    if name not in files:
        return REMOVED
    if name not in before:
        return WRITTEN
    return UNCHANGED if files[name] == before[name].replace("\r\n", "\n") else CHANGED


def _write(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    path.chmod(0o644)


def _replace(place: Path, stage: Path, names: Iterable[str]) -> None:
    """Move what is in `stage` to `place`; put everything back if that fails midway."""
    old = stage.with_name(_OLD)
    old.mkdir()
    kept: list[str] = []
    placed: list[str] = []
    try:
        for name in names:
            if (place / name).exists():
                (place / name).rename(old / name)
                kept.append(name)
            if (stage / name).exists():
                (stage / name).rename(place / name)
                placed.append(name)
    except BaseException:
        for name in placed:
            (place / name).unlink()
        for name in kept:
            (old / name).rename(place / name)
        raise
    shutil.rmtree(old)


def _unusable(folder: Path, error: Exception) -> UsageError:
    reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
    return UsageError(
        f"{folder}: expected a folder that files can be written to, found that it cannot be used "
        f"({reason}); give another with --out"
    )
