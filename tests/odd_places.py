"""Places where no file goes: folders, pipes, sockets, devices of our own, links to nowhere."""

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest


def folder(where: Path) -> Path:
    (where / "odd").mkdir()
    return where / "odd"


def pipe(where: Path) -> Path:
    os.mkfifo(where / "odd")
    return where / "odd"


def listener(where: Path) -> Path:
    before = Path.cwd()
    os.chdir(where)  # the name of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("odd")
    finally:
        os.chdir(before)
    return where / "odd"


def device(where: Path) -> Path:
    """A node like /dev/null, which nobody misses."""
    try:
        os.mknod(where / "odd", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("devices are made by root alone")
    return where / "odd"


def link_to_a_device(where: Path) -> Path:
    (where / "link").symlink_to(device(where))
    return where / "link"


def link_to_a_pipe(where: Path) -> Path:
    (where / "link").symlink_to(pipe(where))
    return where / "link"


def link_to_no_folder(where: Path) -> Path:
    (where / "link").symlink_to(where / "none" / "file")
    return where / "link"


def link_to_itself(where: Path) -> Path:
    (where / "link").symlink_to("link")
    return where / "link"


def in_no_folder(where: Path) -> Path:
    return where / "none" / "file"


ODD: list[Callable[[Path], Path]] = [
    folder,
    pipe,
    listener,
    device,
    link_to_a_device,
    link_to_a_pipe,
    link_to_no_folder,
    link_to_itself,
    in_no_folder,
]


def state_of(where: Path) -> dict[str, tuple[int, int, int, int]]:
    """What lies in a folder: the nodes themselves, links not followed."""
    found = {}
    for path in sorted(where.rglob("*")):
        status = path.lstat()
        found[str(path)] = (status.st_mode, status.st_ino, status.st_size, status.st_mtime_ns)
    return found
