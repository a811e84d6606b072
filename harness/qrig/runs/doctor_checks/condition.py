"""Boards that earlier runs left wedged or with half-written flash."""

from __future__ import annotations

from collections.abc import Iterator

from qrig.boards.lab import Lab, find_lab
from qrig.errors import FileFormatError
from qrig.runs.doctor_checks.finding import GOOD, WARNING, Finding
from qrig.runs.instances import Instance, find_instances

_AREA = "Boards"
_NAME = "condition"


def check_condition() -> Iterator[Finding]:
    """Yield the boards that are wedged or half-written, or that there are none."""
    try:
        lab = find_lab()
    except FileFormatError:  # told of where lab.toml is checked
        lab = Lab(None)
    instances = find_instances(lab)
    ill = [each for each in instances if each.state.wedged or each.state.dirty]
    if not ill:
        busy = sum(each.busy is not None for each in instances)
        found = "no board is wedged or half-written" + (f", {busy} in use" if busy else "")
        yield Finding(_AREA, _NAME, GOOD, found)
    for each in ill:
        yield _ill(each)


def _ill(instance: Instance) -> Finding:
    state = instance.state
    notes: list[str] = []
    fix: tuple[str, ...] = ()
    if state.wedged is not None:
        notes.append(f"wedged: {state.wedged}")
        fix = (f"qrig targets --recover {instance.target or 'board@backend:instance'}",)
    if state.dirty is not None:
        notes.append(f"its flash may be half-written: {state.dirty}; the next run writes it anew")
    return Finding(_AREA, _NAME, WARNING, instance.name, notes=tuple(notes), fix=fix)
