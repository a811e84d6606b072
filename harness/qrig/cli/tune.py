"""`qrig tune`: measure every kernel of every convolution, keep the fastest that fits."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qrig.cli.kernel_options import add_implementation, choose_kernels
from qrig.cli.options import add_network, load_networks, positive, read_sample
from qrig.cli.outputs import check_apart, output_file

if TYPE_CHECKING:
    from rich.console import Console

    from qrig.runs.tune import TuneResult


def add_tune(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "tune", help="measure every kernel of every convolution, keep the fastest that fits"
    )
    add_network(parser, repeat=False)
    parser.add_argument("--target", default=None, metavar="T", help="board or board@backend")
    parser.add_argument("--input", metavar="FILE", help="an input, not the first sample")
    parser.add_argument(
        "--by",
        choices=("instructions", "cycles", "model-cycles"),
        help="what decides; by default what the target counts",
    )
    parser.add_argument(
        "--on", action="append", metavar="BOARD", help="board whose silicon --by model-cycles means"
    )
    parser.add_argument("--ram", type=positive, metavar="BYTES", help="RAM the network may take")
    parser.add_argument("--out", metavar="FILE", help="where the choice goes (NETWORK.CORE.json)")
    add_implementation(parser)
    parser.set_defaults(command=_tune)


def _tune(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from qrig.codegen.tuning import write_tuning
    from qrig.runs.bench import check_samples
    from qrig.runs.targets import DEFAULT_TARGETS, find_target
    from qrig.runs.tune import tune

    (target,) = choose_kernels((find_target(options.target or DEFAULT_TARGETS[0]),), options)
    (loaded,) = load_networks(options)
    if options.input is None:
        check_samples([loaded])
    sample = (
        loaded.samples[0] if options.input is None else read_sample(Path(options.input), loaded)
    )
    out = _out_file(options.out, loaded.name, target.board.core)
    check_apart({"--out": out}, options)
    console = Console()
    with Progress(console=console, transient=True) as bars:
        task = bars.add_task(f"tuning {loaded.name} on {target.name}", total=None)
        result = tune(
            target,
            loaded,
            sample,
            measure=options.by,
            on=tuple(options.on or ()),
            ram_limit_bytes=options.ram,
            progress=lambda name, done, total: bars.update(task, completed=done, total=total),
        )
    _show(console, result)
    write_tuning(result.tuning, out, result.measured)
    console.print(f"{out}: use it with --tuning {out}", soft_wrap=True)
    return 0


def _out_file(text: str | None, network: str, core: str) -> Path:
    """Return where the choice goes; raises UsageError before anything is measured."""
    return output_file("--out", Path(f"{network}.{core}.json" if text is None else text))


def _show(console: Console, result: TuneResult) -> None:
    from qrig.reports.tables import render_table

    shown = result.table.copy()
    shown["chosen"] = shown["chosen"].map({True: "*", False: ""}).astype("string")
    console.print(render_table(shown, f"{result.tuning.network}: {result.tuning.measure}"))
    before, after = result.before, result.after
    gain = "the default plan could not be run" if before is None else "as by the default plan"
    if before and after:
        gain = f"{before / after:.3f} times as fast as by the default plan, {before:,.0f}"
    console.print(
        f"{after:,.0f} {result.tuning.measure} from the first convolution on ({gain}); RAM "
        f"{result.ram_bytes:,} bytes, weights {result.weight_bytes:,} bytes"
    )
