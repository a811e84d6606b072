"""`qrig doctor`: what is there, what is missing, what to do about it."""

from __future__ import annotations

import argparse
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from qrig.cli.options import json_file, write_json
from qrig.errors import TargetError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from qrig.runs.doctor import Diagnosis
    from qrig.runs.doctor_checks.finding import Finding

_STYLES: Final = {"good": "green", "warning": "yellow", "missing": "red"}
_VERDICT_WIDTH: Final = max(map(len, _STYLES))


def add_doctor(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "doctor", help="check tools, emulators, probes and permissions; say what to install"
    )
    parser.add_argument(
        "--udev", action="store_true", help="print rules that let you use debug probes, for udev"
    )
    parser.add_argument("--json", metavar="OUT", help="where the JSON goes; - is standard output")
    parser.set_defaults(command=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    if options.udev:
        return _udev(options)
    from rich.console import Console

    from qrig.runs.doctor import READY, diagnose

    out = json_file(options.json)
    diagnosis = diagnose()
    write_json(diagnosis.document(), out, standard_output=options.json == "-")
    if options.json != "-":
        _show(diagnosis, Console())
    return 0 if diagnosis.verdict == READY else TargetError.exit_code


def _udev(options: argparse.Namespace) -> int:
    from qrig.runs.doctor_checks.udev_rules import udev_rules

    if options.json is not None:
        raise UsageError("expected --udev or --json, found both; leave one out")
    print(udev_rules(Path("/")), end="")
    return 0


def _show(diagnosis: Diagnosis, console: Console) -> None:
    width = max(len(each.name) for each in diagnosis.findings)
    for area, findings in groupby(diagnosis.findings, key=lambda each: each.area):
        _line(console, (area, "bold"))
        for finding in findings:
            _show_finding(finding, width, console)
        _line(console)
    lacking = [each.name for each in diagnosis.findings if each.forbids]
    if lacking:
        _line(console, (f"not ready for qrig bench: {', '.join(lacking)}", "red"))
    else:
        _line(console, ("ready for qrig bench", "green"))


def _show_finding(finding: Finding, width: int, console: Console) -> None:
    verdict = finding.verdict
    name = f"{finding.name:<{width}}"
    _line(
        console,
        ("  ", ""),
        (f"{verdict:<{_VERDICT_WIDTH}}", _STYLES[verdict]),
        (f"  {name}  {finding.found}", ""),
    )
    indent = " " * (2 + _VERDICT_WIDTH + 2 + width + 2)
    for note in finding.notes:
        _line(console, (indent + note, "dim"))
    for step in finding.fix:
        _line(console, (f"{indent}-> {step}", ""))


def _line(console: Console, *parts: tuple[str, str]) -> None:
    """Print one line, never wrapped; what a device says is neither markup nor control."""
    from rich.text import Text

    from qrig.reports.tables import printable

    line = Text()
    for text, style in parts:
        line.append(printable(text), style)
    console.print(line, soft_wrap=True)
