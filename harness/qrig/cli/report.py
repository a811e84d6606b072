"""`qrig report`: a run's tables again, its page written again, and Markdown of it."""

from __future__ import annotations

import argparse
from typing import Any


def add_report(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser("report", help="print a run's tables and write its page again")
    parser.add_argument("run", nargs="?", metavar="RUN", help="run id, folder, or last; the latest")
    parser.add_argument(
        "--markdown",
        metavar="OUT",
        help="where Markdown for a pull request goes; - is standard output",
    )
    parser.add_argument("--runs", metavar="DIR", help="folder of results")
    parser.set_defaults(command=_report)


def _report(options: argparse.Namespace) -> int:
    from pathlib import Path

    from rich.console import Console

    from qrig.cli.outputs import check_apart, output_file
    from qrig.networks.files import write_text
    from qrig.reports.profile_store import has_profile, load_tables
    from qrig.reports.profile_terminal import profile_tables
    from qrig.reports.publish import run_text, write_page
    from qrig.reports.store import find_run, load_run, runs_folder
    from qrig.reports.terminal import terminal_tables

    printed = options.markdown == "-"
    out = None
    if options.markdown is not None and not printed:
        out = output_file("--markdown", Path(options.markdown))
    check_apart({"--markdown": out}, options)
    console = Console(stderr=printed)
    folder = find_run(runs_folder(options.runs), options.run)
    rows, run = load_run(folder)
    profile = load_tables(folder) if has_profile(folder) else {}
    shown = profile_tables(profile, run.get("models") or {}) if profile else terminal_tables(rows)
    for table in shown:
        console.print(table)
    page = write_page(folder, rows, run, profile)
    console.print(f"{run.get('status')}: {page}", soft_wrap=True)
    if options.markdown is not None:
        text = run_text(folder, rows, run, profile)
        if out is None:
            print(text, end="")
        else:
            write_text(out, text)
    return 0
