"""Which concrete board a target means: an entry of lab.toml, or the only probe there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import frozen

from qrig.backends.probe.identity import same_probe
from qrig.backends.probe.instance import Instance, instance_of
from qrig.backends.probe.source import FoundProbe
from qrig.boards.lab import SCHEMA, Lab, LabEntry, entry_snippet, lab_path
from qrig.boards.state_folder import instance_key

_UNKNOWN = "<the id that `qrig doctor` shows>"

Look = Callable[[], Sequence[FoundProbe]]
"""Looks for the probes of this machine."""


@frozen
class Choice:
    """The boards that will do, in order; without one, `lack` says why.

    `snippet` are lines for lab.toml that would settle it, "" where none would.
    """

    instances: tuple[Instance, ...] = ()
    lack: str = ""
    snippet: str = ""


def choose(board: str, backend: str, wanted: str | None, lab: Lab, look: Look) -> Choice:
    """Return which instances `board@backend`, or `board@backend:wanted`, may mean.

    These are the entry called `wanted`, or all entries of the board, as far as their probes are
    there; or the only probe that no entry is for.
    """
    if wanted is not None:
        return _named(board, backend, wanted, lab, look)
    entries, found = lab.of(board), look()
    if entries:
        there = [entry for entry in entries if _is_there(entry, found)]
        if not there:
            return Choice(lack=_absent(entries, found))
        return Choice(tuple(instance_of(entry, backend) for entry in there))
    free = [
        probe
        for probe in found
        if not any(same_probe(entry.probe, probe.unique_id) for entry in lab.boards)
    ]
    if len(free) != 1:
        return _undecided(board, free, lab)
    probe_id = free[0].unique_id
    return Choice((Instance(f"{board}@{backend}", instance_key(probe_id), probe_id),))


def _is_there(entry: LabEntry, found: Sequence[FoundProbe]) -> bool:
    return entry.is_remote or any(same_probe(entry.probe, probe.unique_id) for probe in found)


def _named(board: str, backend: str, wanted: str, lab: Lab, look: Look) -> Choice:
    entry = next((entry for entry in lab.boards if entry.name == wanted), None)
    where = lab.path or lab_path()
    if entry is None:
        names = ", ".join(f"{other.name} ({other.board})" for other in lab.boards) or "no board"
        return Choice(
            lack=f"{where} has no board called {wanted!r}, it has {names}; add it, or choose "
            "another",
            snippet=_snippet(lab, LabEntry(wanted, board, _UNKNOWN)),
        )
    if entry.board != board:
        return Choice(
            lack=f"{where} calls a {entry.board} {wanted!r}; ask for "
            f"{entry.board}@{backend}:{wanted}"
        )
    found = () if entry.is_remote else look()
    if not _is_there(entry, found):
        return Choice(lack=_absent([entry], found))
    return Choice((instance_of(entry, backend),))


def _absent(entries: Sequence[LabEntry], found: Sequence[FoundProbe]) -> str:
    wanted = ", ".join(f"{entry.probe} ({entry.name})" for entry in entries)
    there = ", ".join(map(str, found)) or "none"
    return (
        f"of the probes that {lab_path()} names for it, {wanted}, none is on this machine, where "
        f"there is {there}; connect the board, or correct the file"
    )


def _undecided(board: str, free: Sequence[FoundProbe], lab: Lab) -> Choice:
    where = lab.path or lab_path()
    if not free:
        others = " beside those of other boards" if lab.boards else ""
        return Choice(
            lack=f"no debug probe is on this machine's USB{others}, and {where} names none for "
            "it; connect the board (`qrig doctor` checks the permissions), or name its probe there",
            snippet=_snippet(lab, LabEntry(f"my-{board}", board, _UNKNOWN)),
        )
    named = [
        LabEntry(f"my-{board}-{number}", board, probe.unique_id)
        for number, probe in enumerate(free, start=1)
    ]
    return Choice(
        lack=f"there are several debug probes, {', '.join(map(str, free))}, and {where} does not "
        "say which has the board; name it there",
        snippet=_snippet(lab, *named),
    )


def _snippet(lab: Lab, *entries: LabEntry) -> str:
    """Return what to add to lab.toml, indented."""
    head = [] if lab.path is not None else [f'schema = "{SCHEMA}"']
    text = "\n\n".join([*head, *map(entry_snippet, entries)])
    return "\n".join(f"    {line}" if line else "" for line in text.split("\n"))
