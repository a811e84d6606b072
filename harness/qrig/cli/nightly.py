"""`qrig nightly`: every cell of nightly.toml, compared with the last good night, one summary.

Exit codes: 0 nothing worse, 1 something is worse or differs, 2 bad input or usage, 3 a cell failed,
4 no comparable baseline, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qrig.cli.options import json_file, positive, write_json
from qrig.errors import UsageError

if TYPE_CHECKING:
    from qrig.runs.nightly.cell import NightCell


def add_nightly(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "nightly", help="run the matrix of nightly.toml, compare it with the last good night"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="the matrix (nightly.toml)")
    parser.add_argument("--runs", metavar="DIR", help="folder of results")
    parser.add_argument(
        "--jobs", type=positive, metavar="N", help="cells at a time; as many as there are cores"
    )
    parser.add_argument(
        "--resume", metavar="NIGHT", help="go on with this night, or with the `last` one"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="begin anew, also if a night was interrupted lately"
    )
    parser.add_argument(
        "--baseline", type=Path, metavar="DIR", help="folder of runs with the night to compare with"
    )
    parser.add_argument(
        "--accept", metavar="NIGHT", help="run nothing: take this night, or the `last`, as good"
    )
    parser.add_argument("--list", action="store_true", help="run nothing: list the cells")
    parser.add_argument(
        "--json", nargs="?", const="-", metavar="OUT", help="where summary.json goes, too; -"
    )
    parser.set_defaults(command=_nightly)


def _nightly(options: argparse.Namespace) -> int:
    from qrig.reports.store import new_runs_folder
    from qrig.runs.nightly.config import find_config, read_config

    _check(options)
    runs = new_runs_folder(options.runs).resolve()
    if options.accept is not None:
        return _accept(runs, options.accept)
    cells = () if options.resume is not None else read_config(find_config(options.config))
    if options.list:
        for cell in cells:
            print(cell.name)
        return 0
    return _run(options, runs, cells)


def _check(options: argparse.Namespace) -> None:
    """Raise UsageError for options that do not go together."""
    chosen = [name for name in ("resume", "accept", "list", "fresh") if getattr(options, name)]
    if len(chosen) > 1:
        found = " and ".join(f"--{name}" for name in chosen)
        raise UsageError(
            f"expected one of --resume, --fresh, --accept and --list, found {found}; choose one"
        )
    for name in ("config", "baseline"):
        if options.resume is not None and getattr(options, name) is not None:
            raise UsageError(
                f"expected --resume without --{name}, for a night keeps what it began with, found "
                "both; leave one of them out"
            )


def _run(options: argparse.Namespace, runs: Path, cells: tuple[NightCell, ...]) -> int:
    from qrig.reports.night_words import headline
    from qrig.runs.nightly.run import cores, nightly
    from qrig.runs.nightly.summary import PAGE

    out = json_file(options.json)
    stream = sys.stderr if options.json == "-" else sys.stdout
    options.kept = "what is done is kept; the same command goes on with it"
    result = nightly(
        cells,
        runs,
        jobs=options.jobs or cores(),
        resume=options.resume,
        fresh=options.fresh,
        baseline=options.baseline,
        tell=lambda line: print(line, file=stream, flush=True),
    )
    write_json(result.summary, out, standard_output=options.json == "-")
    print(headline(result.summary).sentence, file=stream)
    print(f"{result.summary['verdict']}: {result.folder / PAGE}", file=stream)
    return result.exit_code


def _accept(runs: Path, text: str) -> int:
    from qrig.runs.nightly.night import find_night

    night = find_night(runs, text)
    night.accept()
    print(f"night {night.id} is accepted: the next one is compared with it")
    return 0
