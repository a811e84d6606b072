"""ModemManager, which takes the serial port of a new board for a modem's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from qrig.runs.doctor_checks.finding import GOOD, WARNING, Finding
from qrig.runs.doctor_checks.probes import find_probes
from qrig.runs.doctor_checks.udev_rules import INSTALL, has_rules, is_ignored

_AREA = "Probes and ports"
_NAME = "ModemManager"


def check_modem_manager(root: Path) -> Iterator[Finding]:
    """Yield whether it runs and takes the ports of probes; nothing where it does not run."""
    if not is_running(_NAME, root):
        return
    probes = [probe for probe in find_probes(root) if probe.device.ports]
    left_alone = has_rules(root)
    if probes:
        left_alone = all(is_ignored(root, probe.device.node) for probe in probes)
    if left_alone:
        yield Finding(_AREA, _NAME, GOOD, "runs, and leaves probes alone")
        return
    notes = (
        "it writes modem commands to the serial port of a board that is plugged in, and keeps the "
        "port busy meanwhile",
    )
    fix = (*INSTALL, "or, without modems: sudo systemctl disable --now ModemManager")
    yield Finding(_AREA, _NAME, WARNING, "runs", notes=notes, fix=fix)


def is_running(name: str, root: Path) -> bool:
    """Return whether a process of that name runs, as proc below `root` lists them."""
    for path in (root / "proc").glob("[0-9]*/comm"):
        try:
            if path.read_text(encoding="utf-8", errors="replace").strip() == name:
                return True
        except OSError:  # it has just ended
            continue
    return False
