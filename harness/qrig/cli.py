"""The command line: thin, every command calls a function of `qrig.runs`.

Exit codes: 0 good, 1 differs, 2 bad input or usage, 3 target unavailable or crashed,
130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qrig import __version__
from qrig.errors import QrigError, UsageError

if TYPE_CHECKING:
    from qrig.datasets import Sample
    from qrig.networks.graph import Shape
    from qrig.runs.networks import LoadedNetwork

INTERRUPTED = 130
"""Exit code after Ctrl-C."""

_DEFAULT_NETWORK = "lenet-mnist"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    try:
        options = _parser().parse_args(arguments)
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
        print("qrig: interrupted; what was measured is kept", file=sys.stderr)
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

    bench = commands.add_parser(
        "bench", help="run networks on targets, compare every layer, write a report"
    )
    _add_network(bench, repeat=True)
    bench.add_argument("--target", action="append", metavar="T", help="board or board@backend")
    bench.add_argument("--input", action="append", metavar="FILE", help="inputs, not the samples")
    bench.add_argument("--samples", type=_positive, metavar="N", help="samples of each network")
    bench.add_argument(
        "--trace",
        choices=("full", "crc", "logits"),
        default="full",
        help="compare every tensor, its checksums, or the output alone",
    )
    bench.add_argument("--runs", metavar="DIR", help="folder of results")
    bench.set_defaults(command=_bench)

    run = commands.add_parser("run", help="run one input on one target, write JSON")
    _add_network(run, repeat=False)
    run.add_argument("--target", required=True, metavar="T", help="board or board@backend")
    run.add_argument("--input", required=True, metavar="FILE", help="PNG, PPM, BMP, .npy or raw")
    run.add_argument("--json", metavar="OUT", help="where the JSON goes; - is standard output")
    run.add_argument("--softmax", action="store_true", help="add a softmax behind the logits")
    run.set_defaults(command=_run)

    report = commands.add_parser("report", help="print a run's tables and write its page again")
    report.add_argument("run", nargs="?", metavar="RUN", help="run id or folder; the latest")
    report.add_argument("--runs", metavar="DIR", help="folder of results")
    report.set_defaults(command=_report)

    boards = commands.add_parser("boards", help="list boards and their backends")
    boards.set_defaults(command=_boards)
    networks = commands.add_parser("networks", help="list the bundled networks")
    networks.set_defaults(command=_networks)
    return parser


def _add_network(parser: argparse.ArgumentParser, *, repeat: bool) -> None:
    parser.add_argument(
        "--network",
        action="append" if repeat else "store",
        metavar="N",
        help="bundled name or folder with a network.toml",
    )
    parser.add_argument("--model", type=Path, metavar="P", help="Caffe prototxt")
    parser.add_argument("--weights", type=Path, metavar="W", help=".caffemodel or .caffemodel.h5")
    parser.add_argument("--formats", type=Path, metavar="F", help="formats.json or ARM's .pkl")
    parser.add_argument(
        "--mean", metavar="M", help="mean.binaryproto, .npy, or values like 125,123"
    )
    parser.add_argument(
        "--input-shape", type=_shape, metavar="HxWxC", help="of the network's input"
    )


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {value}")
    return value


def _shape(text: str) -> Shape:
    from qrig.networks.graph import Shape

    parts = text.lower().split("x")
    if len(parts) != 3 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise argparse.ArgumentTypeError(f"expected HxWxC like 32x32x3, found {text!r}")
    return Shape(*(int(part) for part in parts))


def _loaded(options: argparse.Namespace) -> list[LoadedNetwork]:
    """Load the networks the options name."""
    from qrig.networks.description import NetworkDescription
    from qrig.runs.networks import load_description, load_network

    files = (options.model, options.weights, options.formats)
    names = options.network or []
    names = [names] if isinstance(names, str) else names
    if any(files):
        if names or not all(files):
            raise UsageError(
                "expected --network N, or --model, --weights and --formats together, found "
                + ("both" if names else "only some of them")
            )
        description = NetworkDescription(options.model.stem, *files)
        loaded = [load_description(description, mean=options.mean, input_shape=options.input_shape)]
    else:
        loaded = [
            load_network(name, mean=options.mean, input_shape=options.input_shape)
            for name in names or [_DEFAULT_NETWORK]
        ]
    for network in loaded:
        for notice in network.notices:
            print(f"qrig: note: {notice}", file=sys.stderr)
    return loaded


def _sample(path: Path, loaded: LoadedNetwork) -> Sample:
    from qrig.datasets import Sample, read_image
    from qrig.runs.networks import in_channel_order

    pixels = read_image(path, loaded.quantized.input.shape)
    return Sample(path.name, in_channel_order(pixels, loaded.quantized))


def _bench(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from qrig.reports.store import runs_folder
    from qrig.reports.terminal import terminal_tables
    from qrig.runs.bench import DEFAULT_SAMPLES, bench, check_samples, prepare
    from qrig.runs.targets import DEFAULT_TARGETS, find_targets

    console = Console()
    targets = find_targets(options.target or list(DEFAULT_TARGETS))
    networks = _loaded(options)
    inputs = tuple(
        _sample(Path(path), network) for network in networks for path in options.input or ()
    )
    if inputs and len(networks) > 1:
        raise UsageError("expected one network with --input, found several; run them one by one")
    if not inputs:
        check_samples(networks)
    console.print(f"building {len(networks)} x {len(targets)} deployments")
    cells = prepare(networks, targets)
    with Progress(console=console, transient=True) as bars:
        tasks = {cell.name: bars.add_task(cell.name, total=None) for cell in cells}
        result = bench(
            cells,
            runs_folder(options.runs),
            inputs=inputs or None,
            samples=options.samples or DEFAULT_SAMPLES,
            trace=options.trace,
            progress=lambda name, done, total: bars.update(
                tasks[name], completed=done, total=total
            ),
        )
    for table in terminal_tables(result.rows):
        console.print(table)
    console.print(f"{result.verdict}: {result.folder / 'report.html'}", soft_wrap=True)
    return 0 if result.verdict == "bit-exact" else 1


def _run(options: argparse.Namespace) -> int:
    from qrig.reports.store import write_atomically
    from qrig.runs.networks import with_softmax
    from qrig.runs.one_shot import run_once
    from qrig.runs.targets import find_target

    target = find_target(options.target)
    loaded = _loaded(options)[0]
    if options.softmax:
        loaded = with_softmax(loaded)
    out = _json_file(options.json)
    document = run_once(target, loaded, _sample(Path(options.input), loaded))
    text = json.dumps(document, indent=1) + "\n"
    if options.json == "-":
        print(text, end="")
    elif out is not None:
        try:
            write_atomically(out, lambda path: _write(path, text))
        except OSError as error:
            raise UsageError(
                f"{out}: expected a place to write the JSON, found that it cannot be written "
                f"({error.strerror}); give another name"
            ) from error
    if options.json != "-":
        _print_run(document)
    return 0 if document["verdict"] == "bit-exact" else 1


def _json_file(text: str | None) -> Path | None:
    """Return the file the JSON goes to, None where it goes to none; raises UsageError."""
    if text is None or text == "-":
        return None
    out = Path(text)
    try:
        usable = not out.is_dir() and out.parent.is_dir() and os.access(out.parent, os.W_OK)
    except OSError:  # a name too long
        usable = False
    if not usable:
        raise UsageError(
            f"{out}: expected a file in an existing folder for the JSON, found none that can be "
            "written; make the folder or give another name"
        )
    return out


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _print_run(document: dict[str, Any]) -> None:
    for layer in document["layers"]:
        shape = "x".join(map(str, layer["shape"]))
        counted = "" if layer["instructions"] is None else f"{layer['instructions']:,}"
        mark = "bit-exact" if layer["match"] else f"differs: {layer['first_difference']}"
        print(f"{layer['name']:<16} {shape:>12} {layer['crc32']} {counted:>14}  {mark}")
    label = f" ({document['label']})" if document["label"] else ""
    print(f"logits {document['logits']}, top 1: {document['top1']}{label}")
    print(document["verdict"])


def _report(options: argparse.Namespace) -> int:
    from rich.console import Console

    from qrig.reports.html import write_report
    from qrig.reports.store import find_run, load_run, runs_folder
    from qrig.reports.terminal import terminal_tables

    console = Console()
    folder = find_run(runs_folder(options.runs), options.run)
    rows, run = load_run(folder)
    for table in terminal_tables(rows):
        console.print(table)
    write_report(rows, run, folder / "report.html")
    console.print(f"{run.get('status')}: {folder / 'report.html'}", soft_wrap=True)
    return 0


def _boards(options: argparse.Namespace) -> int:
    from qrig.boards import board_names, find_board

    for name in board_names():
        board = find_board(name)
        print(f"{name:<16} {board.core:<10} {', '.join(board.backends):<16} {board.title}")
    return 0


def _networks(options: argparse.Namespace) -> int:
    from qrig.runs.networks import bundled_networks

    for name in bundled_networks():
        print(name)
    return 0
