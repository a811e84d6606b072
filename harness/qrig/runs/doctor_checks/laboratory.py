"""lab.toml: whether it can be read, and whether the probes and ports it names are there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from qrig.backends.probe.identity import same_probe
from qrig.boards.lab import LabEntry, find_lab, lab_path
from qrig.errors import FileFormatError
from qrig.runs.doctor_checks.access import may_use
from qrig.runs.doctor_checks.finding import GOOD, WARNING, Finding
from qrig.runs.doctor_checks.probes import Probe, find_probes

_AREA = "Boards"
_URL = "://"


def check_laboratory(root: Path) -> Iterator[Finding]:
    """Yield whether lab.toml can be read, then each of its boards."""
    try:
        lab = find_lab()
    except FileFormatError as error:
        yield Finding(_AREA, "lab.toml", WARNING, str(lab_path()), notes=(str(error),))
        return
    if lab.path is None:
        found = f"none at {lab_path()}; one board on USB needs none"
        yield Finding(_AREA, "lab.toml", GOOD, found)
        return
    count = len(lab.boards)
    boards = "1 board" if count == 1 else f"{count} boards"
    yield Finding(_AREA, "lab.toml", GOOD, f"{lab.path}, {boards}")
    probes = find_probes(root)
    for entry in lab.boards:
        own = (probe for probe in probes if same_probe(probe.unique_id, entry.probe))
        yield _entry(entry, next(own, None), root)


def _entry(entry: LabEntry, probe: Probe | None, root: Path) -> Finding:
    port = entry.port or (", ".join(probe.device.ports) if probe else "") or "no port"
    found = f"{entry.board}, probe {entry.probe}, {port}"
    notes = (*_probe_trouble(entry, probe), *_port_trouble(entry, probe, root))
    if notes:
        fix = (f"plug it in, or correct {entry.name!r} in {lab_path()}",)
        return Finding(_AREA, entry.name, WARNING, found, notes=notes, fix=fix)
    far = " (on another machine, not looked for)" if entry.is_remote else ""
    return Finding(_AREA, entry.name, GOOD, found + far)


def _probe_trouble(entry: LabEntry, probe: Probe | None) -> tuple[str, ...]:
    if entry.is_remote or probe is not None:
        return ()
    return (f"no probe {entry.probe} on USB",)


def _port_trouble(entry: LabEntry, probe: Probe | None, root: Path) -> tuple[str, ...]:
    if entry.port is None:
        if probe is None or probe.device.ports:
            return ()
        return (f"its probe, a {probe.kind}, has no serial port; name one with port = ...",)
    if _URL in entry.port:
        return ()
    node = root / entry.port.lstrip("/")
    if not node.exists():
        return (f"there is no {entry.port}",)
    return () if may_use(node) else (f"no permission for {entry.port}",)
