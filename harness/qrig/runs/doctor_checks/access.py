"""Whether the account we run as may use a device, and how it gets to."""

from __future__ import annotations

import os
from pathlib import Path

from attrs import frozen

SERIAL_GROUPS = ("dialout", "uucp")
"""The groups that own serial ports, by distribution."""


@frozen
class Group:
    """A line of /etc/group."""

    name: str
    number: int
    members: tuple[str, ...]


def groups(root: Path) -> tuple[Group, ...]:
    """Return the groups of this machine, as etc/group below `root` lists them."""
    try:
        text = (root / "etc/group").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    found = []
    for line in text.splitlines():
        parts = line.split(":")
        if len(parts) == 4 and parts[2].isdecimal():
            members = tuple(filter(None, parts[3].split(",")))
            found.append(Group(parts[0], int(parts[2]), members))
    return tuple(found)


def serial_group(root: Path) -> Group | None:
    """Return the group that owns serial ports here, None if there is none of the known ones."""
    by_name = {group.name: group for group in groups(root)}
    return next((by_name[name] for name in SERIAL_GROUPS if name in by_name), None)


def account() -> str:
    """Return the name of the account we run as, or its number where it has none."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def is_root() -> bool:
    """Return whether we may do anything."""
    return os.geteuid() == 0


def is_in(group: Group) -> bool:
    """Return whether this process belongs to `group`."""
    return group.number in {os.getegid(), *os.getgroups()}


def may_use(node: Path) -> bool:
    """Return whether we may read and write `node`."""
    return _may(node, os.R_OK | os.W_OK)


def may_write_in(folder: Path) -> bool:
    """Return whether we may make files in `folder`."""
    return _may(folder, os.W_OK | os.X_OK)


def _may(place: Path, mode: int) -> bool:
    return os.access(place, mode, effective_ids=os.access in os.supports_effective_ids)


def joining(group: Group) -> str:
    """Return what to do so that the account belongs to `group`."""
    if account() in group.members:
        return f"log out and in again: {account()} joined the group {group.name} since the login"
    return f"sudo usermod -aG {group.name} {account()}   (then log out and in again)"
