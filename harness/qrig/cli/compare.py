"""`qrig compare`: what became better or worse from some runs to others.

Exit codes: 0 better or same, 1 worse, 2 bad usage, 4 no comparable baseline.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from qrig.cli.numbers import number
from qrig.cli.options import json_file, write_json
from qrig.cli.outputs import check_apart, output_file
from qrig.errors import UsageError

_MEASURES = ("instructions", "model_cycles_m4", "model_cycles_m7", "cycles", "energy_uj")


def add_compare(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "compare", help="say what became better or worse between runs, by layer"
    )
    what = "run id, folder, file, baseline, last or last:N; several with commas"
    parser.add_argument("base", metavar="BASE", help=what)
    parser.add_argument("new", nargs="?", default="last", metavar="NEW", help="the same; last")
    parser.add_argument(
        "--allow", action="append", metavar="KEY", help="key of the stamps that may differ"
    )
    percent = partial(number, low=0, high=100)
    parser.add_argument(
        "--threshold",
        type=percent,
        default=0.5,
        metavar="PERCENT",
        help="change of instructions and model cycles that counts, 0.5",
    )
    parser.add_argument(
        "--find",
        type=partial(number, low=0.01, high=100),
        metavar="PERCENT",
        help="change of cycles and energy that must be found; 2 on an M4, 3 on an M7",
    )
    parser.add_argument("--measure", action="append", choices=_MEASURES, help="compare these alone")
    parser.add_argument("--all", action="store_true", help="show layers that stayed the same, too")
    parser.add_argument("--json", metavar="OUT", help="where the JSON goes; - is standard output")
    parser.add_argument("--junit", metavar="OUT", help="where JUnit XML goes")
    parser.add_argument("--markdown", metavar="OUT", help="where Markdown goes")
    parser.add_argument("--runs", metavar="DIR", help="folder of results")
    parser.set_defaults(command=_compare)


def _compare(options: argparse.Namespace) -> int:
    from pathlib import Path

    from rich.console import Console

    from qrig.networks.files import write_text
    from qrig.reports.compare_document import comparison_document
    from qrig.reports.compare_junit import comparison_junit
    from qrig.reports.compare_markdown import comparison_markdown
    from qrig.reports.compare_runs import CompareOptions
    from qrig.reports.compare_text import comparison_renderables
    from qrig.reports.store import runs_folder
    from qrig.runs.compare import compare

    texts = {"--junit": (options.junit, comparison_junit)}
    texts |= {"--markdown": (options.markdown, comparison_markdown)}
    for name, (given, _) in texts.items():
        if given == "-":
            raise UsageError(f"{name} -: expected a file, found standard output; name a file")
    outs = {name: output_file(name, Path(out)) for name, (out, _) in texts.items() if out}
    out = json_file(options.json)
    check_apart({"--json": out, **outs}, options)
    found = compare(
        runs_folder(options.runs),
        options.base,
        options.new,
        CompareOptions(
            allow=frozenset(options.allow or ()),
            threshold_percent=options.threshold,
            found_percent=options.find,
            measures=frozenset(options.measure or ()),
        ),
    )
    write_json(comparison_document(found), out, standard_output=options.json == "-")
    for name, path in outs.items():
        write_text(path, texts[name][1](found))
    if options.json != "-":
        console = Console()
        for part in comparison_renderables(found, every=options.all):
            console.print(part)
    return found.exit_code
