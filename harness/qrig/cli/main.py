"""The command line: thin, every command calls a function of `qrig.runs`.

Exit codes: 0 good, 1 differs or worse, 2 bad input or usage, 3 target unavailable or crashed,
4 no comparable baseline, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qrig import __version__
from qrig.cli.augment import add_augment
from qrig.cli.battery import add_battery
from qrig.cli.compare import add_compare
from qrig.cli.convert import add_convert
from qrig.cli.demo import add_demo
from qrig.cli.doctor import add_doctor
from qrig.cli.feedback import show_boards
from qrig.cli.generate import add_generate
from qrig.cli.history import add_history
from qrig.cli.inspect import add_inspect
from qrig.cli.kernel_options import add_kernels, choose_kernels
from qrig.cli.nightly import add_nightly
from qrig.cli.options import (
    add_network,
    add_power,
    json_file,
    load_networks,
    positive,
    read_sample,
    write_json,
)
from qrig.cli.outputs import check_apart
from qrig.cli.profile import add_profile
from qrig.cli.quantize import add_quantize
from qrig.cli.report import add_report
from qrig.cli.targets import add_targets
from qrig.cli.train import add_train
from qrig.cli.tune import add_tune
from qrig.errors import QrigError, UsageError

INTERRUPTED = 130
"""Exit code after Ctrl-C."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    options = argparse.Namespace()
    try:
        _parser().parse_args(arguments, options)
        code: int = options.command(options)
        sys.stdout.flush()
    except QrigError as error:
        print(f"qrig: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # Whoever read our output has left; nothing more can be said to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        kept = getattr(options, "kept", None)
        print(f"qrig: interrupted{'' if kept is None else f'; {kept}'}", file=sys.stderr)
        return INTERRUPTED
    except MemoryError:
        print("qrig: out of memory: the input asks for more than there is", file=sys.stderr)
        return UsageError.exit_code
    else:
        return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="qrig",
        description="Test and benchmark fixed-point neural networks on Cortex-M4/M7 targets.",
    )
    parser.add_argument("--version", action="version", version=f"qrig {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    _add_bench(commands)
    _add_run(commands)
    add_profile(commands)
    add_tune(commands)
    add_generate(commands)
    add_quantize(commands)
    add_augment(commands)
    add_train(commands)
    add_convert(commands)
    add_inspect(commands)
    add_demo(commands)
    add_report(commands)
    add_compare(commands)
    add_history(commands)
    add_nightly(commands)
    add_targets(commands)
    add_doctor(commands)
    add_battery(commands)

    boards = commands.add_parser("boards", help="list boards and their backends")
    boards.set_defaults(command=_boards)
    networks = commands.add_parser("networks", help="list the bundled networks")
    networks.set_defaults(command=_networks)
    return parser


def _add_bench(commands: Any) -> None:
    bench = commands.add_parser(
        "bench", help="run networks on targets, compare every layer, write a report"
    )
    add_network(bench, repeat=True)
    bench.add_argument("--target", action="append", metavar="T", help="board or board@backend")
    bench.add_argument("--input", action="append", metavar="FILE", help="inputs, not the samples")
    bench.add_argument("--samples", type=positive, metavar="N", help="samples of each network")
    bench.add_argument(
        "--trace",
        choices=("full", "crc", "logits"),
        default="full",
        help="compare every tensor, its checksums, or the output alone",
    )
    bench.add_argument(
        "--no-profile",
        dest="profile",
        action="store_false",
        help="do not estimate cycles on silicon",
    )
    add_power(bench)
    add_kernels(bench, original=True)
    bench.add_argument("--runs", metavar="DIR", help="folder of results")
    bench.set_defaults(command=_bench, kept="what was measured is kept")


def _add_run(commands: Any) -> None:
    run = commands.add_parser("run", help="run one input on one target, write JSON")
    add_network(run, repeat=False)
    run.add_argument("--target", required=True, metavar="T", help="board or board@backend")
    run.add_argument("--input", required=True, metavar="FILE", help="PNG, PPM, BMP, .npy or raw")
    run.add_argument("--json", metavar="OUT", help="where the JSON goes; - is standard output")
    add_power(run)
    run.add_argument("--softmax", action="store_true", help="add a softmax behind the logits")
    add_kernels(run, original=False)
    run.set_defaults(command=_run)


def _bench(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from qrig.reports.recoveries import recoveries_text
    from qrig.reports.store import new_runs_folder
    from qrig.reports.terminal import terminal_tables
    from qrig.runs.bench import DEFAULT_SAMPLES, bench, check_samples, prepare
    from qrig.runs.targets import DEFAULT_TARGETS, find_targets

    console = Console()
    folder = new_runs_folder(options.runs)
    targets = choose_kernels(find_targets(options.target or list(DEFAULT_TARGETS)), options)
    networks = load_networks(options)
    inputs = tuple(
        read_sample(Path(path), network) for network in networks for path in options.input or ()
    )
    if inputs and len(networks) > 1:
        raise UsageError("expected one network with --input, found several; run them one by one")
    if not inputs:
        check_samples(networks)
    console.print(f"building {len(networks)} x {len(targets)} deployments")
    cells = prepare(networks, targets)
    with Progress(console=console, transient=True) as bars:
        show_boards(targets, bars)
        tasks = {cell.name: bars.add_task(cell.name, total=None) for cell in cells}
        result = bench(
            cells,
            folder,
            inputs=inputs or None,
            samples=options.samples or DEFAULT_SAMPLES,
            trace=options.trace,
            model=options.profile,
            power=options.power,
            progress=lambda name, done, total: bars.update(
                tasks[name], completed=done, total=total
            ),
        )
    for table in terminal_tables(result.rows):
        console.print(table)
    for notice in (*result.run["notices"], *recoveries_text(result.run["recoveries"])):
        print(f"qrig: note: {notice}", file=sys.stderr)
    console.print(f"{result.verdict}: {result.folder / 'report.html'}", soft_wrap=True)
    return 0 if result.verdict == "bit-exact" else 1


def _run(options: argparse.Namespace) -> int:
    from qrig.runs.networks import with_softmax
    from qrig.runs.one_shot import run_once
    from qrig.runs.targets import find_target

    (target,) = choose_kernels((find_target(options.target),), options)
    show_boards([target])
    loaded = load_networks(options)[0]
    if options.softmax:
        loaded = with_softmax(loaded)
    out = json_file(options.json)
    check_apart({"--json": out}, options)
    document = run_once(
        target, loaded, read_sample(Path(options.input), loaded), power=options.power
    )
    write_json(document, out, standard_output=options.json == "-")
    if options.json != "-":
        _print_run(document)
    return 0 if document["verdict"] == "bit-exact" else 1


def _print_run(document: dict[str, Any]) -> None:
    for layer in document["layers"]:
        shape = "x".join(map(str, layer["shape"]))
        counted = "" if layer["instructions"] is None else f"{layer['instructions']:,}"
        mark = "bit-exact" if layer["match"] else f"differs: {layer['first_difference']}"
        print(f"{layer['name']:<16} {shape:>12} {layer['crc32']} {counted:>14}  {mark}")
    label = f" ({document['label']})" if document["label"] else ""
    print(f"logits {document['logits']}, top 1: {document['top1']}{label}")
    print(document["verdict"])


def _boards(options: argparse.Namespace) -> int:
    from qrig.boards import board_names, find_board

    for name in board_names():
        board = find_board(name)
        backends = ", ".join(board.backends) or "(modelled)"
        print(f"{name:<18} {board.core:<10} {backends:<12} {board.title}")
    return 0


def _networks(options: argparse.Namespace) -> int:
    from qrig.runs.networks import bundled_networks

    for name in bundled_networks():
        print(name)
    return 0
