"""`qrig inspect`: what a `.network` file holds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from qrig.cli.options import json_file, write_json
from qrig.cli.outputs import check_apart


def add_inspect(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser("inspect", help="print what a .network file holds")
    parser.add_argument("file", type=Path, metavar="FILE", help="the .network file")
    parser.add_argument("--json", metavar="OUT", help="where the JSON goes; - is standard output")
    parser.set_defaults(command=_inspect)


def _inspect(options: argparse.Namespace) -> int:
    from rich.console import Console

    from qrig.fixedpoint.network_file import read_network_file
    from qrig.reports.network_file import inspect_lines, inspect_table, network_document
    from qrig.reports.tables import printable, render_table

    out = json_file(options.json)
    check_apart({"--json": out}, options)
    document = network_document(read_network_file(options.file), str(options.file))
    write_json(document, out, standard_output=options.json == "-")
    if options.json != "-":
        console = Console()
        console.print(render_table(inspect_table(document), str(options.file)))
        for line in inspect_lines(document):
            console.print(printable(line), markup=False, highlight=False, soft_wrap=True)
    return 0
