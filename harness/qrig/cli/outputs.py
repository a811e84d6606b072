"""What a command writes: files that can be made, apart from each other and from what it reads."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

from qrig.errors import InputError, UsageError

_FILES = ("model", "weights", "formats", "mean", "input", "labels", "test_labels", "tuning")
_OTHER_FILES = ("profile", "elf", "file", "image")
_SOURCES = ("data", "test_data")
_NEVER_READ = (".json", ".svg")
"""Files that no reader of a folder of images takes for a part of it."""


def output_file(option: str, path: Path) -> Path:
    """Return `path` if a file can be written there; raises UsageError that names the option."""
    from qrig.networks.files import output_place

    try:
        output_place(path)
    except UsageError as error:
        raise UsageError(f"{option} {error}") from error
    return path


def check_apart(outputs: Mapping[str, Path | None], options: argparse.Namespace) -> None:
    """Raise UsageError if two outputs are one file, or one is a file that the options read.

    `outputs` are paths by option, those not wanted None; links are followed. The formats of a
    network's folder may be written by --save, which chooses them again.
    """
    places = {option: path.resolve() for option, path in outputs.items() if path is not None}
    taken: dict[Path, str] = {}
    for option, place in places.items():
        if place in taken:
            raise UsageError(
                f"expected two files for {taken[place]} and {option}, found {place} for both; give "
                "another name"
            )
        taken[place] = option
    for what, path in _inputs(options):
        for option, place in places.items():
            if _is_read(place, path) and (what, option) != ("formats", "--save"):
                part = "" if place == path.resolve() else "a part of "
                raise UsageError(
                    f"{option} {outputs[option]}: expected a file that this command does not read, "
                    f"found {part}the {what} ({path}); give another name"
                )


def _inputs(options: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    """Yield what the options read, with a word for it."""
    for name in (*_FILES, *_OTHER_FILES, *_SOURCES):
        found = getattr(options, name, None)
        for one in found if isinstance(found, list) else [found]:
            if isinstance(one, str | Path):
                yield name.replace("_", " "), Path(one)
    named = getattr(options, "network", None) or getattr(options, "name", None)
    for one in named if isinstance(named, list) else [named]:
        if one is not None:
            yield from _network_files(one)


def _network_files(name: str) -> Iterator[tuple[str, Path]]:
    """Yield the files of a network that goes by a name."""
    from qrig.networks.description import read_description
    from qrig.runs.networks import is_network_file, network_folder

    if is_network_file(name):
        yield "network", Path(name)
        return
    try:
        folder = network_folder(name)
        found = read_description(folder)
    except InputError:  # whoever loads it says what is wrong
        return
    yield "network", folder / "network.toml"
    for what in ("model", "weights", "formats", "mean", "samples", "sample_labels"):
        path = getattr(found, what)
        if path is not None:
            yield what.replace("_", " "), Path(path)


def _is_read(place: Path, given: Path) -> bool:
    """Return whether the file at `place` is `given`, or a part of the folder or pattern it is."""
    try:
        read = given.resolve()
        if place == read:
            return True
        if not place.is_file() or place.suffix in _NEVER_READ:
            return False
        if read.is_dir():
            return place.is_relative_to(read)
        return not read.exists() and place.parent == read.parent and place.match(read.name)
    except (OSError, ValueError, RuntimeError):  # a text that no file can have as its name
        return False
