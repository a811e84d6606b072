"""`qrig targets`: every board@backend, what it needs, and whether it can be used here."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from qrig.cli.options import json_file, write_json
from qrig.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from qrig.runs.target_list import TargetList

_WIDEST = 1000


def add_targets(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "targets", help="list targets, what they need, and whether they can be used here"
    )
    parser.add_argument(
        "--recover", metavar="T", help="bring a wedged board back and prove it well"
    )
    parser.add_argument("--json", metavar="OUT", help="where the JSON goes; - is standard output")
    parser.set_defaults(command=_targets)


def _targets(options: argparse.Namespace) -> int:
    if options.recover is not None:
        return _recover(options)
    from rich.console import Console

    from qrig.runs.target_list import list_targets

    out = json_file(options.json)
    listed = list_targets()
    write_json(listed.document(), out, standard_output=options.json == "-")
    if options.json != "-":
        _show(listed, Console())
    if listed.lab_mistake is not None:
        print(f"qrig: note: {listed.lab_mistake}", file=sys.stderr)
    return 0


def _recover(options: argparse.Namespace) -> int:
    if options.json is not None:
        raise UsageError("expected --recover or --json, found both; leave one out")
    from qrig.runs.recover import recover

    print(recover(options.recover))
    return 0


def _show(listed: TargetList, console: Console) -> None:
    _print_whole(_target_table(listed), console)
    reasons: dict[str, list[str]] = {}
    for row in listed.rows:
        if row.reason is not None:
            reasons.setdefault(row.reason, []).append(row.target)
    if reasons:
        _print_line("Not here", console, "bold")
    for reason, targets in reasons.items():
        _print_line(f"  {', '.join(targets)}: {reason}", console)
    if listed.instances:
        _print_line("", console)
        _print_whole(_instance_table(listed), console)


def _target_table(listed: TargetList) -> Table:
    table = _table("Targets", "target", "core", "clock", "counts", "here", "needs")
    for row in listed.rows:
        clock = "" if row.clock_hz is None else f"{row.clock_hz / 1e6:g} MHz"
        here = _text("yes", "green") if row.available else _text("no", "yellow")
        before = (_text(each or "") for each in (row.target, row.core, clock, row.counts))
        table.add_row(*before, here, _text(row.needs))
    return table


def _instance_table(listed: TargetList) -> Table:
    table = _table("Boards", "name", "target", "probe", "port", "condition")
    for each in listed.instances:
        cells = (each.name, each.target, each.probe, each.port, each.condition)
        table.add_row(*(_text(cell or "") for cell in cells))
    return table


def _table(title: str, *headings: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1),
        pad_edge=False,
    )
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table


def _text(text: str, style: str = "") -> Text:
    """Make text of what a file or a device says: neither markup nor control."""
    from rich.text import Text

    from qrig.reports.tables import printable

    return Text(printable(text), style)


def _print_whole(table: Table, console: Console) -> None:
    """Print one line per row, however long: a terminal wraps it, a script can read it."""
    from rich.measure import Measurement

    wanted = Measurement.get(console, console.options.update(width=_WIDEST), table).maximum
    console.width = max(console.width, wanted)
    console.print(table)


def _print_line(text: str, console: Console, style: str = "") -> None:
    console.print(_text(text, style), soft_wrap=True)
