"""Augmented copies of image files, as many for every class, in a folder of their own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from attrs import field, frozen

from qrig.datasets.augment import Augmentation, augmented
from qrig.datasets.folders import list_folder, read_file
from qrig.datasets.images import Pixels
from qrig.datasets.lists import list_entries
from qrig.datasets.request import Request
from qrig.errors import FileFormatError, UsageError

MAX_COPIES = 10_000_000
"""Most images one call makes."""

LIST_NAME = "list.txt"
"""The list file written where the source was a list."""

_STEM_LENGTH = 120
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@frozen
class AugmentedClass:
    """One class of the result: its folder's name ("" for none), how many files went in and out."""

    name: str
    originals: int
    images: int


@frozen
class _Group:
    """The original files of one class and where their copies go, "" for the folder itself."""

    name: str
    files: tuple[Path, ...] = field(repr=False)


def augment_files(
    source: Path,
    out: Path,
    *,
    count: int,
    seed: int = 0,
    options: Augmentation | None = None,
    keep: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[AugmentedClass, ...]:
    """Make the folder `out` with `count` images of every class in `source`.

    `source` is a folder with a folder for each class, which `out` then has too; a folder of images,
    which is one class; or a list file, whose labels become class folders and a list again. Copies
    are PNG files named by their number and their original, so that a label in a file's name stays
    its last number. With `keep` the originals are the first of the `count`. Originals take turns in
    an order drawn by `seed`, which decides all. `progress` is told how many of how many images are
    done. `out` appears when it is complete. Raises UsageError where numbers or `out` do not fit,
    FileFormatError that names an image that cannot be read.
    """
    out = _place_of(source, out)
    groups = _groups(source)
    for group in groups:
        _check_count(source, group, count, len(groups), keep=keep)
    try:
        room = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
        try:
            _fill(room, groups, count, seed, options or Augmentation(), keep, progress)
            if not source.is_dir():
                _write_list(room)
            room.chmod(0o755)
            room.replace(out)
        finally:
            shutil.rmtree(room, ignore_errors=True)
    except OSError as error:
        raise UsageError(
            f"{out}: expected a folder that can be written, found that it cannot be "
            f"({error.strerror}); give another, or make room"
        ) from error
    return tuple(AugmentedClass(group.name, len(group.files), count) for group in groups)


def _place_of(source: Path, out: Path) -> Path:
    """Return where the folder `out` is made, links followed; raises UsageError."""
    try:
        if not source.exists():
            raise UsageError(
                f"{source}: expected a folder of images or a list file, found nothing; check the "
                "path"
            )
        place = out.resolve()
        if source.is_dir() and place.is_relative_to(source.resolve()):
            raise UsageError(
                f"{out}: expected a folder outside {source}, found one inside; give another"
            )
        taken = place.exists() and (not place.is_dir() or any(place.iterdir()))
        placed = place.parent.is_dir()
    except (OSError, ValueError, RuntimeError) as error:  # no name, a loop
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"{out}: expected a new folder, found none that can be made ({reason}); give another"
        ) from error
    if taken:
        raise UsageError(
            f"{out}: expected a folder that is new or empty, found something there; give another "
            "or remove it"
        )
    if not placed:
        raise UsageError(
            f"{out}: expected a new folder in one that is there, found no {out.parent}; make it"
        )
    return place


def _groups(source: Path) -> tuple[_Group, ...]:
    """Return the files of `source` by class; raises FileFormatError."""
    if not source.is_dir():
        entries = list_entries(source)
        labels = sorted({label for _, _, label in entries})
        return tuple(
            _Group(str(label), tuple(file for _, file, one in entries if one == label))
            for label in labels
        )
    _, files = list_folder(source)
    names = sorted({_class_of(source, file) for file, _ in files})
    empty = {entry.name for entry in source.iterdir() if entry.is_dir()} - {*names}
    bare = sorted(name for name in empty if not name.startswith("."))
    if bare:
        raise FileFormatError(
            f"{source / bare[0]}: expected images of this class, found none; add one or remove the "
            "folder"
        )
    return tuple(
        _Group(name, tuple(file for file, _ in files if _class_of(source, file) == name))
        for name in names
    )


def _class_of(source: Path, file: Path) -> str:
    return "" if file.parent == source else file.parent.name


def _check_count(source: Path, group: _Group, count: int, groups: int, *, keep: bool) -> None:
    if not 1 <= count <= MAX_COPIES // groups:
        raise UsageError(
            f"expected a count from 1 to {MAX_COPIES // groups} for each class, found {count}; "
            "give another"
        )
    if keep and len(group.files) > count:
        raise UsageError(
            f"{source}: expected at most {count} originals of class {group.name or 'all'!r} to "
            f"keep, found {len(group.files)}; ask for at least as many images"
        )


def _fill(
    room: Path,
    groups: Sequence[_Group],
    count: int,
    seed: int,
    options: Augmentation,
    keep: bool,
    progress: Callable[[int, int], None] | None,
) -> None:
    done = 0
    for index, group in enumerate(groups):
        folder = room / group.name
        folder.mkdir(exist_ok=True)
        order = np.random.default_rng([seed, index]).permutation(len(group.files))
        files = [group.files[place] for place in order]
        for turn, file in enumerate(files):
            pixels = _read(file)
            for number in _numbers(turn, len(files), count, keep=keep):
                rng = np.random.default_rng([seed, index, number])
                copy = augmented(pixels[np.newaxis], rng, options)[0]
                _write_png(folder / f"{_copy_name(number, file)}.png", copy)
                done += 1
            if keep:
                name = _copy_name(turn, file)
                shutil.copyfile(file, folder / f"{name}{file.suffix}")
                done += 1
            if progress is not None:
                progress(done, count * len(groups))


def _numbers(turn: int, originals: int, count: int, *, keep: bool) -> Iterator[int]:
    """Yield the numbers of the copies of the original whose turn it is."""
    yield from range(turn + (originals if keep else 0), count, originals)


def _copy_name(number: int, file: Path) -> str:
    """Return the name of a copy: its last number is that of its original, if that has one."""
    stem = file.stem[-_STEM_LENGTH:]
    if any(character.isdecimal() for character in stem):
        return f"{number:07d}_{stem}"
    letters = ""
    for _ in range(6):
        number, digit = divmod(number, len(_LETTERS))
        letters = _LETTERS[digit] + letters
    return f"{letters}_{stem}"


def _read(file: Path) -> Pixels:
    pixels = read_file(file, Request())
    if pixels.shape[2] not in (1, 3):
        raise FileFormatError(
            f"{file}: expected one or three channels, found {pixels.shape[2]}; a PNG has no others"
        )
    return pixels


def _write_png(path: Path, pixels: Pixels) -> None:
    from PIL import Image

    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(path, "PNG")


def _write_list(room: Path) -> None:
    """Write the list of all images in the class folders of `room`."""
    lines = [
        f"{folder.name}/{file.name} {folder.name}\n"
        for folder in sorted(room.iterdir(), key=lambda folder: int(folder.name))
        for file in sorted(folder.iterdir())
    ]
    (room / LIST_NAME).write_text("".join(lines), encoding="utf-8")
