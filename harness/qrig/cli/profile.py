"""`qrig profile`: every instruction of one inference, cycles on modelled silicon, differences."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qrig.cli.kernel_options import add_kernels, choose_kernels
from qrig.cli.options import (
    add_network,
    json_file,
    load_networks,
    positive,
    read_sample,
    write_json,
)
from qrig.cli.outputs import check_apart
from qrig.errors import InputError, UsageError

if TYPE_CHECKING:
    from pandas import DataFrame
    from rich.console import Console

_LISTED_LOOPS = 3


def add_profile(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "profile", help="count every instruction of an inference, estimate cycles on silicon"
    )
    add_network(parser, repeat=True)
    parser.add_argument("--target", action="append", metavar="T", help="board or board@backend")
    parser.add_argument("--input", metavar="FILE", help="an input, not the first sample")
    parser.add_argument(
        "--on", action="append", metavar="BOARD", help="board whose silicon is modelled, per core"
    )
    parser.add_argument(
        "--placements",
        type=positive,
        default=1,
        metavar="N",
        help="link N times with the code shifted, report least and largest cycles",
    )
    parser.add_argument(
        "--counts",
        choices=("blocks", "edges", "memory"),
        default="memory",
        help="how much is counted; cycles are estimated from memory counts alone",
    )
    parser.add_argument(
        "--loops", type=positive, default=_LISTED_LOOPS, metavar="N", help="loops to list"
    )
    add_kernels(parser, original=True)
    parser.add_argument("--json", metavar="OUT", help="where the JSON goes; - is standard output")
    parser.add_argument(
        "--profile", type=Path, metavar="FILE", help="a profile that is there already, with --elf"
    )
    parser.add_argument("--elf", type=Path, metavar="FILE", help="the firmware it was taken of")
    parser.add_argument(
        "--diff", nargs=2, metavar=("RUN_A", "RUN_B"), help="compare two profiled runs instead"
    )
    parser.add_argument("--runs", metavar="DIR", help="folder of results")
    parser.set_defaults(command=_profile, kept="what was measured is kept")


def _profile(options: argparse.Namespace) -> int:
    if options.diff is not None:
        return _diff(options)
    if options.profile is not None or options.elf is not None:
        return _again(options)
    from rich.console import Console

    from qrig.reports.store import new_runs_folder
    from qrig.reports.terminal import side_by_side
    from qrig.runs.profile_document import profile_document
    from qrig.runs.profile_run import profile_run
    from qrig.runs.targets import DEFAULT_TARGETS, find_targets

    console = Console(stderr=options.json == "-")
    folder = new_runs_folder(options.runs)
    targets = choose_kernels(find_targets(options.target or list(DEFAULT_TARGETS)), options)
    networks = load_networks(options)
    if options.input is not None and len(networks) > 1:
        raise UsageError("expected one network with --input, found several; run them one by one")
    sample = None if options.input is None else read_sample(Path(options.input), networks[0])
    out = json_file(options.json)
    check_apart({"--json": out}, options)
    result = profile_run(
        networks,
        targets,
        folder,
        on=tuple(options.on or ()),
        sample=sample,
        placements=options.placements,
        counts=options.counts,
        progress=lambda name: console.print(f"profiling {name}"),
    )
    write_json(profile_document(result), out, standard_output=options.json == "-")
    _show(console, result.tables, result.run["models"], options.loops)
    for table in side_by_side(result.rows):
        console.print(table)
    for notice in (*result.notices, *result.unknown):
        print(f"qrig: note: {notice}", file=sys.stderr)
    console.print(f"{result.run['verdict']}: {result.folder / 'report.html'}", soft_wrap=True)
    if result.run["verdict"] != "bit-exact":
        return 1
    return InputError.exit_code if result.unknown else 0


def _show(
    console: Console, tables: Mapping[str, DataFrame], models: Mapping[str, str], loops: int
) -> None:
    from qrig.reports.profile_cells import split_cells
    from qrig.reports.profile_listing import hottest_loops, render_listing
    from qrig.reports.profile_terminal import profile_tables
    from qrig.reports.publish import firmware_source

    if not tables:
        return
    for table in profile_tables(tables, models):
        console.print(table)
    read_source = firmware_source()
    for cell in split_cells(tables):
        for listing in hottest_loops(cell, loops, read_source):
            text = f"{cell.network} on {cell.target}, {render_listing(listing)}"
            console.print(text, markup=False, highlight=False, soft_wrap=True)


def _again(options: argparse.Namespace) -> int:
    """Price a profile that is there already; ends with 2 if an instruction could not be priced."""
    options.kept = None  # nothing is measured
    from rich.console import Console

    from qrig.runs.profile_again import document, profile_again

    if options.profile is None or options.elf is None:
        raise UsageError("expected --profile FILE and --elf FILE together, found only one of them")
    out = json_file(options.json)
    check_apart({"--json": out}, options)
    read = profile_again(options.profile, options.elf, tuple(options.on or ()))
    write_json(document(read), out, standard_output=options.json == "-")
    _show(Console(stderr=options.json == "-"), read.tables, read.models, options.loops)
    for notice in read.unknown:
        print(f"qrig: note: {notice}", file=sys.stderr)
    return InputError.exit_code if read.unknown else 0


def _diff(options: argparse.Namespace) -> int:
    options.kept = None  # nothing is measured
    from rich.console import Console

    from qrig.reports.profile_diff_text import diff_document, diff_tables
    from qrig.reports.store import runs_folder
    from qrig.runs.profile_compare import compare_profiles

    out = json_file(options.json)
    check_apart({"--json": out}, options)
    difference, models = compare_profiles(runs_folder(options.runs), *options.diff)
    write_json(diff_document(difference), out, standard_output=options.json == "-")
    if options.json != "-":
        console = Console()
        for part in diff_tables(difference, models):
            console.print(part)
    return 1 if difference.verdict == "slower" else 0
