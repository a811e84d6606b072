"""Renode, where `RENODE` or PATH says."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from qrig.backends.renode.program import VARIABLE, WANTED, find_renode
from qrig.build.toolchain import program_version
from qrig.errors import BuildError
from qrig.runs.doctor_checks.finding import GOOD, MISSING, WARNING, Finding
from qrig.runs.doctor_checks.versions import read_version, version_text

_AREA = "Emulators"
_TEST = "renode-test"
_INSTALL = (
    f"install the portable Renode {version_text(WANTED)} or newer (https://renode.io) and set "
    "RENODE to the path of its program `renode`",
)
_OLD = (
    "1.15.3 computes some instructions wrongly (VMAXNM, VRINT, VCVTA, SEL behind SADD8), and its "
    "cycle counter stands still for 100 us at a time: what runs there proves little",
)
_PACKAGES = {"robot": "robotframework", "psutil": "psutil", "yaml": "PyYAML"}
"""What `renode-test` imports, by module, and the package that has it."""


def check_renode() -> Iterator[Finding]:
    """Yield what there is of Renode and of its runner of Robot Framework suites."""
    program, named = find_renode(), os.environ.get(VARIABLE)
    if program is None:
        where = (
            f"{VARIABLE} is {named}, which is no program" if named else "neither RENODE nor PATH"
        )
        yield Finding(_AREA, "Renode", MISSING, where, notes=("for targets @renode",), fix=_INSTALL)
        yield Finding(_AREA, _TEST, MISSING, "no Renode it could be of", fix=_INSTALL)
        return
    yield _renode(program, VARIABLE if named else "PATH")
    yield _renode_test(program)


def _renode(program: Path, source: str) -> Finding:
    try:
        line = program_version(str(program))
    except BuildError as error:
        return Finding(_AREA, "Renode", MISSING, str(program), notes=(str(error),), fix=_INSTALL)
    version = read_version(line)
    text = f"{line} ({program}, by {source})"
    if version is None:
        notes = ("it does not say its version",)
        return Finding(_AREA, "Renode", WARNING, text, notes=notes, fix=_INSTALL)
    if version < WANTED:
        return Finding(_AREA, "Renode", WARNING, text, notes=_OLD, fix=_INSTALL)
    return Finding(_AREA, "Renode", GOOD, text)


def _renode_test(program: Path) -> Finding:
    beside = program.resolve().with_name(_TEST)
    path = str(beside) if os.access(beside, os.X_OK) else shutil.which(_TEST)
    why = "it runs the Robot Framework suites of suites/robot"
    if path is None:
        return Finding(_AREA, _TEST, MISSING, f"none beside {program}", notes=(why,), fix=_INSTALL)
    absent = [package for module, package in _PACKAGES.items() if find_spec(module) is None]
    if absent:
        notes = (why, f"this Python has no {', '.join(absent)}, which it imports")
        return Finding(
            _AREA, _TEST, WARNING, path, notes=notes, fix=(f"pip install {' '.join(absent)}",)
        )
    return Finding(_AREA, _TEST, GOOD, path)
