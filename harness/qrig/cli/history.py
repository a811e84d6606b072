"""`qrig history`: networks on targets over time, and their trends."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qrig.cli.options import json_file, positive, write_json
from qrig.cli.outputs import check_apart
from qrig.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from qrig.reports.history import Choice, History


def add_history(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "history", help="list what networks cost on targets over all runs, plot the trends"
    )
    parser.add_argument("--network", metavar="N", help="of this network alone")
    parser.add_argument("--target", metavar="T", help="of this board@backend alone")
    parser.add_argument("--layer", metavar="L", help="of this layer instead of whole networks")
    parser.add_argument("--verdict", choices=("bit-exact", "differs", "not-traced"))
    parser.add_argument("--since", metavar="DAY", help="begun on 2026-01-31 (UTC) or later")
    parser.add_argument("--last", type=positive, metavar="N", help="the latest N runs")
    parser.add_argument("--json", metavar="OUT", help="where the JSON goes; - is standard output")
    parser.add_argument("--plot", type=Path, metavar="DIR", help="write trends as PNG and SVG")
    parser.add_argument("--sql", metavar="QUESTION", help="ask DuckDB about `layers` and `cells`")
    parser.add_argument(
        "--check", action="store_true", help="read every run, compare the index with the files"
    )
    parser.add_argument("--runs", metavar="DIR", help="folder of results")
    parser.set_defaults(command=_history)


def _history(options: argparse.Namespace) -> int:
    from rich.console import Console

    from qrig.reports.history_table import history_document
    from qrig.reports.run_folders import runs_folder
    from qrig.runs.history import history, write_history_plots

    out = json_file(options.json)
    check_apart({"--json": out}, options)
    folder = runs_folder(options.runs)
    if options.check:
        return _check(folder)
    if options.sql is not None:
        return _answer(folder, options)
    choice = _choice(options)
    console = Console(stderr=options.json == "-")
    if options.layer is not None:
        return _layers(folder, choice, options, console)
    found = history(folder, choice)
    write_json(history_document(str(folder), found), out, standard_output=options.json == "-")
    if options.json != "-":
        _print(found, console)
    if options.plot is not None:
        written = write_history_plots(folder, choice, options.plot)
        console.print(f"{len(written)} files in {options.plot}", soft_wrap=True)
    return 0


def _choice(options: argparse.Namespace) -> Choice:
    from qrig.reports.history import Choice, read_since

    return Choice(
        network=options.network,
        target=options.target,
        verdict=options.verdict,
        since=None if options.since is None else read_since(options.since),
        last=options.last,
    )


def _print(found: History, console: Console) -> None:
    from qrig.reports.history_table import history_tables, history_text

    for table in history_tables(found.cells, console):
        console.print(table)
    console.print(history_text(found), highlight=False)
    for one in found.unreadable:
        print(f"qrig: note: {one.reason}", file=sys.stderr)


def _layers(folder: Path, choice: Choice, options: argparse.Namespace, console: Console) -> int:
    from qrig.reports.history_layers import layer_history_document, layer_history_tables
    from qrig.runs.history import layer_history_of

    if options.plot is not None:
        raise UsageError("expected --layer or --plot, found both; plots show every layer")
    layers = layer_history_of(folder, choice, options.layer)
    out = json_file(options.json)
    write_json(layer_history_document(layers), out, standard_output=options.json == "-")
    if options.json != "-":
        for table in layer_history_tables(layers):
            console.print(table)
        if layers.empty:
            console.print(f"no run has a layer {options.layer!r}", markup=False)
    return 0


def _answer(folder: Path, options: argparse.Namespace) -> int:
    from qrig.reports.load_tables import query

    print(query(options.sql, runs=folder).to_csv(index=False), end="")
    return 0


def _check(folder: Path) -> int:
    """Print what the index and the files disagree on; 1 if there is anything."""
    from qrig.runs.history import check_index

    found = list(check_index(folder))
    for sentence in found:
        print(sentence)
    if not found:
        print("the index agrees with the files, and every run can be read")
    return 1 if found else 0
